# SPDX-License-Identifier: Apache-2.0
"""What is sent of a large file is the judged one, however it is read; else nothing of that block."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.hub_sending import addition, require_sent
from hubpolicy.adapters.sealing import BLOCK_SIZE, SealCheck, Tagger
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "model.safetensors"
SIZE = GIT_BLOB_LIMIT + BLOCK_SIZE // 2 + 7
CONTENT = random.Random(4).randbytes(SIZE)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Outgoing:
    folder = tmp_path_factory.mktemp("judged")
    (folder / NAME).write_bytes(CONTENT)
    (folder / "small.bin").write_bytes(CONTENT[:1000])
    reader = FolderRelease(folder, sealing=True)
    assert list(reader.seals) == [NAME]  # what is small travels whole, and is hashed again
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return Outgoing(NAME, str(folder / NAME), sha256, SIZE, reader.seals[NAME])


def read(file: Outgoing, size: int = -1, start: int = 0) -> bytes:
    with addition(file).as_file() as opened:
        opened.seek(start)
        return opened.read(size)


@given(
    ways=st.lists(
        st.tuples(
            st.integers(0, SIZE + 3),
            st.sampled_from([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END]),
            st.sampled_from([-1, 0, 1, 65_536, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE]),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_is_read_as_any_file_is(judged: Outgoing, ways: list[tuple[int, int, int]]) -> None:
    with addition(judged).as_file() as opened, open(str(judged.source), "rb") as plain:
        for offset, whence, size in ways:
            back = -min(offset, SIZE) if whence == os.SEEK_END else offset
            assert opened.seek(back, whence) == plain.seek(back, whence)
            assert opened.read(size) == plain.read(size)
            assert opened.tell() == plain.tell()


def changed(file: Outgoing, folder: Path, content: bytes) -> Outgoing:
    """The same, but that something else stands there; no stamp shows it."""
    assert file.seal is not None
    path = folder / NAME
    path.write_bytes(content)
    return file._replace(source=str(path), seal=file.seal._replace(stamp=None))


def swapped(content: bytes) -> bytes:
    """Each block is one that was judged, and stands where another was."""
    first, second = content[:BLOCK_SIZE], content[BLOCK_SIZE : 2 * BLOCK_SIZE]
    return second + first + content[2 * BLOCK_SIZE :]


CHANGES = {
    "first byte": (bytes([CONTENT[0] ^ 1]) + CONTENT[1:], 0),
    "last byte": (CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]), SIZE - 1),
    "a bit in the middle": (CONTENT[:7_000_000] + b"\0\0" + CONTENT[7_000_002:], 7_000_000),
    "blocks swapped": (swapped(CONTENT), 0),
    "all zeros": (bytes(SIZE), 0),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_nothing_of_a_changed_block_is_given_out(
    kind: str, judged: Outgoing, tmp_path: Path
) -> None:
    content, where = CHANGES[kind]
    file = changed(judged, tmp_path, content)
    whole = where // BLOCK_SIZE * BLOCK_SIZE
    assert not whole or read(file, whole) == CONTENT[:whole]
    for start, size in ((whole, 1), (where, 1), (0, -1)):
        with pytest.raises(ServiceError, match=f"{NAME} changed while it was being published"):
            read(file, size, start)


@pytest.mark.parametrize("hashing", [False, True], ids=["Git LFS", "Xet"])
def test_a_hub_is_shown_no_first_bytes_that_nobody_judged(
    hashing: bool, judged: Outgoing, tmp_path: Path
) -> None:
    """The client shows them before it sends anything, and the hub tells it the way to send."""
    assert addition(judged, hashing=hashing).upload_info.sample == CONTENT[:512]
    file = changed(judged, tmp_path, CHANGES["first byte"][0])
    with pytest.raises(ServiceError, match=f"{NAME} changed while it was being published"):
        addition(file, hashing=hashing)


def test_nothing_else_goes_inside_of_a_commit_where_a_hub_asks_for_that(
    judged: Outgoing, tmp_path: Path
) -> None:
    """Xet hashes what it sends; of a file that goes into the commit itself it hashes nothing."""
    operation = addition(judged, hashing=True)
    assert not operation.upload_info.is_hashed
    assert base64.b64decode(operation.b64content()) == CONTENT
    operation = addition(changed(judged, tmp_path, CHANGES["last byte"][0]), hashing=True)
    with pytest.raises(ServiceError, match=f"{NAME} changed while it was being published"):
        operation.b64content()


@pytest.mark.parametrize("hashing", [False, True], ids=["Git LFS", "Xet"])
@pytest.mark.parametrize("name", ["link/../model", "~", "./real//model/"])
def test_a_folder_is_the_one_that_the_system_takes_it_for(
    name: str, hashing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client rewrites paths before it opens them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep")
    (tmp_path / "real" / "model").mkdir()
    (tmp_path / "~").symlink_to("real/model")
    (tmp_path / "real" / "model" / NAME).write_bytes(CONTENT)
    reader = FolderRelease(name, sealing=True)
    (entry,) = reader.manifest.entries
    file = Outgoing(NAME, f"{name}/{NAME}", entry.sha256, SIZE, reader.seals[NAME])
    operation = addition(file, hashing=hashing)
    with operation.as_file() as opened:
        assert opened.read() == CONTENT
    require_sent(file, operation)


@pytest.mark.parametrize("size", [SIZE - 1, BLOCK_SIZE, BLOCK_SIZE // 2, 1, 0])
def test_a_file_that_shrank_while_it_is_sent(size: int, judged: Outgoing, tmp_path: Path) -> None:
    file = changed(judged, tmp_path, CONTENT)
    with addition(file).as_file() as opened:
        os.truncate(str(file.source), size)
        with pytest.raises(ServiceError, match="changed while it was being published"):
            opened.read()


def test_of_a_file_that_grew_while_it_is_sent_the_judged_part_goes(
    judged: Outgoing, tmp_path: Path
) -> None:
    file = changed(judged, tmp_path, CONTENT)
    with addition(file).as_file() as opened:
        with open(str(file.source), "ab") as longer:
            longer.write(b"more")
        assert opened.read() == CONTENT
        assert opened.read() == b""


def test_what_was_not_sealed_is_not_sent(judged: Outgoing, tmp_path: Path) -> None:
    path = tmp_path / NAME
    shutil.copy(str(judged.source), path)
    assert FolderRelease(tmp_path).seals == {}
    file = judged._replace(source=str(path), seal=None)
    with pytest.raises(ServiceError, match=f"{NAME} was not sealed"):
        read(file, 1)


def test_reads_that_give_less_move_no_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal or a file system may end a read early."""
    (tmp_path / NAME).write_bytes(CONTENT)
    real = os.readv
    dice = random.Random(7)

    def short(descriptor: int, buffers: list[memoryview]) -> int:
        (buffer,) = buffers
        return real(descriptor, [buffer[: dice.randint(1, BLOCK_SIZE)]])

    monkeypatch.setattr(os, "readv", short)
    reader = FolderRelease(tmp_path, sealing=True)
    (entry,) = reader.manifest.entries
    assert entry.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (
        read(Outgoing(NAME, str(tmp_path / NAME), entry.sha256, SIZE, reader.seals[NAME]))
        == CONTENT
    )


def test_a_tag_is_gmac_under_a_key_of_that_file() -> None:
    """NIST SP 800-38D: the tag of AES-GCM over associated data alone."""
    seals = []
    for _ in range(2):
        tagger = Tagger()
        tagger.add(b"one block")
        tagger.add(memoryview(b"another"))
        seals.append(tagger.seal(None))
    one, other = seals
    assert one.tags[16:] == AESGCM(one.key).encrypt((1).to_bytes(12, "big"), b"", b"another")
    assert one.key != other.key
    assert one.tags != other.tags
    check = SealCheck(one)
    assert check.holds(1, b"another")
    assert not check.holds(0, b"another")
    assert not check.holds(2, b"another")  # there is no such block
    assert one.key.hex() not in repr(one)
    assert repr(one.key) not in repr(one)
