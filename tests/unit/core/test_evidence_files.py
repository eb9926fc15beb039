# SPDX-License-Identifier: Apache-2.0
"""Nothing hides in the folder that no digest covers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import evidence_files
from hubpolicy.core.documents import POLICY_TYPE, ROOT_TYPE, make_document
from hubpolicy.core.evidence_files import (
    RECORDS_LIMIT,
    check_files,
    policy_path,
    records_path,
    unpack_records,
)
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.domain.statement import RecordsPin
from hubpolicy.errors import MalformedError
from tests.golden.samples import TOXICITY, sha, signer
from tests.unit.core.release_world import POLICY, approval_line, release, run_line

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement

POLICY_BYTES = canonical(policy_payload(POLICY))
SIGNED_POLICY = make_document(POLICY_BYTES, POLICY_TYPE, (signer("olga"), signer("omar")))
RECORDS = b'{"suite":"TX-1"}\n'
RECORDS_SHA256 = hashlib.sha256(RECORDS).hexdigest()


def lines(records: bytes = RECORDS) -> tuple[VerifiedStatement, ...]:
    """A release whose run pins these records."""
    pin = RecordsPin(hashlib.sha256(records).hexdigest(), sha("root"), TOXICITY.records.count)
    return release(approval_line(), run=run_line(TOXICITY._replace(records=pin))).lines


def found(*files: tuple[str, bytes], records: bytes = RECORDS) -> str:
    """All messages of HP412 about these files."""
    every = tuple(EvidenceFile(path, content) for path, content in files)
    findings = check_files(every, lines(records))
    assert all(finding.rule == "HP412" for finding in findings)
    return " | ".join(finding.message for finding in findings)


def test_what_verified_lines_name_may_stand_there() -> None:
    assert not found(
        ("model.sig", b"{}"),
        (RELEASE_FILE, b"{}"),
        (approval_path(approval_line().payload_sha256), b"{}"),
        (policy_path(POLICY.sha256), SIGNED_POLICY),
        (records_path(RECORDS_SHA256), gzip.compress(RECORDS, mtime=0)),
    )


@pytest.mark.parametrize(
    "path",
    [
        ".hubpolicy/modeling_x.py",
        ".hubpolicy/pytorch_model.bin",
        ".hubpolicy/release.intoto.jsonl/x",
        ".hubpolicy/release.intoto.jsonl.bak",
        approval_path(sha("nobody's")),
        approval_path(approval_line().payload_sha256).upper(),
        policy_path(sha("another policy")),
        records_path(sha("other records")),
        records_path(RECORDS_SHA256).removesuffix(".gz"),
        f".hubpolicy/evidence/x/{RECORDS_SHA256}.jsonl.gz",
        f".hubpolicy/policy/../policy/{POLICY.sha256}.json",
    ],
)
def test_what_nobody_names_may_not(path: str) -> None:
    assert path in found((path, b"{}"))


def test_without_lines_only_the_lines_file_and_the_signature_may_stand_there() -> None:
    files = (EvidenceFile(RELEASE_FILE, b""), EvidenceFile("model.sig", b""))
    assert check_files(files, ()) == ()
    policy = EvidenceFile(policy_path(POLICY.sha256), SIGNED_POLICY)
    assert len(check_files((policy,), ())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        POLICY_BYTES,
        SIGNED_POLICY[:-1],
        SIGNED_POLICY.replace(b'"payload":"', b'"payload":"e30=","payload":"'),
        make_document(canonical({}), POLICY_TYPE, (signer("olga"),)),
        make_document(POLICY_BYTES, ROOT_TYPE, (signer("olga"),)),
        json.dumps({**json.loads(SIGNED_POLICY), "extra": 1}).encode(),
        b"[" * 10_000,
    ],
    ids=["empty", "object", "bare", "cut", "twice", "other", "a root", "extra field", "deep"],
)
def test_a_policy_file_is_the_policy_of_its_name(content: bytes) -> None:
    assert found((policy_path(POLICY.sha256), content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        RECORDS,
        gzip.compress(b"other"),
        gzip.compress(RECORDS)[:-1],
        gzip.compress(RECORDS) + b"\0",
        gzip.compress(RECORDS) + gzip.compress(b"import os"),
        b"\x1f\x8b" + bytes(50),
    ],
    ids=["empty", "plain", "other", "cut", "trailing", "two members", "broken"],
)
def test_a_records_file_is_the_records_of_its_name(content: bytes) -> None:
    assert found((records_path(RECORDS_SHA256), content))


def stuffed(*signatures: tuple[str, bytes]) -> bytes:
    """The signed policy with more signatures, by keys that nobody knows."""
    envelope = json.loads(SIGNED_POLICY)
    more = [{"keyid": k, "sig": base64.b64encode(sig).decode()} for k, sig in signatures]
    envelope["signatures"] += more
    return json.dumps(envelope).encode()


def test_signatures_are_no_room_to_hide_something_in() -> None:
    place = policy_path(POLICY.sha256)
    assert not found((place, stuffed(("old root's", b"0" * 70))))
    assert found((place, stuffed(("k", bytes(5000)))))
    assert found((place, stuffed(("k" * 4000, b"0" * 70))))
    assert found((place, stuffed(*((str(i), b"0" * 70) for i in range(500)))))


@pytest.mark.parametrize("flags", [0x04, 0x08, 0x10, 0x1C, 0x01])
def test_a_gzip_header_has_no_fields_of_its_own(flags: int) -> None:
    """FEXTRA, FNAME and FCOMMENT hold any bytes, which no digest covers."""
    packed = gzip.compress(RECORDS, mtime=0)
    extra = b"\x04\x00code" if flags & 0x04 else b""
    names = b"import os\0" * (flags & 0x18).bit_count()
    raw = packed[:3] + bytes((flags,)) + packed[4:10] + extra + names + packed[10:]
    assert "fields of its own" in found((records_path(RECORDS_SHA256), raw))


def bomb(size: int) -> bytes:
    """``size`` zero bytes, packed about a thousandfold."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return packed.getvalue()


def test_a_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_files, "_UNPACKED_LIMIT", 4 << 20)
    packed = bomb(64 << 20)
    tracemalloc.start()
    with pytest.raises(MalformedError):
        unpack_records(packed, where="records")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


def test_records_over_the_limit_are_refused_although_they_unpack() -> None:
    stored = gzip.compress(bytes(RECORDS_LIMIT + 1), compresslevel=0)
    with pytest.raises(MalformedError, match="larger than"):
        unpack_records(stored, where="records")


@given(st.binary(max_size=200))
def test_what_was_packed_comes_out(content: bytes) -> None:
    assert unpack_records(gzip.compress(content), where="records") == content


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_and_never_raise_anything_else(content: bytes) -> None:
    try:
        unpack_records(content, where="records")
    except MalformedError:
        return
