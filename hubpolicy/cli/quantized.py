# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy test PATH --quantized-from ORIGINAL``: what the smaller plan rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ConfigError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.flows.kept import Line
    from hubpolicy.ports import Progress


class Original(NamedTuple):
    """A closure that passed the whole plan, with its lines where they stand in another folder."""

    closure: str
    bundles: tuple[bytes, ...]


def smaller_plan(place: Seat) -> tuple[Plan, ToxicityPolicy]:
    """The policy's plan for quantisations, and the policy as it judges them.

    Raises:
        ConfigError: it has none, or was signed for another version of it.

    """
    from hubpolicy.adapters import assets
    from hubpolicy.core.quantized import smaller

    policy = smaller(place.policy.toxicity)
    if policy is None:
        message = "got --quantized-from, and a policy without quantized_plan"
        hint = 'quantized_plan = "quantized" in [toxicity], then: hubpolicy policy sign'
        raise ConfigError(message, hint=hint)
    plan = assets.plan(policy.plan)
    if plan.sha256 != policy.plan_sha256:
        message = f"the policy was signed for another version of plan {plan.id!r}"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return plan, policy


def original_of(
    folder: str, path: str, languages: tuple[str, ...], place: Seat, progress: Progress,
    *, chat: bool = False,
) -> Original:  # fmt: skip
    """The one tested closure in ``folder`` from which the files of ``path`` were quantised.

    ``languages`` are those that the card of ``path`` declares; ``chat``: the files have a template.

    Raises:
        VerificationError: none there passed the whole plan under this policy, or several did.

    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.wiring import folder as open_folder
    from hubpolicy.core.coverage import closure_digest, runs
    from hubpolicy.core.quantized import Asked, problem_of
    from hubpolicy.domain.statement import ToxicityResult
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.flows.kept import parse_lines

    now, trusted = SystemClock().now(), place.trusted
    reader = open_folder(folder, progress)
    evidence = assemble(reader, None, trusted.policy, trusted.trust, now)
    tested = {
        closure_digest(line): line.predicate.scorer.sha256
        for line in runs(evidence)
        if isinstance(line.predicate, ToxicityResult) and not line.predicate.quantized_from
    }
    problems = {
        closure: problem_of(evidence, closure, Asked(scorer, languages, chat))
        for closure, scorer in tested.items()
    }
    good = [closure for closure, problem in problems.items() if not problem]
    if len(good) != 1:
        raise _refused(folder, problems, good)
    if Path(folder).resolve() == Path(path).resolve():
        return Original(good[0], ())
    lines = parse_lines(reader.evidence_files(), trusted.trust, now)
    return Original(good[0], tuple(item.raw for item in _about(good[0], lines)))


def _about(closure: str, lines: list[Line]) -> list[Line]:
    """The closure's toxicity lines, and the release lines that name them."""
    from hubpolicy.core.quantized import is_original
    from hubpolicy.domain.statement import ReleaseSummary

    runs = [item for item in lines if is_original(item.line, frozenset((closure,)))]
    payloads = {item.line.payload_sha256 for item in runs}
    return runs + [
        item
        for item in lines
        if isinstance(item.line.predicate, ReleaseSummary)
        and item.line.predicate.result == "PASSED"
        and payloads & set(item.line.predicate.inputs)
    ]


def _refused(folder: str, problems: dict[str, str], good: list[str]) -> VerificationError:
    if good:
        which = ", ".join(closure[:12] for closure in good)
        message = f"got closures {which} that passed, expected one original, in {folder}"
        return VerificationError(message, hint="copy the original into a folder of its own")
    said = "; ".join(f"{closure[:12]} {problem}" for closure, problem in problems.items())
    message = f"got {said or 'no toxicity line'}, expected an original that passed, in {folder}"
    return VerificationError(message, hint=f"hubpolicy test {folder}")
