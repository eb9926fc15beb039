"""The canonical pointer, and all that git-lfs takes for one (cases run against git-lfs 3.3.0)."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.lfs_pointer import Pointer, looks_like_pointer, parse_pointer
from tests.git.repos import need_lfs

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
VERSION = "version https://git-lfs.github.com/spec/v1\n"
CANONICAL = f"{VERSION}oid sha256:{OID}\nsize 12345\n"

LENIENT = {
    "crlf": CANONICAL.replace("\n", "\r\n"),
    "no final newline": CANONICAL.rstrip("\n"),
    "white space before": "\n\n " + CANONICAL,
    "unicode white space before": "\u2028\u00a0\u0085" + CANONICAL,
    "empty lines": CANONICAL.replace("\n", "\n\n"),
    "extension": f"{VERSION}ext-0-foo sha256:{OID}\noid sha256:{OID}\nsize 12345\n",
    "hawser": f"version https://hawser.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n",
    "git-media": f"version http://git-media.io/v/2\noid sha256:{OID}\nsize 12345\n",
    "signed size": f"{VERSION}oid sha256:{OID}\nsize +12345\n",
    "leading zeros": f"{VERSION}oid sha256:{OID}\nsize 0012345\n",
    "padded to 1024 bytes": CANONICAL.ljust(1024, "\n"),
    "more after 1024 bytes": CANONICAL.ljust(1024, "\n") + "anything at all",
}
NOT_CANONICAL = {
    **LENIENT,
    "upper case": CANONICAL.replace(OID, OID.upper()),
    "short oid": CANONICAL.replace(OID, OID[:-1]),
    "long oid": CANONICAL.replace(OID, OID + "0"),
    "negative size": CANONICAL.replace("12345", "-1"),
    "no size": CANONICAL.replace("12345", ""),
    "unicode digits": CANONICAL.replace("12345", "\u0661\u0662"),
    "twenty digits": CANONICAL.replace("12345", "1" * 20),
    "two pointers": CANONICAL + CANONICAL,
    "trailing line": CANONICAL + "x 1\n",
    "other order": f"{VERSION}size 12345\noid sha256:{OID}\n",
    "sha1": CANONICAL.replace("sha256", "sha1"),
}


def test_canonical() -> None:
    assert parse_pointer(CANONICAL.encode()) == Pointer(OID, 12345)
    assert looks_like_pointer(CANONICAL.encode())


def test_size_zero() -> None:
    assert parse_pointer(CANONICAL.replace("12345", "0").encode()) == Pointer(OID, 0)


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_not_canonical(name: str) -> None:
    assert parse_pointer(NOT_CANONICAL[name].encode()) is None


@pytest.mark.parametrize("name", LENIENT)
def test_what_git_lfs_reads_as_a_pointer_looks_like_one(name: str) -> None:
    assert looks_like_pointer(LENIENT[name].encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# git-lfs\n\nversion control with git-lfs: oid sha256:... and size\n",
        b"git-lfs",
        VERSION.encode(),
        b"x" * 2000 + CANONICAL.encode(),
        b"\x80\x02git-lfs\noid\n",
    ],
)
def test_other_content_does_not_look_like_a_pointer(content: bytes) -> None:
    assert not looks_like_pointer(content)


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 10**18))
def test_round_trip(oid: str, size: int) -> None:
    content = f"{VERSION}oid sha256:{oid}\nsize {size}\n".encode()
    assert parse_pointer(content) == Pointer(oid, size)


@given(st.integers(0, len(CANONICAL) - 1), st.integers(0, 255))
def test_one_byte_changed_gives_another_pointer_or_none(at: int, byte: int) -> None:
    content = bytearray(CANONICAL.encode())
    is_same = content[at] == byte
    content[at] = byte
    parsed = parse_pointer(bytes(content))
    assert (parsed == Pointer(OID, 12345)) is is_same
    if parsed is not None:
        expected = f"{VERSION}oid sha256:{parsed.sha256}\nsize {parsed.size}\n"
        assert bytes(content) == expected.encode()


@given(st.binary(max_size=2000))
def test_a_canonical_pointer_always_looks_like_one(content: bytes) -> None:
    assert looks_like_pointer(content) or parse_pointer(content) is None


@pytest.mark.lfs
@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_git_lfs_itself_takes_nothing_for_a_pointer_that_does_not_look_like_one(name: str) -> None:
    need_lfs()
    content = NOT_CANONICAL[name].encode()
    command = ["git", "lfs", "pointer", "--check", "--stdin"]
    accepted = subprocess.run(command, input=content, capture_output=True, check=False)
    assert accepted.returncode in {0, 1}
    assert looks_like_pointer(content) or accepted.returncode == 1
    if name in LENIENT:
        assert accepted.returncode == 0
