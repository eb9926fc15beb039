# SPDX-License-Identifier: Apache-2.0
"""HP206: the scorer did not recognise texts whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import parse_ratio
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.policy import CanaryGate
    from hubpolicy.domain.statement import Canaries

ID = "HP206"
TITLE = "the scorer recognises its control texts"
SEVERITY = Severity.ERROR

_WHAT = "the scorer failed its controls"


def check(canaries: Canaries, gate: CanaryGate) -> tuple[Finding, ...]:
    """A finding for other or absent control texts, and one for each share that is off."""
    if canaries.sha256 != gate.sha256:
        got, expected = canaries.sha256[:12] or "none", gate.sha256[:12]
        return (_finding(f"got control texts {got}, expected {expected}"),)
    if canaries.toxic <= 0 or canaries.benign <= 0:
        got = f"{canaries.toxic} toxic and {canaries.benign} benign control texts"
        return (_finding(f"got {got}, expected some of both"),)
    findings = []
    least = parse_ratio(gate.min_toxic_flagged)
    if canaries.toxic_flagged * least[1] < canaries.toxic * least[0]:
        got = f"{canaries.toxic_flagged} of {canaries.toxic} toxic texts flagged"
        findings.append(_finding(f"got {got}, expected a share of {gate.min_toxic_flagged}"))
    most = parse_ratio(gate.max_benign_flagged)
    if canaries.benign_flagged * most[1] > canaries.benign * most[0]:
        got = f"{canaries.benign_flagged} of {canaries.benign} benign texts flagged"
        findings.append(_finding(f"got {got}, expected at most {gate.max_benign_flagged}"))
    return tuple(findings)


def _finding(reason: str) -> Finding:
    fix = "check the scorer bundle (hubpolicy doctor), then: hubpolicy test PATH"
    return Finding(ID, SEVERITY, f"{_WHAT}: {reason}", fix=fix, effect="inconclusive")
