# SPDX-License-Identifier: Apache-2.0
"""What ``cat-file --batch`` writes, read one by one and many at once: the same blobs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.adapters.git_blobs import Blob, BlobFeed
from hubpolicy.domain.manifest import git_blob_id
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n".encode()
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from((b"", b"\n", b"oid", _POINTER, _POINTER + b" ", _POINTER.upper(), b"x" * 2000)),
)


def written(contents: list[bytes]) -> bytes:
    """As git writes them."""
    records = (b"%b blob %d\n%b\n" % (oid(each), len(each), each) for each in contents)
    return b"".join(records)


def oid(content: bytes) -> bytes:
    return git_blob_id(content).encode()


def pieces(stream: bytes, size: int) -> Iterator[bytes]:
    return (stream[at : at + size] for at in range(0, len(stream), size))


def many(feed: BlobFeed, contents: list[bytes]) -> tuple[list[Blob], list[bytes]]:
    return feed.many(list(map(git_blob_id, contents)), list(map(len, contents)))


@given(st.lists(CONTENTS, min_size=1, max_size=12), st.integers(1, 400), st.integers(0, 12))
def test_many_at_once_are_what_they_are_one_by_one(
    contents: list[bytes], size: int, before: int
) -> None:
    stream = written(contents)
    alone = BlobFeed(pieces(stream, size))
    expected = [alone.next(git_blob_id(content)) for content in contents]
    alone.drain()
    assert [content for _, content in expected] == contents

    feed = BlobFeed(pieces(stream, size))
    first, rest = contents[:before], contents[before:]
    assert [feed.next(git_blob_id(content)) for content in first] == expected[:before]
    blobs, found = many(feed, rest)
    assert list(zip(blobs, found, strict=True)) == expected[before:]
    feed.drain()
    for blob, content in zip(blobs, rest, strict=True):
        assert blob.sha256 == hashlib.sha256(content).hexdigest()
        assert (blob.pointer is not None) == (content == _POINTER)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(written([b"one", b"two"]).replace(b"one", b"on"), id="shorter"),
        pytest.param(written([b"one"]), id="one object fewer"),
        pytest.param(written([b"two", b"one"]), id="in another order"),
        pytest.param(written([b"one"]) + oid(b"two") + b" missing\n", id="missing"),
        pytest.param(written([b"one", b"two"]).replace(b"blob", b"tree"), id="no blobs"),
        pytest.param(written([b"one", b"two"])[:-1], id="cut off"),
        pytest.param(written([b"one", b"two"])[:-1] + b"x", id="another end"),
        pytest.param(b"", id="nothing"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_anything_else_is_left_for_one_by_one_which_says_what_is_wrong(
    stream: bytes, size: int
) -> None:
    feed = BlobFeed(pieces(stream, size))
    assert many(feed, [b"one", b"two"]) == ([], [])
    with pytest.raises(ServiceError):
        read_all(feed, [b"one", b"two"])


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_stream_that_ends_behind_a_newline_of_the_last_blob_is_cut_off(cut: int) -> None:
    contents = [b"one", b"t\nw\no"]
    feed = BlobFeed(pieces(written(contents)[:-cut], 1000))
    assert many(feed, contents) == ([], [])
    with pytest.raises(ServiceError, match="got the end"):
        read_all(feed, contents)


def read_all(feed: BlobFeed, contents: list[bytes]) -> None:
    for content in contents:
        blob, found = feed.next(git_blob_id(content))
        if (blob.sha256, found) != (hashlib.sha256(content).hexdigest(), content):
            message = "read other bytes"
            raise AssertionError(message)
    feed.drain()


def test_what_is_too_large_for_one_piece_comes_one_by_one() -> None:
    large = bytes(5 * 1024 * 1024)
    feed = BlobFeed(pieces(written([b"one", large, b"two"]), 1 << 16))
    blobs, found = many(feed, [b"one", large, b"two"])
    assert (len(blobs), found) == (1, [b"one"])
    assert many(feed, [large, b"two"]) == ([], [])
    blob, content = feed.next(git_blob_id(large))
    assert (blob.sha256, content) == (hashlib.sha256(large).hexdigest(), None)
    assert feed.next(git_blob_id(b"two"))[1] == b"two"
    feed.drain()
