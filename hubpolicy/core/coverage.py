# SPDX-License-Identifier: Apache-2.0
"""Which bytes were run, and what those runs say under the policy at hand.

Joins verified toxicity and applicability lines with the files of the release: every weight must be
in the closure of a line whose every file stands here unchanged; every other file must be in one
too, or of a known inert type. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind
from hubpolicy.core.lines import (
    RUNS,
    WHOLE,
    closure_paths,
    differing,
    digests,
    released_on,
    runs,
    select,
    sizes,
    threshold,
)
from hubpolicy.core.rules import hp201, hp209, hp406, hp407, hp408, hp409, hp410, hp413
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.core.rules.hp320 import approvers
from hubpolicy.domain.manifest import Entry, dir_hash
from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    CardResult,
    ToxicityResult,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.filetypes import Kind
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.evaluation import Measurement
    from hubpolicy.domain.finding import Finding

__all__ = ["check", "closure_digest", "closure_paths", "judge_run", "measurements", "runs"]


class Files(NamedTuple):
    """Bytes per path, first bytes where they say more than the name, and the paths per kind."""

    sizes: Mapping[str, int]
    heads: Mapping[str, bytes]
    known: Mapping[Kind, list[str]]


_SAFETY = RoleRequirement("approver:safety", 1, "closure")


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Everything that the lines about runs have to answer for."""
    current = runs(evidence)
    checkers = _checkers(current)
    wanted = threshold(evidence, "checker")
    tested = frozenset(path for path, people in checkers.items() if len(people) >= wanted)
    found: list[Finding] = []
    for line in current:
        found.extend(judge_run(evidence, line))
    heads = dict(evidence.heads)
    files = Files(sizes(evidence), heads, by_kind(sizes(evidence), heads))
    untested = _untested(evidence, files, tested, checkers)
    # Where nothing was run, one sentence says so; the configurations would be in that run too.
    nothing = any(finding.rule == hp201.ID for finding in untested)
    if nothing:
        tested |= frozenset(files.known.get("config", ()))
    return (*found, *untested, *_files(evidence, files, tested))


def closure_digest(line: VerifiedStatement) -> str:
    """Hex dirHash over the files that were loaded in that run."""
    return dir_hash(_loaded(line))


def _loaded(line: VerifiedStatement) -> tuple[Entry, ...]:
    subjects = line.statement.subjects
    return tuple(Entry(s.name, 0, s.get("sha256") or "") for s in subjects if s.name != WHOLE)


def measurements(evidence: Evidence) -> tuple[tuple[VerifiedStatement, Measurement], ...]:
    """Every recomputed suite of every toxicity line that is about these bytes."""
    found: list[tuple[VerifiedStatement, Measurement]] = []
    for line in runs(evidence):
        if isinstance(line.predicate, ToxicityResult):
            measured, _ = _recompute(evidence, line, line.predicate)
            found.extend((line, measurement) for measurement in measured)
    return tuple(found)


def _recompute(
    evidence: Evidence, line: VerifiedStatement, result: ToxicityResult
) -> tuple[tuple[Measurement, ...], tuple[Finding, ...]]:
    declared = _declared(evidence)
    judged = recompute(
        result,
        evidence.policy.toxicity,
        min_level=evidence.policy.min_level,
        released_on=released_on(evidence, line.payload_sha256),
        declared=declared,
    )
    if not result.quantized_from:
        return judged
    from hubpolicy.core.quantized import judge_claim  # most pushes are spared the import

    return judge_claim(evidence, line, result, declared, judged)


def _declared(evidence: Evidence) -> tuple[str, ...]:
    """The languages of the card, by the word of whoever checked it; HP120 and HP121 see to that."""
    cards = select(evidence.lines, CardResult)
    return tuple(sorted({language for _, card in cards for language in card.languages}))


def judge_run(evidence: Evidence, line: VerifiedStatement) -> tuple[Finding, ...]:
    """Everything that one line about a run has to answer for."""
    if isinstance(line.predicate, ToxicityResult):
        return _recompute(evidence, line, line.predicate)[1]
    if isinstance(line.predicate, ApplicabilityResult):
        return hp209.check(
            line.predicate,
            safety_approved=_safety_approved(evidence),
            stand_in=any(item.when == "generates-other" for item in evidence.policy.evidence),
        )
    return ()


def _safety_approved(evidence: Evidence) -> bool:
    """Enough people agreed to everything that was run; a word about the card is none about it."""
    asked = next((r for r in evidence.policy.roles if r.role == _SAFETY.role), _SAFETY)
    role = asked._replace(binds="closure") if asked.binds == "card" else asked
    return len(approvers(evidence, role)) >= threshold(evidence, role.role)


def _checkers(current: tuple[VerifiedStatement, ...]) -> dict[str, set[str]]:
    """Who ran each file."""
    checkers: dict[str, set[str]] = {}
    for line in current:
        for path in closure_paths(line):
            checkers.setdefault(path, set()).add(line.principal)
    return checkers


def _untested(
    evidence: Evidence, files: Files, tested: frozenset[str], checkers: Mapping[str, set[str]]
) -> tuple[Finding, ...]:
    """HP201 where nothing here was run by enough people; HP409 where some weights were left out."""
    weights = sorted((*files.known.get("weight", ()), *files.known.get("pickle", ())))
    wanted = threshold(evidence, "checker")
    if not weights or not tested.isdisjoint(weights):
        few = {p: f"{len(ran)} of {wanted}" for p, ran in checkers.items() if p not in tested}
        return hp409.check(*files[:2], tested, files.known, few)
    last = [line for line in evidence.lines if isinstance(line.predicate, RUNS)]
    have = digests(evidence)
    changed = differing(last[-1].statement, have) if last else ()
    signed = _loaded(last[-1]) if last else ()
    return hp201.check(
        dir_hash(_as_they_are(signed, weights, have, changed)),
        proven=False,
        last=closure_digest(last[-1]) if last else "",
        differing=changed,
        path="PATH",
        people=(min(len(checkers.get(path, ())) for path in weights), wanted),
    )


def _as_they_are(
    signed: tuple[Entry, ...],
    weights: list[str],
    have: Mapping[str, tuple[str | None, str | None]],
    changed: tuple[str, ...],
) -> tuple[Entry, ...]:
    """The files of that closure and all weights, as they stand here; an unchanged one as signed."""
    same = {entry.path: entry for entry in signed if entry.path not in changed}
    paths = {entry.path for entry in signed if entry.path in have}.union(weights)
    return tuple(same.get(p) or Entry(p, 0, have[p][0] or have[p][1] or "") for p in paths)


def _files(evidence: Evidence, files: Files, tested: frozenset[str]) -> tuple[Finding, ...]:
    there, heads, known = files
    allowed = evidence.policy.allowed_files
    return (
        *hp406.check(there, heads, evidence.remote_code, tested, allowed, known),
        *hp407.check(there, heads, tested, allowed, known),
        *hp408.check(there, heads, tested, allowed, known),
        *hp410.check(there, heads, known),
        *hp413.check(there, evidence.policy.weights, allowed),
    )
