# SPDX-License-Identifier: Apache-2.0
"""What may stand under ``.hubpolicy/``: known kinds that a verified line refers to (HP412).

Nothing loadable hides there: a file is one of four kinds, named by a digest that a verified line
gives, and its content is what that digest says. On the hook's path.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from hubpolicy.core.line_files import approval_path
from hubpolicy.core.lines import select
from hubpolicy.core.rules import hp412
from hubpolicy.core.strictjson import parse
from hubpolicy.domain.finding import Finding, Location
from hubpolicy.domain.statement import Approval, ReleaseSummary, ToxicityResult
from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.trust import Trust

POLICY_FOLDER = ".hubpolicy/policy/"
RECORDS_FOLDER = ".hubpolicy/evidence/"
RECORDS_LIMIT = 10 * 1024 * 1024
_UNPACKED_LIMIT = 40 * RECORDS_LIMIT
_MOST_SIGNATURES, _LONGEST_SIGNATURE = 64, 144
_PLAIN_GZIP = b"\x1f\x8b\x08\x00"
"""Deflate, and no name, comment or extra field, which no digest covers."""


def policy_path(sha256: str) -> str:
    """Where the signed policy of a release stands; ``sha256`` is that of its payload."""
    return f"{POLICY_FOLDER}{sha256}.json"


def records_path(sha256: str) -> str:
    """Where the published records stand; ``sha256`` is that of the JSON Lines bytes."""
    return f"{RECORDS_FOLDER}{sha256}.jsonl.gz"


def check_files(
    files: tuple[EvidenceFile, ...],
    lines: tuple[VerifiedStatement, ...],
    trust: Trust | None = None,
    *,
    unread: bool = False,
) -> tuple[Finding, ...]:
    """One finding per evidence file that no verified line names, or that is not what it says.

    With ``trust`` a policy must also be signed by those whom the root names for it. ``unread``:
    other lines did not verify.
    """
    referenced = referenced_paths(lines)
    unknown = hp412.check((file.path for file in files), referenced, unread=unread)
    fix = "hubpolicy attest PATH drops what does not hold"
    wrong = tuple(
        Finding(hp412.ID, hp412.SEVERITY, f"{file.path} {reason}", Location(file.path), fix)
        for file in files
        if file.path in referenced and (reason := _wrong_content(file, trust))
    )
    return unknown + wrong


def referenced_paths(lines: tuple[VerifiedStatement, ...]) -> frozenset[str]:
    """The files that verified lines name, by digest. Before a release any policy may stand."""
    return frozenset(
        (
            *(approval_path(line.payload_sha256) for line, _ in select(lines, Approval)),
            *(policy_path(summary.policy_sha256) for _, summary in select(lines, ReleaseSummary)),
            *(records_path(run.records.sha256) for _, run in select(lines, ToxicityResult)),
        )
    )


def _wrong_content(file: EvidenceFile, trust: Trust | None) -> str:
    from hubpolicy.core.documents import verify_policy

    name = hp412.named_digest(file.path)
    try:
        if file.path.startswith(POLICY_FOLDER):
            content = policy_payload_of(file)
            if trust is not None:
                verify_policy(file.content, trust, sha256=name or "", where=file.path)
        elif file.path.startswith(RECORDS_FOLDER):
            content = unpack_records(file.content, where=file.path)
        else:
            return ""
    except (MalformedError, VerificationError) as error:
        return f"does not hold: {error.message}"
    return "" if hashlib.sha256(content).hexdigest() == name else "is not what its name says"


def policy_payload_of(file: EvidenceFile) -> bytes:
    """The payload bytes of a policy envelope, its signature not yet verified.

    Raises:
        MalformedError: the file is not a DSSE envelope of a policy, or holds more than that.

    """
    from hubpolicy.core.documents import POLICY_TYPE
    from hubpolicy.core.dsse import parse_envelope

    value = parse(file.content, what=file.path)
    envelope = parse_envelope(value, payload_type=POLICY_TYPE, where=file.path)
    # A signature by a key of an earlier root is passed over, so it must not be a place to hide.
    longest = max(len(sig) + len(keyid) for keyid, sig in envelope.signatures)
    if len(envelope.signatures) > _MOST_SIGNATURES or longest > _LONGEST_SIGNATURE:
        message = "has signatures that are none, by their number or length"
        raise MalformedError(message)
    return envelope.payload


def unpack_records(packed: bytes, *, where: str) -> bytes:
    """Gunzip with both sizes capped.

    Raises:
        MalformedError: too large, truncated, trailing bytes, fields of its own, or not gzip.

    """
    if not packed.startswith(_PLAIN_GZIP):
        message = "is not gzip without fields of its own"
        raise MalformedError(message)
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(packed[: RECORDS_LIMIT + 1], _UNPACKED_LIMIT)
    except zlib.error as error:
        message = f"is not gzip ({error})"
        raise MalformedError(message) from error
    if len(packed) > RECORDS_LIMIT or unpacker.unconsumed_tail:
        message = f"is larger than {RECORDS_LIMIT} bytes"
        raise MalformedError(message)
    if not unpacker.eof or unpacker.unused_data:
        message = f"is truncated or has bytes after its end, in {where}"
        raise MalformedError(message)
    return content
