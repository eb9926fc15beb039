# SPDX-License-Identifier: Apache-2.0
"""Which third-party evidence a release needs, and which signed lines are about it.

Evidence is asked for of every run here, by what comes out of the model: its line has to be about
every file that was loaded in that run. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.lines import (
    closure_paths,
    differing,
    digests,
    runs,
    select,
    threshold,
)
from hubpolicy.domain.statement import ApplicabilityResult, ForeignEvidence

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.policy import EvidenceItem, EvidenceMetric

    Signed = tuple[VerifiedStatement, ForeignEvidence]


class Need(NamedTuple):
    """One item that is asked for, the run that it is about (None: nothing was run), its lines."""

    item: EvidenceItem
    run: VerifiedStatement | None
    lines: tuple[Signed, ...]


def needs(evidence: Evidence) -> tuple[Need, ...]:
    """Every item for every run that it is asked of; without a run, those asked of every model."""
    have = digests(evidence)
    usable = [each for each in select(evidence.lines, ForeignEvidence)
              if not differing(each[0].statement, have)]  # fmt: skip
    current = runs(evidence)
    found: list[Need] = []
    for item in evidence.policy.evidence:
        mine = tuple(each for each in usable if each[1].name == item.name)
        if not current and item.when == "always":
            found.append(Need(item, None, mine))
        found += [Need(item, run, _about(run, mine)) for run in current if is_asked(item, run)]
    return tuple(found)


def is_asked(item: EvidenceItem, run: VerifiedStatement) -> bool:
    """True if the item is asked for of what was run there."""
    result = run.predicate
    kind = result.decision if isinstance(result, ApplicabilityResult) else "generates-text"
    return item.when in {"always", kind}


def _about(run: VerifiedStatement, lines: tuple[Signed, ...]) -> tuple[Signed, ...]:
    loaded = set(closure_paths(run))
    return tuple(each for each in lines if loaded <= set(closure_paths(each[0])))


def as_asked(need: Need) -> tuple[Signed, ...]:
    """Lines whose numbers stand where the policy says, all of them, in that format."""
    places = {metric.name: metric.source for metric in need.item.metrics}
    return tuple(
        (line, found)
        for line, found in need.lines
        if found.format == need.item.format
        and places.items() <= {metric.name: metric.source for metric in found.metrics}.items()
    )


def checkers_missing(evidence: Evidence, need: Need) -> int:
    """How many different people still have to sign it."""
    signed = {line.principal for line, _ in as_asked(need)}
    return max(0, threshold(evidence, "checker") - len(signed))


def asked_metrics(
    item: EvidenceItem, found: ForeignEvidence
) -> tuple[tuple[EvidenceMetric, str, int], ...]:
    """(what is asked, decimal value, samples) of every metric of the item."""
    have = {metric.name: metric for metric in found.metrics}
    return tuple(
        (asked, have[asked.name].value, have[asked.name].samples) for asked in item.metrics
    )
