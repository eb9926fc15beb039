# SPDX-License-Identifier: Apache-2.0
"""HP308: the bytes are not the ones that were released: changed, missing or added files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import WHOLE, at_hand, differing, digests, named, select, whole
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ID = "HP308"
TITLE = "the release covers exactly these bytes"
SEVERITY = Severity.ERROR
_FIX = "hubpolicy attest PATH (a changed weight file also needs hubpolicy test PATH)"


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Set equality of names and contents, and of the dirHash where all contents are known."""
    have = digests(evidence)
    found: list[Finding] = []
    for line, _ in select(evidence.lines, ReleaseSummary):
        found.extend(_compare(evidence, line, have))
    return tuple(found)


def _compare(
    evidence: Evidence,
    line: VerifiedStatement,
    have: dict[str, tuple[str | None, str | None]],
) -> list[Finding]:
    names = {name for name, _ in line.statement.subjects if name != WHOLE}
    changed = tuple(p for p in differing(line.statement, have) if p in have)
    missing = tuple(sorted(names - have.keys()))
    added = tuple(sorted(have.keys() - names))
    found = [
        Finding(ID, SEVERITY, f"{len(paths)} {verb}: {named(paths)}", Location(paths[0]), _FIX)
        for paths, verb in (
            (changed, "changed since the release was signed"),
            (missing, "named in the release and absent here"),
            (added, "not in the release"),
        )
        if paths
    ]
    expected, got = whole(line.statement), at_hand(evidence)
    if not found and expected != got:
        message = f"got dirHash {got}, expected {expected}, in the release line"
        found.append(Finding(ID, SEVERITY, message, None, _FIX))
    return found
