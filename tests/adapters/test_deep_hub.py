# SPDX-License-Identifier: Apache-2.0
"""Files as they are, in place of how they are listed; what is left unread is known."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.audit_store import AuditStore
from hubpolicy.adapters.deep_hub import LIMIT, MOST_FILES, DeepHub, downloading
from hubpolicy.domain.manifest import ListedFile, Listing, git_blob_id
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.ports import RemoteRef

REPO, OID = RepoId("acme", "tern"), "a" * 40
CONTENT = b"as it is sent"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LINES = ListedFile(".hubpolicy/release.intoto.jsonl", 9, None, "e" * 40)
LARGE = ListedFile("model.safetensors", LIMIT + 1, "b" * 64, None)
SMALL = ListedFile("small.onnx", LIMIT, "c" * 64, None)
TEXT = ListedFile("config.json", 13, None, "d" * 40)


class Sending:
    """A hub that lists some files and sends the same bytes for each."""

    def __init__(self, *files: ListedFile) -> None:
        self.files = files
        self.read_paths: list[str] = []

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        raise AssertionError((repo, outdated, ref))

    def listing(self, repo: RepoId, revision: str) -> Listing:
        assert (repo, revision) == (REPO, OID)
        return Listing(self.files)

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        assert repo == REPO
        return (revision,)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        assert (repo, revision) == (REPO, OID)
        self.read_paths.append(path)
        return CONTENT


def deep(hub: Sending, store: AuditStore | None = None) -> tuple[DeepHub, dict[str, int]]:
    unread: dict[str, int] = {}
    return DeepHub(hub, downloading(hub), store, unread), unread


def test_small_files_are_what_was_sent() -> None:
    hub = Sending(LINES, TEXT, LARGE, SMALL)
    reader, unread = deep(hub)
    found = {file.path: file for file in reader.listing(REPO, OID).files}
    assert found["config.json"] == ListedFile("config.json", 13, SHA256, git_blob_id(CONTENT))
    assert found["small.onnx"] == ListedFile("small.onnx", 13, SHA256, None)
    assert found["model.safetensors"] == LARGE
    assert found[LINES.path] == LINES, "evidence is compared by whoever reads it"
    assert hub.read_paths == ["config.json", "small.onnx"]
    assert unread == {"b" * 64: LIMIT + 1}


@pytest.mark.parametrize("files", [(LINES, TEXT), (TEXT, LARGE), ()])
def test_where_nothing_can_hold_nothing_is_read(files: tuple[ListedFile, ...]) -> None:
    hub = Sending(*files)
    assert deep(hub)[0].listing(REPO, OID) == Listing(files)
    assert hub.read_paths == []


def test_what_was_read_of_a_commit_is_kept_and_so_is_what_was_not(tmp_path: Path) -> None:
    with AuditStore(tmp_path / "audit.sqlite3") as store:
        first = deep(Sending(LINES, TEXT, LARGE), store)[0].listing(REPO, OID)
        later = Sending(LINES, TEXT, LARGE)
        reader, unread = deep(later, store)
        assert reader.listing(REPO, OID) == first
        assert (later.read_paths, unread) == ([], {"b" * 64: LIMIT + 1})
        assert store.listing(REPO, OID) is None, "the hub's own word is another thing"


def test_nobody_is_made_to_read_without_end() -> None:
    many = [ListedFile(f"{n}.json", 9, None, "d" * 40) for n in range(MOST_FILES + 1)]
    hub = Sending(LINES, LARGE, *many)
    with pytest.raises(ServiceError, match=f"got {MOST_FILES + 1} files to read"):
        deep(hub)[0].listing(REPO, OID)
    assert hub.read_paths == []
