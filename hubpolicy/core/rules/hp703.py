# SPDX-License-Identifier: Apache-2.0
"""HP703: the release was revoked, by the digest of one of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import digests
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP703"
TITLE = "no file of the release is revoked"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Looks up every sha256 at hand, and every signed one, in the state's revoked files."""
    revoked = evidence.trust.state.revoked_files
    if not revoked:
        return ()
    names = {path for path, (sha256, _) in digests(evidence).items() if sha256 in revoked}
    for line in evidence.lines:
        names |= {s.name for s in line.statement.subjects if s.get("sha256") in revoked}
    return tuple(
        Finding(ID, SEVERITY, f"{path} was revoked", Location(path), "do not publish these bytes")
        for path in sorted(names)
    )
