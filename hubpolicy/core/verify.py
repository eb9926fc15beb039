# SPDX-License-Identifier: Apache-2.0
"""Bundle bytes to verified statements. See :func:`verify_bundle` for the numbered steps.

On the hook's path: standard library only, until there is a signature to check.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NoReturn

from hubpolicy.core import keys, line_files, oms, times
from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.dsse import pae
from hubpolicy.core.predicates import parse_predicate
from hubpolicy.core.signatories import RefusedError, find_signatory, proven_times, signing_time
from hubpolicy.core.statements import check_subjects, parse_statement
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.statement import (
    APPLICABILITY,
    APPROVAL,
    OMS,
    PAYLOAD_TYPE,
    TEST_RESULT,
    TOXICITY,
    VSA,
    WAIVER,
    ApplicabilityResult,
    Approval,
    ForeignEvidence,
    Predicate,
    ReleaseSummary,
    Statement,
    ToxicityResult,
)
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from hubpolicy.core.signatories import Stamp
    from hubpolicy.domain.manifest import EvidenceFile, Manifest
    from hubpolicy.domain.trust import Key, Trust

APPROVER_PREFIX = "approver:"
SKEW_SECONDS = 300

_ROLES = {
    TEST_RESULT: "checker",
    TOXICITY: "checker",
    APPLICABILITY: "checker",
    VSA: "releaser",
    OMS: "releaser",
}
"""Which role may sign what; waivers and approvals take an approver. Closed."""

_TOKEN = object()


class _Proof(NamedTuple):
    """Fields of a verified statement."""

    statement: Statement
    predicate: Predicate
    payload_sha256: str
    keyid: str
    principal: str
    roles: frozenset[str]
    stamps: tuple[Stamp, ...]


class _Sealed:
    """A value that only this module can make, and nobody can change, copy or extend."""

    __slots__ = ("_proof",)

    def __init__(self, proof: object, *, token: object) -> None:
        if token is not _TOKEN:
            message = f"a {type(self).__name__} comes from the functions of {__name__} alone"
            raise TypeError(message)
        object.__setattr__(self, "_proof", proof)

    def __init_subclass__(cls) -> None:
        if cls.__module__ != __name__:
            message = f"{cls.__name__} would not be verified: {__name__} alone makes such values"
            raise TypeError(message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"{type(self).__name__} is frozen: {name}"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"{type(self).__name__} is frozen: {name}"
        raise AttributeError(message)

    def __reduce__(self) -> NoReturn:
        message = f"{type(self).__name__} is neither copied nor pickled: verify the bytes again"
        raise TypeError(message)


class VerifiedStatement(_Sealed):
    """A statement whose signature, signer, role and shape hold."""

    __slots__ = ()
    _proof: _Proof

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifiedStatement) and self._proof == other._proof

    def __hash__(self) -> int:
        return hash((self.payload_sha256, self.keyid))

    def __repr__(self) -> str:
        return f"<{type(self.predicate).__name__} {self.payload_sha256[:8]} by {self.principal}>"

    @property
    def statement(self) -> Statement:
        """Subjects and predicate type."""
        return self._proof.statement

    @property
    def predicate(self) -> Predicate:
        """The predicate as a typed value."""
        return self._proof.predicate

    @property
    def payload_sha256(self) -> str:
        """Hex sha256 of the DSSE payload: how other statements refer to this one."""
        return self._proof.payload_sha256

    @property
    def keyid(self) -> str:
        """The key of the trust root under which the signature holds."""
        return self._proof.keyid

    @property
    def principal(self) -> str:
        """Who holds that key."""
        return self._proof.principal

    @property
    def roles(self) -> frozenset[str]:
        """The principal's roles that may sign this predicate; of an approval, the one used."""
        return self._proof.roles

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """Who proves since when the signature exists, earliest first; empty: self-declared."""
        return self._proof.stamps


class VerifiedModelSignature(_Sealed):
    """A ``model.sig`` that a releaser of the trust root signed."""

    __slots__ = ()
    _proof: tuple[oms.ModelSignature, _Signed]

    @property
    def content(self) -> oms.ModelSignature:
        """What was signed: names, digests, what it leaves out."""
        return self._proof[0]

    @property
    def payload_sha256(self) -> str:
        """Hex sha256 of the DSSE payload."""
        return self._proof[1].payload_sha256

    @property
    def keyid(self) -> str:
        """The key of the trust root under which the signature holds."""
        return self._proof[1].key.keyid

    @property
    def principal(self) -> str:
        """Who holds that key."""
        return self._proof[1].key.principal

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """Who proves since when the signature exists, earliest first."""
        return self._proof[1].stamps


class _Signed(NamedTuple):
    """What steps 1-6 prove: these bytes were signed by that key, and neither is revoked."""

    payload: bytes
    payload_sha256: str
    key: Key
    stamps: tuple[Stamp, ...]


def verify_bundle(raw: bytes, trust: Trust, *, now: str, where: str) -> VerifiedStatement:
    """Prove one bundle. ``now`` is ISO 8601 UTC; ``where`` names the bundle in messages.

    1. The bytes are one Sigstore bundle: strict JSON, media type, payload type, strict base64,
       exactly one signature, and one of three forms of who made it.
    2. Its timestamps, if there are any, are of this signature, by authorities that are pinned.
    3. What it says of its maker selects a signer of the trust root: a hint a key, whose id is
       recomputed from its PEM; a certificate somebody whom a pinned authority certified, valid at
       the proven time, else now; a keyless certificate an identity, proven by its log entry.
    4. The signature holds over the raw payload bytes under the signer's P-256 key.
    5. Neither key, certificate nor name of the signer is revoked.
    6. The payload is not revoked.
    7. Only now the payload is parsed: an in-toto Statement v1.
    8. The predicate's type is in the closed table.
    9. The principal holds a role that may sign that type.
    10. The predicate parses strictly and does not contradict itself.
    11. The subjects are what such a predicate is about.
    12. An approval names a role that its signer holds, and nobody else as its approver.
    13. No time in it lies more than five minutes after ``now``, or after its timestamp.

    Raises:
        MalformedError: steps 1, 7, 10 or 11, or a certificate that does not parse.
        UnsupportedError: a library that steps 2 or 3 take is not installed.
        VerificationError: the others.

    """
    signed = _verify_signature(raw, trust, now, where)
    statement = parse_statement(signed.payload, where=where)
    kind, principal = statement.predicate_type, signed.key.principal
    roles = _roles_for(kind, principal, trust, where)
    predicate = parse_predicate(kind, statement.predicate, where=where)
    if predicate is None:
        raise _unknown(kind, where)
    check_subjects(statement, predicate, where=where)
    if isinstance(predicate, Approval):
        roles = _approver_role(predicate, roles, principal, where)
    _check_time(predicate, now, signed.stamps, where)
    key = signed.key
    proof = _Proof(
        statement, predicate, signed.payload_sha256, key.keyid, key.principal, roles, signed.stamps
    )
    return VerifiedStatement(proof, token=_TOKEN)


def verify_lines(
    files: tuple[EvidenceFile, ...], trust: Trust, *, now: str
) -> tuple[tuple[VerifiedStatement, ...], tuple[Finding, ...]]:
    """Prove every line of the release file and of the approvals, in the order of their paths.

    A line that does not hold becomes a finding at its place and nothing else; hostile content
    never raises. HP302: bad signature, unknown key, malformed or misplaced; HP303: role; HP304:
    unknown predicate; HP305: the same payload under the same key again; HP306: dated in the
    future; HP701 and HP702: revoked key or payload.
    """
    proven: list[VerifiedStatement] = []
    found: list[Finding] = []
    seen: set[tuple[str, str]] = set()
    for path, number, line in line_files.lines(files, found):
        where = f"{path} line {number}"
        try:
            verified = verify_bundle(line, trust, now=now, where=where)
            _check_place(path, verified, where)
            _check_new(verified, seen, where)
        except HubpolicyError as error:
            found.append(_finding(error, Location(path, number)))
        else:
            seen.add((verified.payload_sha256, verified.keyid))
            proven.append(verified)
    return tuple(proven), tuple(found)


def verify_model_signature(
    raw: bytes, trust: Trust, manifest: Manifest | None, *, now: str
) -> VerifiedModelSignature:
    """Prove a ``model.sig``: steps 1-6 of :func:`verify_bundle`, then what Model Signing says.

    Its verifier obeys whatever the signature asks to leave out and does not bind names; here
    only the fixed set may be left out and, where a manifest is given, names and digests of all
    other files must be equal. Model Signing v1.0 carries no time of its own.

    Raises:
        MalformedError: not a Model Signing v1.0 bundle, or it contradicts itself.
        VerificationError: signature, key or role do not hold, or it is about other files.

    """
    signed = _verify_signature(raw, trust, now, MODEL_SIGNATURE)
    expected = None if manifest is None else oms.read_expected(signed.payload, manifest)
    if expected is not None:
        _roles_for(OMS, signed.key.principal, trust, MODEL_SIGNATURE)
        return VerifiedModelSignature((expected, signed), token=_TOKEN)
    statement = parse_statement(signed.payload, where=MODEL_SIGNATURE)
    if statement.predicate_type != OMS:
        raise _unknown(statement.predicate_type, MODEL_SIGNATURE)
    _roles_for(OMS, signed.key.principal, trust, MODEL_SIGNATURE)
    content = oms.parse_model_signature(statement, where=MODEL_SIGNATURE)
    if manifest is not None:
        oms.check_resources(content, manifest, where=MODEL_SIGNATURE)
    return VerifiedModelSignature((content, signed), token=_TOKEN)


def check_model_signature(
    files: tuple[EvidenceFile, ...], trust: Trust, manifest: Manifest | None, *, now: str
) -> tuple[VerifiedModelSignature | None, tuple[Finding, ...]]:
    """:func:`verify_model_signature` on the release's ``model.sig``; errors become findings."""
    raw = next((file.content for file in files if file.path == MODEL_SIGNATURE), None)
    if raw is None:
        return None, ()
    try:
        return verify_model_signature(raw, trust, manifest, now=now), ()
    except HubpolicyError as error:
        return None, (_finding(error, Location(MODEL_SIGNATURE)),)


def _verify_signature(raw: bytes, trust: Trust, now: str, where: str) -> _Signed:
    """Steps 1-6."""
    bundle = parse_bundle(raw, where=where)
    stamps = proven_times(bundle, trust, now=now, where=where)
    signer = find_signatory(raw, bundle, trust, at=signing_time(stamps, now), where=where)
    key = signer.key
    message_bytes = pae(PAYLOAD_TYPE, bundle.payload)
    if not keys.verify_signature(key.pem, bundle.signature, message_bytes, where=where):
        message = f"the signature does not hold under the key of {key.principal}, in {where}"
        raise RefusedError(message, "HP302", "hubpolicy attest signs again")
    if signer.revocable & trust.state.revoked_keys:
        message = f"the key {key.keyid[:16]} of {key.principal} is revoked, in {where}"
        raise RefusedError(message, "HP701", "hubpolicy attest signs with another key")
    payload_sha256 = hashlib.sha256(bundle.payload).hexdigest()
    if payload_sha256 in trust.state.revoked_payloads:
        message = f"the statement {payload_sha256[:16]} is revoked, in {where}"
        raise RefusedError(message, "HP702", "make new evidence: hubpolicy test, then attest")
    return _Signed(bundle.payload, payload_sha256, key, stamps + signer.stamps)


def _roles_for(kind: str, principal: str, trust: Trust, where: str) -> frozenset[str]:
    """Steps 8 and 9."""
    held = trust.root.roles_of(principal)
    if kind in _ROLES:
        wanted = _ROLES[kind]
        roles = held & {wanted}
    elif kind in (APPROVAL, WAIVER):
        wanted = "approver"
        roles = frozenset(role for role in held if role.startswith(APPROVER_PREFIX))
    else:
        raise _unknown(kind, where)
    if not roles:
        got = ", ".join(sorted(held)) or "no role"
        message = f"got a signature by {principal}, who holds {got}, expected {wanted}, in {where}"
        raise RefusedError(message, "HP303", "hubpolicy trust show lists who holds which role")
    return roles


def _approver_role(
    approval: Approval, roles: frozenset[str], principal: str, where: str
) -> frozenset[str]:
    """Step 12."""
    role = APPROVER_PREFIX + approval.role
    if role not in roles:
        got = ", ".join(sorted(roles))
        message = f"got an approval as {role} by {principal}, who holds {got}, in {where}"
        raise RefusedError(message, "HP303", "hubpolicy approve --as one of these roles")
    if approval.approver not in ("", principal):
        message = f"got an approval of {approval.approver[:80]!r} by {principal}, in {where}"
        raise RefusedError(message, "HP303", "everybody signs with a key of their own")
    return frozenset({role})


def _check_time(predicate: Predicate, now: str, stamps: tuple[Stamp, ...], where: str) -> None:
    """Step 13. Times are self-declared; what is dated ahead would never grow old."""
    if isinstance(predicate, ReleaseSummary):
        declared = predicate.time_verified
    elif isinstance(predicate, (ToxicityResult, ApplicabilityResult)):
        declared = predicate.finished_on
    elif isinstance(predicate, ForeignEvidence):
        declared = predicate.measured_on
    else:
        return
    latest = signing_time(stamps, now)
    if times.seconds(declared) > times.seconds(latest) + SKEW_SECONDS:
        message = f"got the time {declared}, expected none after {latest}, in {where}"
        raise RefusedError(message, "HP306", "set the clock right and attest again")


def _check_place(path: str, verified: VerifiedStatement, where: str) -> None:
    """An approvals file is named by its payload; elsewhere approvals would collide in merges."""
    name = line_files.approval_name(path)
    if (name is not None) != isinstance(verified.predicate, Approval):
        message = f"got another statement, expected approvals in {line_files.APPROVALS}, in {where}"
        raise RefusedError(message, "HP302", "hubpolicy approve writes it to its place")
    if name is not None and name != verified.payload_sha256:
        message = f"got payload {verified.payload_sha256}, expected the file's name, in {where}"
        raise RefusedError(message, "HP302", "name the file by the payload's sha256")


def _check_new(verified: VerifiedStatement, seen: set[tuple[str, str]], where: str) -> None:
    if (verified.payload_sha256, verified.keyid) in seen:
        message = f"got the same statement by {verified.principal} again, in {where}"
        raise RefusedError(message, "HP305", "hubpolicy attest drops it")


def _unknown(kind: str, where: str) -> RefusedError:
    message = f"got predicate type {kind[:120]!r}, expected a known one, in {where}"
    return RefusedError(message, "HP304", "a newer hubpolicy may know it")


def _finding(error: HubpolicyError, location: Location) -> Finding:
    rule = error.rule if isinstance(error, RefusedError) else "HP302"
    hint = error.hint or "put the file back as it was signed, or make that evidence again"
    return Finding(rule, Severity.ERROR, error.message, location, hint)
