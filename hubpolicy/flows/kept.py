# SPDX-License-Identifier: Apache-2.0
"""The lines that stand in a release, with their bytes: what is kept, and how it is written again.

Nothing is judged here; whoever attests (``flows/attesting.py``) decides what goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import lines as at
from hubpolicy.core.bundle import add_timestamp, make_bundle, parse_bundle
from hubpolicy.core.evidence_files import records_path
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.line_files import lines as lines_of
from hubpolicy.core.quantized import claimed_by, is_original
from hubpolicy.core.verify import verify_bundle
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.domain.statement import Approval, ReleaseSummary, ToxicityResult
from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import Manifest
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Clock, ReleaseReader, Signer, TimeService


class Desk(NamedTuple):
    """What an attestation takes: the key at hand, and everything that is trusted."""

    signer: Signer
    policy: Policy
    policy_envelope: bytes
    trust: Trust
    clock: Clock
    version: str
    time_service: TimeService | None = None


class Line(NamedTuple):
    """One line as it stands there, and what it was proven to be."""

    raw: bytes
    line: VerifiedStatement


class Refused(NamedTuple):
    """A line that proves nothing: why, and whether it is no bundle at all (cut off, say)."""

    reason: str
    damaged: bool


def evidence_of(made: dict[str, bytes]) -> tuple[EvidenceFile, ...]:
    """Sorted by path."""
    return tuple(EvidenceFile(path, made[path]) for path in sorted(made))


class Revised:
    """A release with this evidence beside it, whatever stands on the disk meanwhile."""

    def __init__(self, reader: ReleaseReader, files: tuple[EvidenceFile, ...]) -> None:
        self._reader = reader
        self._files = files

    @property
    def manifest(self) -> Manifest:
        """Every covered file."""
        return self._reader.manifest

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of the release."""
        return self._reader.findings

    def read(self, path: str) -> bytes:
        """A small file's content."""
        return self._reader.read(path)

    def head(self, path: str) -> bytes:
        """The first 512 bytes of a file."""
        return self._reader.head(path)

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        """What was given."""
        return self._files


def carried(files: tuple[EvidenceFile, ...], items: list[Line]) -> dict[str, bytes]:
    """Approvals and records that a kept line accounts for. Nothing else may stand here."""
    wanted = set()
    for item in items:
        if isinstance(item.line.predicate, Approval):
            wanted.add(approval_path(item.line.payload_sha256))
        if isinstance(item.line.predicate, ToxicityResult):
            wanted.add(records_path(item.line.predicate.records.sha256))
    return {file.path: file.content for file in files if file.path in wanted}


def still_true(items: list[Line], manifest: Manifest) -> list[Line]:
    """Lines (approvals too) whose every subject is among these bytes, and what these rest on.

    That is the line about the original of a quantisation, wherever its files stand.
    """
    have = {entry.path: (entry.sha256, entry.git_blob) for entry in manifest.entries}
    total = manifest.dir_hash
    kept = [
        item
        for item in items
        if not at.differing(item.line.statement, have)
        and at.whole(item.line.statement) in {None, total}
    ]
    claimed = claimed_by(item.line for item in kept)
    return kept + [i for i in items if i not in kept and is_original(i.line, claimed)]


def parse_lines(files: tuple[EvidenceFile, ...], trust: Trust, now: str) -> list[Line]:
    """Every line that verifies, each payload once per key, with its bytes."""
    return read_lines(files, trust, now)[0]


def read_lines(
    files: tuple[EvidenceFile, ...], trust: Trust, now: str
) -> tuple[list[Line], tuple[Refused, ...]]:
    """The same, and what was said of every line that does not verify."""
    found: dict[tuple[str, str], Line] = {}
    unread: list[Finding] = []
    refused: list[Refused] = []
    for path, number, raw in lines_of(files, unread):
        try:
            line = verify_bundle(raw, trust, now=now, where=f"{path} line {number}")
        except (VerificationError, MalformedError) as error:
            refused.append(Refused(error.message, isinstance(error, MalformedError)))
            continue
        found[line.payload_sha256, line.keyid] = Line(raw, line)
    refused += [Refused(each.message, damaged=True) for each in unread]
    return list(found.values()), tuple(refused)


def sign(payload: bytes, desk: Desk, now: str) -> Line:
    """Sign, and verify our own bundle at once: a key without the role is found here."""
    raw = make_bundle(payload, desk.signer)
    return Line(raw, verify_bundle(raw, desk.trust, now=now, where="the new line"))


def stamped(item: Line, desk: Desk, service: TimeService) -> Line:
    """The line with a timestamp of its signature, verified at once; unless it has one.

    Raises:
        VerificationError: the root pins time authorities, and this is none of them.
        ServiceError: the authority did not answer.

    """
    bundle = parse_bundle(item.raw, where="the new line")
    if bundle.timestamps or bundle.logged:
        return item
    raw = add_timestamp(item.raw, service.stamp(bundle.signature), where="the new line")
    return Line(raw, verify_bundle(raw, desk.trust, now=desk.clock.now(), where="the new line"))


def uri_of(line: VerifiedStatement) -> str:
    """Where a piece of evidence stands in the release."""
    approved = isinstance(line.predicate, Approval)
    return approval_path(line.payload_sha256) if approved else RELEASE_FILE


def release_file(items: list[Line]) -> bytes:
    """All lines but approvals, sorted by what they say, the release line last."""
    rows = [item for item in items if not isinstance(item.line.predicate, Approval)]
    rows.sort(key=_order)
    return b"".join(item.raw.rstrip(b"\n") + b"\n" for item in rows)


def _order(item: Line) -> tuple[bool, str, str, str]:
    statement = item.line.statement
    is_release = isinstance(item.line.predicate, ReleaseSummary)
    return is_release, statement.predicate_type, item.line.payload_sha256, item.line.keyid
