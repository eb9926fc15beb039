# SPDX-License-Identifier: Apache-2.0
"""The ``attest`` trip: every line whose inputs exist, and the release line last.

Idempotent: what still holds for these bytes is kept as it is, what does not is dropped, and a
second run signs nothing new. Nothing is released here, and no word "passed" is taken on trust:
the same judge that guards the gate decides whether the release line may be signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubpolicy.core import lines as at
from hubpolicy.core.bundle import make_bundle, parse_bundle
from hubpolicy.core.evidence_files import policy_path, records_path
from hubpolicy.core.judge import INPUTS, judge
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.line_files import lines as lines_of
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.predicates import VERIFIER_ID
from hubpolicy.core.statements import CARD, card_statement, release_statement
from hubpolicy.core.verify import verify_bundle, verify_model_signature
from hubpolicy.domain.manifest import MODEL_SIGNATURE, EvidenceFile
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    Approval,
    CardResult,
    ReleaseSummary,
    ToxicityResult,
)
from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.manifest import Manifest
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Clock, EvidenceWriter, ReleaseReader, Signer


_OWN = (CardResult, ReleaseSummary)


class Assemble(Protocol):
    """How evidence is read and verified (``flows/assemble.py``)."""

    def __call__(
        self, reader: ReleaseReader, target: RepoId | None, policy: Policy, trust: Trust, now: str
    ) -> Evidence:
        """Everything that the judge sees."""


class Desk(NamedTuple):
    """What an attestation takes: the key at hand, and everything that is trusted."""

    signer: Signer
    policy: Policy
    policy_envelope: bytes
    trust: Trust
    clock: Clock
    version: str


class Attested(NamedTuple):
    """What came of it. ``signed`` names the lines that are new; ``released`` = the gate opens.

    ``files`` is the evidence as it was judged, byte for byte.
    """

    decision: Decision
    manifest: Manifest
    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    signed: tuple[str, ...]
    released: bool
    written: bool


class _Line(NamedTuple):
    raw: bytes
    line: VerifiedStatement


def attest(
    reader: ReleaseReader,
    writer: EvidenceWriter,
    target: RepoId,
    desk: Desk,
    card: CardResult,
    assemble: Assemble,
    *,
    only_if_passed: bool = False,
    writing: bool = True,
) -> Attested:
    """Write ``model.sig`` and ``.hubpolicy/``; sign the release line if the judge lets it.

    Everything is made and judged in memory first; the files follow, the release lines last.
    ``only_if_passed`` leaves what stands there alone unless the release passes; without
    ``writing`` it is left alone in any case.

    Raises:
        VerificationError: the key at hand is not in the trust root, or lacks a role.
        ServiceError: the evidence could not be written; what stood there still stands.

    """
    now = desk.clock.now()
    manifest = reader.manifest
    files = reader.evidence_files()
    kept = _still_true(files, manifest, desk.trust, now)
    signed: list[str] = []
    lines = [item for item in kept if not isinstance(item.line.predicate, _OWN)]
    lines += _card_lines(kept, manifest, card, desk, now, signed)
    made = _carried(files, lines)
    if manifest.entries:
        made[MODEL_SIGNATURE] = _model_signature(files, manifest, target.name, desk, now, signed)
    if lines:
        made[RELEASE_FILE] = _release_file(lines)
    draft = assemble(Revised(reader, _evidence(made)), target, desk.policy, desk.trust, now)
    decision = judge(draft, INPUTS)
    if decision.verdict == "passed":
        made[policy_path(desk.policy.sha256)] = desk.policy_envelope
        lines += _release_lines(kept, manifest, target, desk, draft, now, signed)
        made[RELEASE_FILE] = _release_file(lines)
        draft = assemble(Revised(reader, _evidence(made)), target, desk.policy, desk.trust, now)
        decision = judge(draft)
    passed = decision.verdict == "passed"
    written = writing and bool(lines) and (passed or not only_if_passed)
    if written:
        _write(writer, made, files)
    return Attested(decision, manifest, draft, _evidence(made), tuple(signed), passed, written)


def _evidence(made: dict[str, bytes]) -> tuple[EvidenceFile, ...]:
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


def _carried(files: tuple[EvidenceFile, ...], items: list[_Line]) -> dict[str, bytes]:
    """Approvals and records that a kept line accounts for. Nothing else may stand here."""
    wanted = set()
    for item in items:
        if isinstance(item.line.predicate, Approval):
            wanted.add(approval_path(item.line.payload_sha256))
        if isinstance(item.line.predicate, ToxicityResult):
            wanted.add(records_path(item.line.predicate.records.sha256))
    return {file.path: file.content for file in files if file.path in wanted}


def _write(writer: EvidenceWriter, made: dict[str, bytes], files: tuple[EvidenceFile, ...]) -> None:
    for path in sorted(made, key=lambda path: (path == RELEASE_FILE, path)):
        writer.write(path, made[path])
    for file in files:
        if file.path not in made:
            writer.remove(file.path)


def _still_true(
    files: tuple[EvidenceFile, ...], manifest: Manifest, trust: Trust, now: str
) -> list[_Line]:
    """Verified lines (approvals too) whose every subject is among these bytes."""
    have = {entry.path: (entry.sha256, entry.git_blob) for entry in manifest.entries}
    total = manifest.dir_hash
    return [
        item
        for item in _parse_lines(files, trust, now)
        if not at.differing(item.line.statement, have)
        and at.whole(item.line.statement) in {None, total}
    ]


def _parse_lines(files: tuple[EvidenceFile, ...], trust: Trust, now: str) -> list[_Line]:
    """Every line that verifies, each payload once per key, with its bytes."""
    found: dict[tuple[str, str], _Line] = {}
    ignored: list[Finding] = []
    for path, number, raw in lines_of(files, ignored):
        try:
            line = verify_bundle(raw, trust, now=now, where=f"{path} line {number}")
        except (VerificationError, MalformedError):
            continue
        found[line.payload_sha256, line.keyid] = _Line(raw, line)
    return list(found.values())


def _sign(payload: bytes, desk: Desk, now: str) -> _Line:
    """Sign, and verify our own bundle at once: a key without the role is found here."""
    raw = make_bundle(payload, desk.signer)
    return _Line(raw, verify_bundle(raw, desk.trust, now=now, where="the new line"))


def _same(items: list[_Line], payload: bytes) -> _Line | None:
    """A kept line whose payload is byte for byte this one."""
    for item in items:
        if parse_bundle(item.raw, where="a kept line").payload == payload:
            return item
    return None


def _card_lines(
    kept: list[_Line], manifest: Manifest, card: CardResult, desk: Desk, now: str, signed: list[str]
) -> list[_Line]:
    """The card check, signed anew if it says something else; nothing where there is no card."""
    readme = next((entry for entry in manifest.entries if entry.path == CARD), None)
    if readme is None:
        return []
    payload = card_statement(card, readme, manifest, tool_version=desk.version)
    old = _same(kept, payload)
    if old is not None:
        return [old]
    signed.append("card")
    return [_sign(payload, desk, now)]


def _model_signature(
    files: tuple[EvidenceFile, ...],
    manifest: Manifest,
    name: str,
    desk: Desk,
    now: str,
    signed: list[str],
) -> bytes:
    payload = oms_statement(manifest, name)
    for file in files:
        if file.path == MODEL_SIGNATURE:
            try:
                old = parse_bundle(file.content, where=MODEL_SIGNATURE)
                verify_model_signature(file.content, desk.trust, manifest, now=now)
            except (VerificationError, MalformedError):
                continue
            if old.payload == payload:
                return file.content
    signed.append(MODEL_SIGNATURE)
    return make_bundle(payload, desk.signer)


def _release_lines(
    kept: list[_Line],
    manifest: Manifest,
    target: RepoId,
    desk: Desk,
    draft: Evidence,
    now: str,
    signed: list[str],
) -> list[_Line]:
    """What holds of other releasers' lines, and one by the key at hand.

    Where somebody signed the same release before, the same payload is signed: two releasers agree
    on one summary.
    """
    inputs = [(uri_of(line), line.payload_sha256) for line in draft.lines]
    if draft.model_signature is not None:
        inputs.append((MODEL_SIGNATURE, draft.model_signature.payload_sha256))
    inputs = sorted(set(inputs))
    summary = ReleaseSummary(
        verifier_id=VERIFIER_ID,
        verifier_version=desk.version,
        resource_uri=target.purl,
        policy_sha256=desk.policy.sha256,
        time_verified=now,
        inputs=tuple(digest for _, digest in inputs),
        result="PASSED",
    )
    standing = [item for item in kept if _says(item.line, summary)]
    if any(item.line.keyid == desk.signer.keyid for item in standing):
        return standing
    signed.append("release")
    if standing:
        payload = parse_bundle(standing[-1].raw, where="a kept line").payload
    else:
        payload = release_statement(summary, manifest, inputs=tuple(inputs))
    return [*standing, _sign(payload, desk, now)]


def _says(line: VerifiedStatement, summary: ReleaseSummary) -> bool:
    """True for a release line that says the same, at whatever time, by whatever version of us."""
    old = line.predicate
    if not isinstance(old, ReleaseSummary) or set(old.inputs) != set(summary.inputs):
        return False
    return old == summary._replace(
        time_verified=old.time_verified,
        verifier_version=old.verifier_version,
        inputs=old.inputs,
    )


def uri_of(line: VerifiedStatement) -> str:
    """Where a piece of evidence stands in the release."""
    approved = isinstance(line.predicate, Approval)
    return approval_path(line.payload_sha256) if approved else RELEASE_FILE


def _release_file(items: list[_Line]) -> bytes:
    """All lines but approvals, sorted by what they say, the release line last."""
    rows = [item for item in items if not isinstance(item.line.predicate, Approval)]
    rows.sort(key=_order)
    return b"".join(item.raw.rstrip(b"\n") + b"\n" for item in rows)


def _order(item: _Line) -> tuple[bool, str, str, str]:
    statement = item.line.statement
    is_release = isinstance(item.line.predicate, ReleaseSummary)
    return is_release, statement.predicate_type, item.line.payload_sha256, item.line.keyid


def add_run(
    files: tuple[EvidenceFile, ...],
    writer: EvidenceWriter,
    desk: Desk,
    payload: bytes,
    records: tuple[str, bytes] | None,
) -> VerifiedStatement:
    """Sign one run's statement and put it among the lines, in the process that ran the test.

    Older runs of the same files go, and so does the release line: it no longer names what is
    there. ``records`` = (path, content) of the records to publish.

    Raises:
        VerificationError: the key at hand is not a checker's.
        ServiceError: the line could not be written; what stood there still stands.

    """
    now = desk.clock.now()
    new = _sign(payload, desk, now)
    names = {subject.name for subject in new.line.statement.subjects}
    kept = [
        item
        for item in _parse_lines(files, desk.trust, now)
        if not isinstance(item.line.predicate, (ReleaseSummary, Approval))
        and not _supersedes(names, item.line)
    ]
    if records is not None:
        writer.write(*records)
    writer.write(RELEASE_FILE, _release_file([*kept, new]))
    return new.line


def _supersedes(names: set[str], old: VerifiedStatement) -> bool:
    is_run = isinstance(old.predicate, (ToxicityResult, ApplicabilityResult))
    return is_run and bool(names & {subject.name for subject in old.statement.subjects})
