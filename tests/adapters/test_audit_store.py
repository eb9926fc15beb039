# SPDX-License-Identifier: Apache-2.0
"""What audits have read, in SQLite: once asked, never asked again; and never a verdict."""

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.audit_store import AuditStore
from hubpolicy.adapters.stored_hub import StoredHub
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO = RepoId("acme", "tern")
OTHER = RepoId("acme", "tern", "dataset")
OID, LATER = "a" * 40, "b" * 40
LISTING = Listing((ListedFile("ä b.bin", 7, "c" * 64, None), ListedFile("x", 1, None, "d" * 40)))
REFS = (RemoteRef("refs/heads/main", OID), RemoteRef("refs/pr/1", LATER))
NOW, HOUR_AGO = "2026-11-23T10:00:00Z", "2026-11-23T09:00:00Z"


class Counting:
    """A hub that says the same each time, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def listing(self, repo: RepoId, revision: str) -> Listing:
        self.asked.append(f"listing {repo.repo_type} {revision[:4]}")
        return LISTING

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        assert ref == "refs/heads/main"
        self.asked.append(f"refs {repo.repo_type} {outdated[:4]}".rstrip())
        return REFS

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        self.asked.append(f"history {repo.repo_type} {revision[:4]}")
        return (revision, LATER)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        self.asked.append(f"read {repo.repo_type} {revision[:4]} {path}")
        return f"{path} at {revision}".encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[AuditStore]:
    with AuditStore(path) as opened:
        yield opened


def test_a_commit_is_asked_once(store: AuditStore, path: Path) -> None:
    hub = Counting()
    run, _ = store.begin("t", NOW, HOUR_AGO)
    for _ in range(3):
        stored = StoredHub(hub, store, run)
        assert stored.listing(REPO, OID) == LISTING
        assert stored.read(REPO, OID, "x") == f"x at {OID}".encode()
        assert stored.history(REPO, OID) == (OID, LATER)
    assert hub.asked == ["listing model aaaa", "read model aaaa x", "history model aaaa"]
    with AuditStore(path) as again:
        assert StoredHub(hub, again, run).listing(REPO, OID) == LISTING
    assert len(hub.asked) == 3


def test_repositories_commits_and_paths_are_told_apart(store: AuditStore) -> None:
    hub = Counting()
    stored = StoredHub(hub, store, store.begin("t", NOW, HOUR_AGO)[0])
    for repo in (REPO, OTHER, RepoId("acme", "tern", endpoint="https://hub.example.org")):
        for oid in (OID, LATER):
            assert stored.read(repo, oid, "x") == f"x at {oid}".encode()
    assert len(hub.asked) == 6


def test_names_that_move_are_asked_each_time(store: AuditStore) -> None:
    hub = Counting()
    stored = StoredHub(hub, store, store.begin("t", NOW, HOUR_AGO)[0])
    for _ in range(2):
        stored.listing(REPO, "main")
        stored.read(REPO, "refs/pr/1", "x")
        stored.history(REPO, "main")
    assert len(hub.asked) == 6


def test_refs_are_asked_once_a_run(store: AuditStore) -> None:
    hub = Counting()
    run, seen = store.begin("t", NOW, HOUR_AGO)
    assert seen == 0
    assert StoredHub(hub, store, run).refs(REPO) == REFS
    again, seen = store.begin("t", NOW, HOUR_AGO)
    assert (again, seen) == (run, 1)
    assert StoredHub(hub, store, again).refs(REPO) == REFS
    assert StoredHub(hub, store, again).refs(REPO, outdated=OID) == REFS
    assert hub.asked == ["refs model", "refs model aaaa"]
    store.end(again)
    fresh, seen = store.begin("t", NOW, HOUR_AGO)
    assert seen == 0
    StoredHub(hub, store, fresh).refs(REPO)
    assert len(hub.asked) == 3


def test_another_audit_and_an_old_one_are_not_gone_on_with(store: AuditStore) -> None:
    run, _ = store.begin("t", HOUR_AGO, HOUR_AGO)
    store.keep_refs(run, REPO, REFS)
    assert store.begin("other", NOW, HOUR_AGO)[1] == 0
    assert store.begin("t", NOW, HOUR_AGO) == (run, 1)
    assert store.begin("t", NOW, NOW)[1] == 0


def test_nobody_else_may_read_it(store: AuditStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_content_that_rotted_is_asked_again(store: AuditStore, path: Path) -> None:
    hub = Counting()
    stored = StoredHub(hub, store, store.begin("t", NOW, HOUR_AGO)[0])
    stored.listing(REPO, OID)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE content SET deflated = x'00'")
    assert stored.listing(REPO, OID) == LISTING
    other = "f" * 64
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("UPDATE content SET sha256 = ?", (other,))
        db.execute("UPDATE kept SET sha256 = ?", (other,))
    assert stored.listing(REPO, OID) == LISTING
    assert len(hub.asked) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no database at all, just some text " * 40, "cannot use what earlier audits have read"),
        (b"SQLite format 3\0" + b"\0" * 4000, "cannot use what earlier audits have read"),
    ],
)
def test_a_damaged_file_is_said_to_be_one(path: Path, content: bytes, message: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ServiceError, match=message) as refused:
        AuditStore(path)
    assert "remove it" in (refused.value.hint or "")
    assert path.read_bytes() == content


def test_a_newer_file_is_left_alone(path: Path) -> None:
    with AuditStore(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ServiceError, match="newer hubpolicy"):
        AuditStore(path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot use"):
        AuditStore(tmp_path / "file" / "audit.sqlite3")
