# SPDX-License-Identifier: Apache-2.0
"""What a push would send: all of the history that the remote does not have, and no more."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.git import GitRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.core.rules import hp601
from hubpolicy.errors import ServiceError
from tests.git.repos import Repo, init, pointer

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.rules.hp601 import SentBlob

URL = "https://example.org/acme/m"


def sent(
    repo: Repo, *new: str, remote: str = "origin", url: str = URL, known: tuple[str, ...] = ()
) -> dict[str, SentBlob]:
    git = GitRepository(open_git(str(repo.path), os.environ))
    return {blob.path: blob for blob in git.sent(new, remote, url, known)}


@pytest.fixture
def three(repo: Repo) -> tuple[Repo, list[str]]:
    """Three commits; the weights are in the second one only."""
    first = repo.commit({"a.txt": b"1"})
    second = repo.commit({"hidden.safetensors": b"weights"})
    third = repo.commit({"b.txt": b"3"}, remove=("hidden.safetensors",))
    return repo, [first, second, third]


def test_everything_is_new_to_a_remote_that_nothing_is_known_of(
    three: tuple[Repo, list[str]],
) -> None:
    repo, commits = three
    assert set(sent(repo, commits[2])) == {"a.txt", "hidden.safetensors", "b.txt"}


def test_what_the_remote_named_itself_is_not_sent_again(three: tuple[Repo, list[str]]) -> None:
    repo, commits = three
    assert set(sent(repo, commits[2], known=(commits[1],))) == {"b.txt"}


def test_an_id_of_the_remote_that_is_not_here_tells_nothing(three: tuple[Repo, list[str]]) -> None:
    repo, commits = three
    assert set(sent(repo, commits[2], known=("1" * 40,))) == {
        "a.txt",
        "hidden.safetensors",
        "b.txt",
    }


def test_tracking_refs_tell_what_the_remote_has(three: tuple[Repo, list[str]]) -> None:
    repo, commits = three
    repo.git("remote", "add", "origin", URL)
    repo.git("update-ref", "refs/remotes/origin/main", commits[0])
    assert set(sent(repo, commits[2])) == {"hidden.safetensors", "b.txt"}


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("origin", "https://huggingface.co/acme/m"),
        (URL, URL),
        ("*", URL),
        ("ori*", URL),
        ("other", URL),
        ("--all", URL),
    ],
    ids=["other push url", "no name", "star", "glob", "unknown", "option"],
)
def test_tracking_refs_of_another_place_tell_nothing(
    three: tuple[Repo, list[str]], remote: str, url: str
) -> None:
    repo, commits = three
    repo.git("remote", "add", "origin", URL)
    repo.git("update-ref", "refs/remotes/origin/main", commits[2])
    assert "hidden.safetensors" in sent(repo, commits[2], remote=remote, url=url)


def test_replace_refs_grafts_and_commit_graphs_hide_no_history(
    three: tuple[Repo, list[str]],
) -> None:
    repo, commits = three
    repo.git("replace", "--graft", commits[2])
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/grafts").write_text(f"{commits[2]}\n")
    assert "hidden.safetensors" not in repo.git("log", "--name-only", "--format=", commits[2])
    assert "hidden.safetensors" in sent(repo, commits[2])


def test_pointers_are_judged_by_what_they_name(repo: Repo) -> None:
    weights = b"x" * 99
    oid = repo.commit({"figure.png": pointer(weights)})
    blob = sent(repo, oid)["figure.png"]
    assert (blob.size, blob.sha256) == (99, hashlib.sha256(weights).hexdigest())
    assert blob.is_pointer
    assert blob.head is None
    assert hp601.is_weight(blob)


def test_merges_tags_and_many_tips_are_one_set(repo: Repo) -> None:
    base = repo.commit({"a.txt": b"1"})
    repo.git("checkout", "-q", "-b", "side")
    side = repo.commit({"side.txt": b"2"})
    repo.git("checkout", "-q", "main")
    repo.commit({"main.txt": b"3"})
    repo.git("merge", "-q", "--no-edit", "side")
    merged = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "-m", "t", "t")
    tag = repo.git("rev-parse", "t")
    assert set(sent(repo, tag, merged, side, known=(base,))) == {"side.txt", "main.txt"}


def test_a_shallow_clone_sends_what_it_has(three: tuple[Repo, list[str]], tmp_path: Path) -> None:
    repo, commits = three
    clone = Repo(tmp_path / "shallow")
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(clone.path))
    assert set(sent(clone, commits[2], remote="x")) == {"a.txt", "b.txt"}


def test_a_partial_clone_must_fetch_first(three: tuple[Repo, list[str]], tmp_path: Path) -> None:
    repo, commits = three
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = Repo(tmp_path / "partial")
    url = f"file://{repo.path}"
    repo.git("clone", "-q", "--filter=blob:none", "--no-checkout", url, str(clone.path))
    with pytest.raises(ServiceError, match="missing in this repository") as caught:
        sent(clone, commits[2], remote="other", known=("1" * 40,))
    assert "git fetch" in caught.value.hint
    assert sent(clone, commits[2], remote="origin", url=url) == {}


def test_nothing_new_is_nothing_sent(tmp_path: Path) -> None:
    repo = init(tmp_path / "bare", "--bare")
    assert sent(repo) == {}
