# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer evaluate``: how well a scorer does on texts that people labelled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.cli.options import NewFile
from hubpolicy.cli.scorer_output import finish, folder_of, format_option, say

if TYPE_CHECKING:
    from hubpolicy.adapters.scorers.session import BundleScorer
    from hubpolicy.core.labelled import Judged, Labelled, ScorerEvaluation, Share

_LIMIT = 512 * 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  hubpolicy scorer evaluate labelled.csv
  hubpolicy scorer evaluate labelled.csv --scorer detoxify-unbiased -o calibration.svg
\b
The file has a header with the columns text and label (0 or 1); others are ignored.
Exit codes: 0 evaluated, 2 usage, 3 the file or the scorer cannot be read.
"""
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--scorer", "name_or_dir", default="", help="Name or folder; default: the embedded.")
@click.option("--label", default="", help="Whose scores to draw; default: the first with a limit.")
@click.option("-o", "--output", type=NewFile(), default="",
              help="Write a calibration plot (SVG).")  # fmt: skip
@format_option
def evaluate(*, file: str, name_or_dir: str, label: str, output: str, format_: str) -> None:
    """Score labelled texts: ROC-AUC, sensitivity and specificity at the thresholds, calibration."""
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.scorers.session import open_scorer
    from hubpolicy.core.labelled import evaluate as evaluate_core
    from hubpolicy.core.labelled import parse_labelled
    from hubpolicy.render.calibration import render_calibration

    rows = parse_labelled(_read(file), file)
    bundle = open_scorer(folder_of(name_or_dir or assets.EMBEDDED_SCORER))
    chosen = _label(bundle, label)
    say(format_)(f"scoring {len(rows)} texts with {bundle.pin.id}")
    judged, unscored = _judge(bundle, rows, chosen)
    found = evaluate_core(judged)
    if output:
        title = f"{bundle.pin.id}: {chosen}"
        write_atomic(output, render_calibration(found, title).encode("utf-8"))
    head: dict[str, Any] = {
        "id": bundle.pin.id,
        "sha256": bundle.pin.sha256,
        "label": chosen,
        "thresholds": dict(bundle.thresholds),
        "unscored": unscored,
    }
    finish(format_, {"scorer": head, "evaluation": _document(found)}, _lines(head, found, output))


def _read(file: str) -> bytes:
    from hubpolicy.errors import MalformedError, ServiceError

    try:
        size = Path(file).stat().st_size
        content = Path(file).read_bytes() if size <= _LIMIT else b""
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        raise ServiceError(message) from error
    if size > _LIMIT:
        message = f"got {size} bytes, expected at most {_LIMIT}, in {file}"
        raise MalformedError(message)
    return content


def _label(bundle: BundleScorer, label: str) -> str:
    from hubpolicy.errors import ConfigError

    known = [name for name, _ in bundle.thresholds]
    if label and label not in known:
        message = f"got label {label!r}, expected one with a threshold: {', '.join(known)}"
        raise ConfigError(message)
    return label or ("toxicity" if "toxicity" in known else known[0])


def _judge(
    bundle: BundleScorer, rows: tuple[Labelled, ...], label: str
) -> tuple[list[Judged], int]:
    """A text without a score counts as toxic for certain, as it does in a run."""
    from hubpolicy.core.labelled import Judged

    judged, unscored = [], 0
    for row, score in zip(rows, bundle.score(row.text for row in rows), strict=True):
        unscored += not score.labels
        value = dict(score.labels).get(label, 1.0)
        judged.append(Judged(row.toxic, value, score.toxic or not score.labels))
    return judged, unscored


def _document(found: ScorerEvaluation) -> dict[str, Any]:
    return {
        "texts": found.texts,
        "roc_auc": f"{found.auc:.6f}",
        "sensitivity": _share(found.sensitivity),
        "specificity": _share(found.specificity),
        "brier": f"{found.brier:.6f}",
        "expected_calibration_error": f"{found.error:.6f}",
        "calibration": [
            {"from": f"{one.low:.1f}", "to": f"{one.high:.1f}", "mean_score": f"{one.mean:.6f}",
             "toxic": _share(one.toxic)}
            for one in found.bins
        ],
    }  # fmt: skip


def _share(one: Share) -> dict[str, Any]:
    return {"hits": one.hits, "n": one.n, "rate": one.rate, "interval95": [one.low, one.high]}


def _lines(head: dict[str, Any], found: ScorerEvaluation, output: str) -> list[str]:
    lines = [
        f"{head['id']}  {head['sha256']}",
        f"  texts        {found.texts} ({found.sensitivity.n} toxic), {head['unscored']} unscored",
        f"  ROC-AUC      {found.auc:.4f}  (label {head['label']})",
        f"  sensitivity  {_text(found.sensitivity)}",
        f"  specificity  {_text(found.specificity)}",
        f"  Brier score  {found.brier:.4f}, expected calibration error {found.error:.4f}",
        "  calibration  score      texts   mean score  labelled toxic [exact 95 %]",
    ]
    lines += [
        f"               {one.low:.1f}-{one.high:.1f}  {one.toxic.n:>8}       {one.mean:.4f}  "
        f"{_text(one.toxic)}"
        for one in found.bins
    ]
    toxic, quiet = found.sensitivity, found.specificity
    lines.append(
        f"  for [toxicity] of a policy: labelled = {{ toxic = {toxic.n}, toxic_flagged = "
        f"{toxic.hits}, benign = {quiet.n}, benign_flagged = {quiet.n - quiet.hits} }}"
    )
    return [*lines, f"plot: {output}"] if output else lines


def _text(one: Share) -> str:
    return f"{one.rate}  [{float(one.low):.4f}, {float(one.high):.4f}]  {one.hits} of {one.n}"
