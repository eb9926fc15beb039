# SPDX-License-Identifier: Apache-2.0
"""HP703: the release was revoked, by the digest of one of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import digests
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.rules.hp601 import SentBlob
    from hubpolicy.domain.manifest import Entry

ID = "HP703"
TITLE = "no file of the release is revoked"
SEVERITY = Severity.ERROR
FIX = (
    "do not publish these bytes; where they are public already: "
    'hubpolicy withdraw NAMESPACE/NAME --reason "..."'
)


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Looks up every sha256 at hand, and every signed one, in the state's revoked files."""
    revoked = evidence.trust.state.revoked_files
    if not revoked:
        return ()
    names = {path for path, (sha256, _) in digests(evidence).items() if sha256 in revoked}
    for line in evidence.lines:
        names |= {s.name for s in line.statement.subjects if s.get("sha256") in revoked}
    return tuple(_finding(path, f"{path} was revoked") for path in sorted(names))


def check_files(files: Iterable[Entry], revoked: frozenset[str]) -> tuple[Finding, ...]:
    """The same of files that nothing was signed about yet."""
    gone = (file.path for file in files if file.sha256 in revoked)
    return tuple(_finding(path, f"{path} was revoked") for path in sorted(gone))


def check_sent(sent: Iterable[SentBlob], revoked: frozenset[str]) -> tuple[Finding, ...]:
    """The same for blobs of an earlier commit that a push would send."""
    gone = (blob.path for blob in sent if blob.sha256 in revoked)
    paths = {printable(path.encode("utf-8", errors="surrogateescape")) for path in gone}
    return tuple(
        _finding(path, f"{path} was revoked, and is in the pushed history")
        for path in sorted(paths)
    )


def check_listed(path: str, where: str) -> tuple[Finding, ...]:
    """The same for a file that a hub lists, by its sha256, in a revision that becomes public."""
    return (_finding(path, f"{path} {where} was revoked"),)


def _finding(path: str, message: str) -> Finding:
    return Finding(ID, SEVERITY, message, Location(path), FIX)
