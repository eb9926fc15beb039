# SPDX-License-Identifier: Apache-2.0
"""A damaged store: a clear error or a second reading, and never what was kept as something else."""

from __future__ import annotations

import random
import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest

from hubpolicy.adapters.audit_store import AuditStore
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

REPOS = tuple(RepoId("acme", name, "model", "http://127.0.0.1:1") for name in ("one", "two"))
DAMAGE = 150
"""Ways of damage in one test; many are an error on opening already."""


class Kept(NamedTuple):
    """What was kept of one commit."""

    listing: Listing
    content: bytes
    history: tuple[str, ...]


def kept(number: int) -> Kept:
    files = tuple(ListedFile(f"f{at}", at, None, f"{at:040x}") for at in range(number % 7 + 1))
    return Kept(Listing(files), bytes([number]) * number * 90, (f"{number:040x}",))


KEPT = {(repo, f"{number:040x}"): kept(number) for number in range(1, 16) for repo in REPOS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store that was closed."""
    path = tmp_path_factory.mktemp("store") / "audit.sqlite3"
    with AuditStore(path) as store:
        for (repo, oid), each in KEPT.items():
            store.keep_listing(repo, oid, each.listing)
            store.keep_content(repo, oid, "a", each.content)
            store.keep_history(repo, oid, each.history)
    return path.read_bytes()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Bits turned over, a stretch of noise, a page of noughts, an end that is missing."""
    found, at = bytearray(content), chance.randrange(len(content))
    kind = chance.choice(("bits", "noise", "page", "end", "head"))
    if kind == "bits":
        for _ in range(chance.choice((1, 3, 30, 300))):
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    elif kind == "noise":
        end = min(len(found), at + chance.choice((4, 64, 1000)))
        found[at:end] = chance.randbytes(end - at)
    elif kind == "page":
        start = at // 4096 * 4096
        found[start : start + 4096] = bytes(len(found[start : start + 4096]))
    elif kind == "end":
        del found[at:]
    else:
        found[at % 100] = chance.randrange(256)
    return bytes(found)


def test_what_is_read_from_it_is_what_was_kept_there_or_nothing(
    whole: bytes, tmp_path: Path
) -> None:
    ends, said = {"read": 0, "missing": 0}, list[tuple[bool, bool]]()
    for seed in range(DAMAGE):
        path = tmp_path / f"{seed}.sqlite3"
        path.write_bytes(damaged(whole, random.Random(seed)))
        try:
            with AuditStore(path) as store:
                for (repo, oid), each in KEPT.items():
                    found = (
                        store.listing(repo, oid), store.content(repo, oid, "a"),
                        store.history(repo, oid),
                    )  # fmt: skip
                    for got, wanted in zip(found, each, strict=True):
                        assert got in (None, wanted), f"seed {seed}"
                        ends["missing" if got is None else "read"] += 1
        except ServiceError as error:
            said.append((path.name in error.message, "--no-cache" in error.hint))
    assert set(said) == {(True, True)}
    assert min(len(said), *ends.values()) > 10, f"too few of one kind: {ends}"


def test_what_was_moved_to_another_key_is_not_believed(whole: bytes, tmp_path: Path) -> None:
    """The tree of an attested commit, put under the id of one that nobody attested."""
    path = tmp_path / "audit.sqlite3"
    path.write_bytes(whole)
    repo, other = REPOS
    with sqlite3.connect(path) as db:
        db.execute("UPDATE kept SET oid = ? WHERE repo = ? AND oid = ?",
                   ("f" * 40, repo.purl, f"{3:040x}"))  # fmt: skip
    with AuditStore(path) as store:
        assert store.listing(repo, "f" * 40) is None
        assert store.content(repo, "f" * 40, "a") is None
        assert store.listing(other, f"{3:040x}") == kept(3).listing


def test_a_file_of_the_version_before_is_brought_up_to_date(whole: bytes, tmp_path: Path) -> None:
    """What it held is read again: it was not tied to its key."""
    path = tmp_path / "audit.sqlite3"
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        db.executescript("ALTER TABLE kept DROP COLUMN seal; PRAGMA user_version = 1;")
    repo, oid = REPOS[0], f"{5:040x}"
    with AuditStore(path) as store:
        assert store.listing(repo, oid) is None
        store.keep_listing(repo, oid, kept(5).listing)
        assert store.listing(repo, oid) == kept(5).listing


def test_many_that_make_it_at_once_have_one_store(tmp_path: Path) -> None:
    path, errors = tmp_path / "audit.sqlite3", list[BaseException]()
    ready = threading.Barrier(8)

    def use(number: int) -> None:
        ready.wait(30)
        try:
            with AuditStore(path) as store:
                for (repo, oid), each in KEPT.items():
                    store.keep_content(repo, oid, f"of {number}", each.content)
        except ServiceError as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with AuditStore(path) as store:
        assert all(
            store.content(repo, oid, f"of {number}") == each.content
            for number in range(8)
            for (repo, oid), each in KEPT.items()
        )
