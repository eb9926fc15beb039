# SPDX-License-Identifier: Apache-2.0
"""The release in a git tree is the release in the folder, and nothing makes git lie about it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.adapters import git_objects
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.git import GitRepository, ReceivingRepository
from hubpolicy.adapters.git_objects import GitObjects
from hubpolicy.adapters.git_process import open_git
from hubpolicy.domain.manifest import git_blob_id
from hubpolicy.errors import HubpolicyError, MalformedError, ServiceError
from tests.git.repos import Repo, init, need_lfs, pointer

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.adapters.git_release import GitTreeRelease

FILES = {
    "README.md": b"# A model\n",
    "config.json": b"{}",
    "a b/with space.txt": b"1",
    "\u00fc/gr\u00f6\u00dfe.txt": b"2",
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "line\u00a0end.txt": b"no newline",
    "large.bin": os.urandom(3_000_000),
}
RECIPE = (
    "find . -type f ! -path './.git/*' ! -path './.hubpolicy/*' ! -path ./model.sig -print0 | cut -z -c3- "
    "| LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum"
)


def release(repo: Repo, oid: str = "") -> GitTreeRelease:
    git = open_git(str(repo.path), os.environ)
    return GitRepository(git).release(oid or repo.git("rev-parse", "HEAD"))


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)], ids=["sha1", "sha256"])
def test_tree_folder_and_coreutils_agree_to_the_byte(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    repo = init(tmp_path / "r", *options)
    repo.commit(FILES)
    found = release(repo)
    recipe = subprocess.run(["sh", "-c", RECIPE], cwd=repo.path, capture_output=True, check=True)
    assert found.manifest == FolderRelease(repo.path).manifest
    assert found.manifest.dir_hash == recipe.stdout.split()[0].decode()
    assert found.findings == ()


@pytest.mark.lfs
def test_lfs_files_are_the_content_that_a_checkout_gives(repo: Repo) -> None:
    need_lfs()
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.safetensors")
    weights = os.urandom(70_000)
    repo.commit({"model.safetensors": weights, "README.md": b"x"})
    assert repo.git("cat-file", "blob", "HEAD:model.safetensors").startswith(
        "version https://git-lfs"
    )
    found = release(repo)
    folder = FolderRelease(repo.path).manifest
    assert found.manifest.dir_hash == folder.dir_hash
    assert [entry[:3] for entry in found.manifest.entries] == [
        entry[:3] for entry in folder.entries
    ]
    assert found.head("model.safetensors") == weights[:512]
    assert found.read("model.safetensors") == weights


@pytest.mark.lfs
def test_an_lfs_object_of_other_bytes_is_never_handed_out(repo: Repo) -> None:
    need_lfs()
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.json")
    content = b'{"auto_map": {}}'
    repo.commit({"config.json": content})
    oid = hashlib.sha256(content).hexdigest()
    stored = repo.path / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.chmod(0o644)
    stored.write_bytes(b'{"auto_map": []}')
    with pytest.raises(ServiceError, match="other bytes"):
        release(repo).read("config.json")
    stored.unlink()
    with pytest.raises(ServiceError, match="not in this repository") as caught:
        release(repo).read("config.json")
    assert caught.value.hint == "git lfs fetch --all"


def test_a_pointer_stands_for_its_content_without_any_lfs(repo: Repo) -> None:
    weights = b"w" * 12345
    repo.commit({"model.safetensors": pointer(weights)})
    (entry,) = release(repo).manifest.entries
    assert (entry.size, entry.sha256) == (12345, hashlib.sha256(weights).hexdigest())
    assert entry.git_blob is None


@pytest.mark.parametrize(
    "content",
    [
        pointer(b"w").replace(b"\n", b"\r\n"),
        pointer(b"w")[:-1],
        b" " + pointer(b"w"),
        pointer(b"w").replace(b"git-lfs.github.com", b"hawser.github.com"),
        pointer(b"w").replace(b"oid", b"ext-0-foo sha256:" + b"0" * 64 + b"\noid"),
        pointer(b"w") + b" " * 2000,
    ],
    ids=["crlf", "no final newline", "leading space", "legacy url", "extension", "padded"],
)
def test_what_only_git_lfs_takes_for_a_pointer_is_refused(repo: Repo, content: bytes) -> None:
    repo.commit({"notes.txt": content})
    found = release(repo)
    assert [finding.rule for finding in found.findings] == ["HP404"]
    assert found.manifest.entries[0].sha256 == hashlib.sha256(content).hexdigest()


def test_evidence_is_apart_from_what_it_covers(repo: Repo) -> None:
    repo.commit(
        {
            "a": b"1",
            "model.sig": b"{}",
            ".hubpolicy/release.intoto.jsonl": b"x\n",
            ".hubpolicy/policy/p.json": b"{}",
            "sub/model.sig": b"2",
        }
    )
    found = release(repo)
    assert [entry.path for entry in found.manifest.entries] == ["a", "sub/model.sig"]
    assert [file.path for file in found.evidence_files()] == [
        ".hubpolicy/policy/p.json",
        ".hubpolicy/release.intoto.jsonl",
        "model.sig",
    ]


def test_the_work_tree_the_index_and_ignores_have_no_say(repo: Repo) -> None:
    oid = repo.commit({"a": b"committed", ".gitattributes": b"* text eol=crlf export-subst\n"})
    repo.write({"a": b"changed", "b": b"new", ".gitignore": b"a\n"})
    repo.git("add", "b")
    found = release(repo, oid)
    assert found.read("a") == b"committed"
    assert [entry.path for entry in found.manifest.entries] == [".gitattributes", "a"]


BAD = [
    ("120000", "blob", b"link"),
    ("100644", "blob", b"a\\b"),
    ("100644", "blob", b"new\nline"),
    ("100644", "blob", b"\xff\xfe"),
    ("100644", "blob", b".git"),
    ("100644", "blob", b".GIT"),
    ("100644", "blob", b".."),
    ("100644", "blob", b"."),
    ("100644", "blob", b"\x1b[31m"),
]


@pytest.mark.parametrize(("mode", "kind", "path"), BAD, ids=repr)
def test_a_bad_entry_is_a_finding_and_never_covered(
    repo: Repo, mode: str, kind: str, path: bytes
) -> None:
    tree = repo.tree((mode, kind, path, repo.blob(b"target")))
    found = release(repo, repo.commit_tree(tree))
    assert found.manifest.entries == ()
    assert {finding.rule for finding in found.findings} <= {"HP401", "HP402", "HP403"}
    assert found.findings
    assert all(finding.message.isprintable() for finding in found.findings)


def test_a_gitlink_is_a_finding(repo: Repo) -> None:
    oid = repo.commit({"a": b"1"})
    tree = repo.tree(("160000", "commit", b"sub", oid))
    found = release(repo, repo.commit_tree(tree))
    assert [finding.rule for finding in found.findings] == ["HP402"]


@pytest.mark.parametrize(
    "pair", [(b"A", b"a"), ("\u00e9".encode(), "e\u0301".encode()), (b"a", b"a")]
)
def test_twins_are_a_finding(repo: Repo, pair: tuple[bytes, bytes]) -> None:
    blob = repo.blob(b"1")
    tree = repo.tree(*(("100644", "blob", path, blob) for path in pair))
    found = release(repo, repo.commit_tree(tree))
    assert "HP403" in {finding.rule for finding in found.findings}


def test_a_replace_ref_does_not_show_the_good_bytes(repo: Repo) -> None:
    good = repo.commit({"model.safetensors": b"good"})
    bad = repo.commit({"model.safetensors": b"bad"})
    repo.git("replace", bad, good)
    assert repo.git("show", f"{bad}:model.safetensors") == "good"
    assert release(repo, bad).read("model.safetensors") == b"bad"
    blobs = [repo.git("hash-object", "--stdin", stdin=content) for content in (b"bad", b"good")]
    repo.git("replace", *blobs)
    again = release(repo, bad)
    assert again.read("model.safetensors") == b"bad"
    assert again.manifest.entries[0].sha256 == hashlib.sha256(b"bad").hexdigest()


def test_tags_are_peeled_down_to_the_commit(repo: Repo) -> None:
    commit = repo.commit({"a": b"1"})
    repo.git("tag", "-a", "-m", "one", "one")
    repo.git("tag", "-a", "-m", "two", "two", repo.git("rev-parse", "one"))
    for name in ("one", "two"):
        tag = repo.git("rev-parse", name)
        assert tag != commit
        assert release(repo, tag).manifest == release(repo, commit).manifest


@pytest.mark.parametrize("revision", ["HEAD:a", "HEAD^{tree}"], ids=["blob", "tree"])
@pytest.mark.parametrize("tagged", [False, True], ids=["bare", "tagged"])
def test_what_leads_to_no_commit_is_refused(repo: Repo, revision: str, tagged: bool) -> None:
    repo.commit({"a": b"1"})
    oid = repo.git("rev-parse", revision)
    if tagged:
        repo.git("tag", "-a", "-m", "t", "t", oid)
        oid = repo.git("rev-parse", "t")
    with pytest.raises(ServiceError):
        release(repo, oid)


@pytest.mark.parametrize(
    "oid", ["HEAD", "", "-h", "--output=x", "0" * 39, "A" * 40, "1" * 40 + "\n"]
)
def test_only_full_object_ids_ever_reach_git(repo: Repo, oid: str) -> None:
    repo.commit({"a": b"1"})
    with pytest.raises(MalformedError, match="40 or 64 hex digits"):
        GitRepository(open_git(str(repo.path), os.environ)).release(oid)


def test_hostile_configuration_of_the_repository_is_inert(repo: Repo, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    oid = repo.commit({"a.txt": b"1", ".gitattributes": b"* diff=evil filter=evil\n"})
    run = f"touch {marker}; cat"
    for key in (
        "core.fsmonitor",
        "core.pager",
        "pager.ls-tree",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "alias.ls-tree",
    ):
        repo.git("config", key, f"!{run}" if key.startswith("alias") else run)
    repo.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    git = GitRepository(open_git(str(repo.path), os.environ))
    git.names(oid)
    assert git.release(oid).findings == ()
    git.sent((oid,), "origin", "https://example.org/x", ("1" * 40,))
    assert not marker.exists()


def test_a_missing_object_stops_everything(repo: Repo) -> None:
    oid = repo.commit({"a": b"1", "b": b"2"})
    blob = repo.git("rev-parse", "HEAD:b")
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ServiceError, match=blob) as caught:
        _ = release(repo, oid).manifest
    assert "git fetch" in caught.value.hint


def test_a_blob_in_many_places_is_read_once(repo: Repo) -> None:
    repo.commit({f"copy-{n}": b"same" for n in range(50)} | {"other": b"other"})
    found = release(repo)
    assert len(found.manifest.entries) == 51
    assert len({entry.sha256 for entry in found.manifest.entries}) == 2


def test_reading_what_is_not_there_says_so(repo: Repo) -> None:
    repo.commit({"a": b"1"})
    with pytest.raises(ServiceError, match="no file 'b'"):
        release(repo).read("b")
    with pytest.raises(ServiceError, match="no file 'b'"):
        release(repo).head("b")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(NAMES, st.binary(max_size=3000), min_size=1, max_size=8))
def test_any_flat_tree_is_read_back_or_refused(repo: Repo, files: dict[str, bytes]) -> None:
    named = {name.replace("/", "_").replace("\0", "_"): content for name, content in files.items()}
    entries = sorted((name.encode(), content) for name, content in named.items())
    tree = repo.tree(*(("100644", "blob", name, repo.blob(c)) for name, c in entries))
    found = release(repo, repo.commit_tree(tree))
    covered = {entry.path: (entry.sha256, entry.git_blob) for entry in found.manifest.entries}
    for path, (sha256, git_blob) in covered.items():
        assert sha256 == hashlib.sha256(named[path]).hexdigest()
        assert git_blob == git_blob_id(named[path])
    assert found.findings or len(covered) == len(named)


def test_errors_are_all_of_our_own_kind(repo: Repo) -> None:
    with pytest.raises(HubpolicyError):
        release(repo, "1" * 40)


def bomb(repo: Repo, levels: int) -> str:
    """A commit of a few objects whose tree has ten files to the power of ``levels``."""
    mode, kind, oid = "100644", "blob", repo.blob(b"x\n")
    for _ in range(levels):
        oid = repo.tree(*((mode, kind, b"f%d" % each, oid) for each in range(10)))
        mode, kind = "40000", "tree"
    return repo.commit_tree(oid)


def test_trees_that_name_each_other_ten_times_are_not_listed_to_the_end(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_objects, "LISTING_LIMIT", 1_000_000)
    huge, small = bomb(repo, 12), bomb(repo, 3)
    with pytest.raises(ServiceError, match="got over 1000000 bytes of names"):
        release(repo, huge)
    assert len(release(repo, small).manifest.entries) == 1000
    # What all refs of a push name together has a limit where it is received.
    objects = GitObjects(open_git(str(repo.path), os.environ))
    objects.room = 100_000
    objects.tree(small)
    with pytest.raises(ServiceError, match="bytes of names") as caught:
        objects.tree(bomb(repo, 4))
    assert "push fewer refs" in caught.value.hint


def test_a_long_history_of_many_files_is_not_held_in_memory(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_objects, "_KEEP_ROWS", 3000)
    tip = bomb(repo, 3)
    commits = [repo.git("commit-tree", "-m", str(n), f"{tip}^{{tree}}") for n in range(15)]
    objects = GitObjects(open_git(str(repo.path), os.environ))
    tracemalloc.start()
    try:
        rows = [len(objects.tree(oid).oids) for oid in commits]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == [1000] * 15
    assert held < 2_000_000  # all fifteen take 3,500,000
    assert len(objects.tree(commits[0]).oids) == 1000


def test_what_git_was_asked_ahead_ends_with_the_judgement(repo: Repo) -> None:
    """An error in the middle of it holds everything that was under way there."""
    commits = [repo.commit({"a": str(n).encode() * 500_000}) for n in range(3)]
    blob = repo.git("rev-parse", "HEAD:a")
    before = set(os.listdir("/proc/self/fd"))
    receiving = ReceivingRepository(open_git(str(repo.path), os.environ))
    receiving.expect((blob, *commits), "x", "x", ())
    with pytest.raises(ServiceError) as caught:
        receiving.names(blob)
    assert set(os.listdir("/proc/self/fd")) - before
    receiving.close()
    assert not set(os.listdir("/proc/self/fd")) - before  # others' may end meanwhile
    assert caught.value.__traceback__ is not None
