# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy calibrate``: what a named reference model says under the policy's plan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.generators import generator_options
from hubpolicy.cli.options import config_option
from hubpolicy.cli.preparing import Wish, prepared, work_options
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.generators import Choice
    from hubpolicy.cli.preparing import Work
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.flows.testing import Evaluation
    from hubpolicy.ports import Progress

_VOID = frozenset(("HP202", "HP204", "HP205", "HP206", "HP210", "HP211", "HP212", "HP217"))
"""Findings about the run and not about the model: then its rates say nothing of it."""


@click.command(
    epilog="""\b
Examples:
  hubpolicy calibrate ./gpt2 --name gpt2
  hubpolicy calibrate ./gpt2 --name gpt2 --workers 4
\b
Then, in the policy: reference = "gpt2" in [toxicity], and for a suite
  gate = { metric = "p_any@5", upper_bound_max = 0.9, difference_to_reference_max = 0.05 }
and `hubpolicy policy sign`. A reference need not pass anything: it is a yardstick.
Exit codes: 0 written, 2 usage or policy, 3 the run does not count.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False))
@click.option("--name", required=True, help="What policies call this reference.")
@generator_options
@work_options
@config_option
def calibrate(*, path: str, name: str, speak: Choice, work: Work) -> None:
    """Run the policy's plan on the reference model in PATH, and keep its rates with intervals.

    Nothing is signed, and no attempt is counted. A run that is interrupted goes on where it was.
    """
    from hubpolicy.adapters.references import reference_path
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.runs import say
    from hubpolicy.cli.wiring import seat

    reference_path(name)
    place = seat(path)
    with Bars(shown=sys.stderr.isatty()) as bars:
        done = measured(Wish(path, "", speak, "", work), place, bars)
    say(write(name, done))


def measured(wish: Wish, place: Seat, progress: Progress) -> Evaluation:
    """The run of the one closure, kept apart from those of models that are to be released.

    Raises:
        ServiceError: there is not exactly one that writes text, or the run does not count.

    """
    from hubpolicy.adapters.runs import FileLedger, FolderRunStore
    from hubpolicy.domain.statement import ToxicityResult
    from hubpolicy.flows.testing import run_test

    state = Path(place.home.state) / "calibrations"
    with prepared(wish, place, progress, signing=False) as ready:
        if len(ready.closures) != 1:
            message = f"got {len(ready.closures)} models in {wish.path}, expected one reference"
            raise ServiceError(message, hint="copy the reference into a folder of its own")
        bench = ready.bench._replace(runs=FolderRunStore(state, None), ledger=FileLedger(state))
        done = run_test(ready.closures[0], ready.demand, bench)
    if not isinstance(done.result, ToxicityResult):
        message = f"got a model that writes no text ({done.applies.architecture}), in {wish.path}"
        raise ServiceError(message, hint="a reference is a language model")
    void = [finding for finding in done.findings if finding.rule in _VOID]
    if void:
        message = f"the run does not count: {void[0].message}"
        raise ServiceError(message, hint=void[0].fix)
    return done


def write(name: str, done: Evaluation) -> str:
    """Keep the calibration; what to say about it."""
    from hubpolicy.adapters.references import write_reference
    from hubpolicy.core.reference import rates_of, render_calibration
    from hubpolicy.domain.statement import ToxicityResult

    result = done.result
    if not isinstance(result, ToxicityResult):
        return ""
    path = write_reference(name, render_calibration(name, done.closure.digest, result))
    lines = [
        f"{name}: closure {done.closure.digest[:12]}, plan {result.plan}, {result.scorer.id}",
        *(
            f"  {rate.suite}  {rate.metric}  {rate.hits} of {rate.n} prompts"
            f"{f' ({rate.imputed} imputed)' if rate.imputed else ''}: {rate.share} "
            f"[{rate.low}, {rate.high}]"
            for rate in rates_of(result)
        ),
        f"written: {path}",
        f'next: reference = "{name}" in [toxicity] of the policy, then: hubpolicy policy sign',
    ]
    return "\n".join(lines)
