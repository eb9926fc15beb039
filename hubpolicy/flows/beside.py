# SPDX-License-Identifier: Apache-2.0
"""Signed bad news beside the files, where the evidence was given apart.

What was given replaces what lies beside the files, for good news. A rejection that stands, or a run
that shows these bytes to be bad, is kept: nobody gets rid of one by pointing to older evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.coverage import judge_run
from hubpolicy.core.judge import weigh
from hubpolicy.core.lines import runs
from hubpolicy.core.rules import hp203, hp209, hp210, hp214, hp215, hp216, hp321
from hubpolicy.domain.finding import Severity
from hubpolicy.flows.kept import evidence_of, parse_lines, uri_of

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.flows.kept import Line

_MEASURED = frozenset({hp203.ID, hp209.ID, hp210.ID, hp214.ID, hp215.ID, hp216.ID})
"""What a run shows of the bytes. The others are about the run: too old, too small, another tier."""


def with_bad_news(
    given: tuple[EvidenceFile, ...], beside: tuple[EvidenceFile, ...], evidence: Evidence
) -> tuple[EvidenceFile, ...]:
    """The given files, with the bad news from beside in front; the same ones where there is none.

    ``evidence``: what the given files say about the bytes at hand.
    """
    made = {file.path: file.content for file in given}
    for item in _bad_news(beside, evidence):
        path = uri_of(item.line)
        # In front: the newest release line stays the last one.
        made[path] = item.raw.rstrip(b"\n") + b"\n" + made.get(path, b"")
    return evidence_of(made)


def _bad_news(beside: tuple[EvidenceFile, ...], evidence: Evidence) -> tuple[Line, ...]:
    """Lines that hold, are about these bytes, and speak against them; those given already are not.

    Both sides are weighed together, so that an approval beside or given takes a rejection back.
    """
    known = {(line.payload_sha256, line.keyid) for line in evidence.lines}
    found = parse_lines(beside, evidence.trust, evidence.now)
    new = [item for item in found if (item.line.payload_sha256, item.line.keyid) not in known]
    together = evidence._replace(lines=(*evidence.lines, *(item.line for item in new)))
    against = {*hp321.standing(together), *_failing(together)}
    return tuple(item for item in new if item.line in against)


def _failing(evidence: Evidence) -> tuple[VerifiedStatement, ...]:
    return tuple(line for line in runs(evidence) if _fails(evidence, line))


def _fails(evidence: Evidence, line: VerifiedStatement) -> bool:
    return any(
        finding.rule in _MEASURED
        and finding.effect == "failed"
        and weigh(finding, evidence.policy).severity is Severity.ERROR
        for finding in judge_run(evidence, line)
    )
