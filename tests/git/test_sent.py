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
from hubpolicy.core.rules.hp601 import SentBlob
from hubpolicy.errors import ServiceError
from tests.git.repos import Repo, init, pointer

if TYPE_CHECKING:
    from pathlib import Path

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


def test_the_rule_names_blob_bytes_and_the_way_out() -> None:
    weights = SentBlob("old/model.safetensors", "ab" * 20, 7, "cd" * 32, b"", is_pointer=False)
    card = SentBlob("README.md", "ab" * 20, 7, "ef" * 32, b"# card", is_pointer=False)
    (finding,) = hp601.check((weights, card), frozenset())
    assert finding.rule == "HP601"
    assert "old/model.safetensors (7 bytes, blob cdcdcdcdcd)" in finding.message
    assert "--find-object=abababababab" in finding.fix
    assert hp601.check((weights,), frozenset(("cd" * 32,))) == ()


@pytest.mark.parametrize(
    ("path", "size", "weight"),
    [
        (f".hubpolicy/evidence/{'a' * 64}.jsonl.gz", 1000, False),
        (f".hubpolicy/evidence/{'a' * 64}.jsonl.gz", 20_000_000, True),
        (f"x/.hubpolicy/evidence/{'a' * 64}.jsonl.gz", 1000, True),
        (".hubpolicy/evidence/weights.gz", 1000, True),
        ("training_args.bin", 10, True),
        ("notes.unknown", 11_000_000, True),
        ("notes.unknown", 1000, False),
    ],
)
def test_records_of_an_earlier_release_are_no_weights(path: str, size: int, weight: bool) -> None:
    blob = SentBlob(
        path,
        "ab" * 20,
        size,
        "cd" * 32,
        b"\x1f\x8b" if path.endswith("gz") else b"t",
        is_pointer=False,
    )
    assert hp601.is_weight(blob) is weight


def test_hostile_paths_are_escaped() -> None:
    blob = SentBlob("a\x1b[31m\udcff.bin", "ab" * 20, 1, "cd" * 32, b"", is_pointer=False)
    (finding,) = hp601.check((blob,), frozenset())
    assert finding.message.isprintable()
