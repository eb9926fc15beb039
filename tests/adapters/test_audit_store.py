# SPDX-License-Identifier: Apache-2.0
"""What audits have read, in SQLite: once asked, never asked again; and never a verdict."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.audit_store import AuditStore
from hubpolicy.adapters.stored_hub import StoredHub
from hubpolicy.domain.manifest import ListedFile, Listing, git_blob_id
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO = RepoId("acme", "tern")
OTHER = RepoId("acme", "tern", "dataset")
OID, LATER = "a" * 40, "b" * 40
CONTENT = b"what it holds"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LISTING = Listing((
    ListedFile("ä b.bin", 13, SHA256, None), ListedFile("x", 13, None, git_blob_id(CONTENT)),
))  # fmt: skip
REFS = (RemoteRef("refs/heads/main", OID), RemoteRef("refs/pr/1", LATER))


class Counting:
    """A hub that says the same each time, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.said = b""

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
        return self.said or CONTENT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[AuditStore]:
    with AuditStore(path) as opened:
        yield opened


def test_a_commit_is_asked_once(store: AuditStore, path: Path) -> None:
    hub = Counting()
    for _ in range(3):
        stored = StoredHub(hub, store)
        assert stored.listing(REPO, OID) == LISTING
        assert stored.read(REPO, OID, "x") == CONTENT
        assert stored.history(REPO, OID) == (OID, LATER)
    assert hub.asked == ["listing model aaaa", "read model aaaa x", "history model aaaa"]
    with AuditStore(path) as again:
        assert StoredHub(hub, again).listing(REPO, OID) == LISTING
    assert len(hub.asked) == 3


def test_repositories_commits_and_paths_are_told_apart(store: AuditStore) -> None:
    hub = Counting()
    stored = StoredHub(hub, store)
    for repo in (REPO, OTHER, RepoId("acme", "tern", endpoint="https://hub.example.org")):
        for oid in (OID, LATER):
            assert stored.read(repo, oid, "x") == CONTENT
            assert stored.read(repo, oid, "ä b.bin") == CONTENT
    reads = [asked for asked in hub.asked if asked.startswith("read")]
    assert len(reads) == len(hub.asked) - 6 == 12


def test_names_that_move_are_asked_each_time(store: AuditStore) -> None:
    hub = Counting()
    stored = StoredHub(hub, store)
    for _ in range(2):
        stored.listing(REPO, "main")
        stored.read(REPO, "refs/pr/1", "x")
        stored.history(REPO, "main")
    assert len(hub.asked) == 6


def test_where_refs_stand_is_asked_each_time(store: AuditStore) -> None:
    hub = Counting()
    for _ in range(2):
        assert StoredHub(hub, store).refs(REPO) == REFS
    StoredHub(hub, store).refs(REPO, outdated=OID)
    assert hub.asked == ["refs model", "refs model", "refs model aaaa"]


def test_an_answer_that_is_not_what_was_listed_is_not_kept(store: AuditStore) -> None:
    hub = Counting()
    hub.said = b"a captive portal"
    stored = StoredHub(hub, store)
    assert stored.read(REPO, OID, "x") == b"a captive portal"
    hub.said = b""
    assert stored.read(REPO, OID, "x") == CONTENT
    assert stored.read(REPO, OID, "x") == CONTENT
    assert stored.read(REPO, OID, "not listed") == CONTENT
    assert [asked for asked in hub.asked if asked.startswith("read")] == [
        "read model aaaa x", "read model aaaa x", "read model aaaa not listed",
    ]  # fmt: skip


def test_nobody_else_may_read_it(store: AuditStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_content_that_rotted_is_asked_again(store: AuditStore, path: Path) -> None:
    hub = Counting()
    stored = StoredHub(hub, store)
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
