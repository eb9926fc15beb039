"""A folder as a release: what is covered, what is refused, and the digest anyone can recompute."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.adapters.files import MAX_READ, FolderRelease
from hubpolicy.core.paths import refuse_path
from hubpolicy.domain.finding import verdict_of
from hubpolicy.domain.manifest import dir_hash, git_blob_id
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)
# DESIGN.md §4, word for word.
RECIPE = (
    "find . -type f ! -path './.git/*' ! -path './.hubpolicy/*' ! -path ./model.sig -print0 | "
    "cut -z -c3- | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum"
)


def coreutils(folder: Path) -> str:
    done = subprocess.run(RECIPE, shell=True, cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().split()[0]


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def rules(release: FolderRelease) -> list[tuple[str, str]]:
    return [(f.rule, f.location.path if f.location else "") for f in release.findings]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root reads everything; give that up for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter (tmp_path is for its owner only)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_the_digest_is_the_one_of_coreutils(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "README.md": b"# hi\n",
            "model.safetensors": os.urandom(3_000_001),
            "with space/ two  spaces .txt": b"x",
            "Ünï/naïve 模型 😀.bin": b"y",
            "Z": b"",
            "a": b"1",
            "a-b": b"2",
            "b/-rf": b"3",
            "'quoted\" $(id) *": b"5",
            ".gitattributes": b"* text\n",
            ".hidden/.x": b"6",
        },
    )
    release = FolderRelease(tmp_path)
    assert release.findings == ()
    assert release.manifest.dir_hash == coreutils(tmp_path)
    assert release.manifest.dir_hash == dir_hash(release.manifest.entries)
    order = [entry.path.encode() for entry in release.manifest.entries]
    assert order == sorted(order)


def test_entries_have_size_sha256_and_blob_id(tmp_path: Path) -> None:
    put(tmp_path, {"small": b"hello\n"})
    with (tmp_path / "large").open("wb") as file:
        file.truncate(10 * 1024 * 1024 + 1)
    large, small = FolderRelease(tmp_path).manifest.entries
    assert small.size == 6
    assert small.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert small.git_blob == git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert (large.size, large.git_blob) == (10 * 1024 * 1024 + 1, None)


def test_what_is_left_out(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "README.md": b"x",
            "model.sig": b"{}",
            ".hubpolicy/release.intoto.jsonl": b"{}\n",
            ".hubpolicy/approvals/x.jsonl": b"{}\n",
            ".cache/huggingface/download/x.lock": b"",
            ".cache/other": b"kept",
            "sub/model.sig": b"kept",
            "sub/.hubpolicy/x": b"kept",
            "sub/.cache/huggingface/x": b"kept",
        },
    )
    (tmp_path / ".git").mkdir()
    put(tmp_path, {".git/HEAD": b"no repository\n"})
    release = FolderRelease(tmp_path)
    assert release.paths == (
        *(".cache/other", "README.md", "sub/.cache/huggingface/x", "sub/.hubpolicy/x"),
        "sub/model.sig",
    )
    assert [file.path for file in release.evidence_files()] == [
        *(".hubpolicy/approvals/x.jsonl", ".hubpolicy/release.intoto.jsonl", "model.sig")
    ]
    (tmp_path / ".cache/huggingface/download/x.lock").unlink()
    assert release.manifest.dir_hash == coreutils(tmp_path)


def test_an_empty_folder_has_an_empty_manifest(tmp_path: Path) -> None:
    release = FolderRelease(tmp_path)
    assert release.manifest.entries == ()
    assert release.findings == ()
    assert release.manifest.dir_hash == coreutils(tmp_path)


NAMES = st.lists(
    st.binary(min_size=1, max_size=12)
    | st.text("aAäÄ \n\\.gitGIT~1\u200c\u202e-*'\"é", min_size=1, max_size=8).map(str.encode)
    | st.sampled_from([b".git", b"README.md", b"readme.md", b".hubpolicy", b"model.sig"]),
    min_size=1,
    max_size=3,
).map(b"/".join)
TREES = st.dictionaries(
    NAMES.filter(lambda path: b"\0" not in path and path != b".git"), st.binary(max_size=50)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_any_tree_is_coreutils_digest_or_refused(tree: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        made = _make(os.fsencode(name), tree)
        release = FolderRelease(name)
        found = release.findings
        printed = {path for path in made if refuse_path(path) is not None}
        assert len([f for f in found if f.rule == "HP401"]) == len(printed)
        covered = {path.encode() for path in release.paths}
        evidence = {file.path.encode() for file in release.evidence_files()}
        assert covered | evidence | printed == made
        if not printed:
            assert release.manifest.dir_hash == coreutils(Path(name))


def _make(root: bytes, tree: dict[bytes, bytes]) -> set[bytes]:
    """Write what the disk can hold; return the paths, as they are, that a release would have."""
    for path, content in tree.items():
        where = os.path.join(root, path.lstrip(b"/"))
        if b".." in path.split(b"/"):
            continue
        try:
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "wb") as file:
                file.write(content)
        except OSError:
            continue  # a name that is a folder already, or too long
    found: set[bytes] = set()
    for folder, folders, files in os.walk(root):
        if folder == root and b".git" in folders:
            folders.remove(b".git")
        found.update(os.path.relpath(os.path.join(folder, file), root) for file in files)
    return found - {b".git"}


def test_a_symbolic_link_is_refused_and_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"secret": b"s", "folder/x": b"x"})
    folder = put(tmp_path / "model", {"README.md": b"x"})
    (folder / "file").symlink_to(outside / "secret")
    (folder / "inside").symlink_to("README.md")
    (folder / "folder").symlink_to(outside / "folder")
    (folder / "dangling").symlink_to("nowhere")
    release = FolderRelease(folder)
    assert release.paths == ("README.md",)
    assert rules(release) == [
        ("HP402", p) for p in sorted(["file", "inside", "folder", "dangling"])
    ]


def test_a_link_in_place_of_the_evidence_is_refused(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"release.intoto.jsonl": b"{}"})
    folder = put(tmp_path / "model", {"README.md": b"x"})
    (folder / ".hubpolicy").symlink_to(outside)
    (folder / "model.sig").symlink_to(outside / "release.intoto.jsonl")
    release = FolderRelease(folder)
    assert release.evidence_files() == ()
    assert rules(release) == [("HP402", ".hubpolicy"), ("HP402", "model.sig")]


def test_a_link_inside_the_evidence_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": b"x", ".hubpolicy/ok": b"x"})
    (tmp_path / ".hubpolicy/link").symlink_to("ok")
    release = FolderRelease(tmp_path)
    assert [file.path for file in release.evidence_files()] == [".hubpolicy/ok"]
    assert rules(release) == [("HP402", ".hubpolicy/link")]


def test_special_files_are_refused_and_never_opened(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": b"x"})
    os.mkfifo(tmp_path / "pipe")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    release = FolderRelease(tmp_path)
    messages = sorted(finding.message for finding in release.findings)
    assert [message.split(";")[0] for message in messages] == [
        "pipe is a named pipe",
        "socket is a socket",
    ]
    assert {finding.rule for finding in release.findings} == {"HP402"}


def test_twins_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": b"x", "readme.md": b"y"})
    assert rules(FolderRelease(tmp_path)) == [("HP403", "readme.md")]


def test_a_nested_repository_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": b"x", "sub/.git/config": b"y"})
    assert rules(FolderRelease(tmp_path)) == [("HP401", "sub/.git/config")]


def test_an_unfetched_pointer_says_git_lfs_pull(tmp_path: Path) -> None:
    put(tmp_path, {"model.safetensors": POINTER.encode()})
    (finding,) = FolderRelease(tmp_path).findings
    assert (finding.rule, finding.fix, finding.effect) == ("HP404", "git lfs pull", "inconclusive")


@pytest.mark.parametrize(
    "content",
    [POINTER.replace("\n", "\r\n"), POINTER.ljust(1024, "\n") + "payload", "\n" * 600 + POINTER],
    ids=["crlf", "padded", "late"],
)
def test_a_broken_pointer_fails(tmp_path: Path, content: str) -> None:
    put(tmp_path, {"model.safetensors": content.encode()})
    (finding,) = FolderRelease(tmp_path).findings
    assert (finding.rule, finding.effect) == ("HP404", "failed")


def test_an_unreadable_file_is_inconclusive(open_folder: Path) -> None:
    put(open_folder, {"README.md": b"x", "secret.bin": b"y"})
    (open_folder / "secret.bin").chmod(0)
    with as_nobody():
        release = FolderRelease(open_folder)
        assert rules(release) == [("HP411", "secret.bin")]
    assert "Permission denied" in release.findings[0].message
    assert verdict_of(release.findings) == "inconclusive"
    assert [entry.path for entry in release.manifest.entries] == ["README.md"]


def test_an_unreadable_subfolder_is_inconclusive(open_folder: Path) -> None:
    put(open_folder, {"README.md": b"x", "sub/x": b"y", ".hubpolicy/x": b"z"})
    (open_folder / "sub").chmod(0)
    (open_folder / ".hubpolicy").chmod(0)
    with as_nobody():
        assert rules(FolderRelease(open_folder)) == [("HP411", ".hubpolicy"), ("HP411", "sub")]
    (open_folder / "sub").chmod(0o755)
    (open_folder / ".hubpolicy").chmod(0o755)


@pytest.mark.parametrize("name", ["gone", "file"])
def test_no_folder(tmp_path: Path, name: str) -> None:
    put(tmp_path, {"file": b""})
    with pytest.raises(ServiceError, match="expected a folder"):
        FolderRelease(tmp_path / name)


def test_read_gives_covered_and_evidence_files_only(tmp_path: Path) -> None:
    put(tmp_path, {"outside": b"s", "model/README.md": b"card", "model/.hubpolicy/x": b"e"})
    release = FolderRelease(tmp_path / "model")
    assert release.read("README.md") == b"card"
    assert release.read(".hubpolicy/x") == b"e"
    for path in ("../outside", str(tmp_path / "outside"), "./README.md", "gone", ""):
        with pytest.raises(ServiceError, match="got no file"):
            release.read(path)


def test_read_is_capped(tmp_path: Path) -> None:
    for name, size in (("fits", MAX_READ), ("large", MAX_READ + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    release = FolderRelease(tmp_path)
    assert len(release.read("fits")) == MAX_READ
    with pytest.raises(ServiceError, match=f"expected at most {MAX_READ}"):
        release.read("large")


def test_read_gives_what_was_hashed_or_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": b"card"})
    release = FolderRelease(tmp_path)
    assert release.manifest.entries
    put(tmp_path, {"README.md": b"CARD"})
    with pytest.raises(ServiceError, match="changed while it was read"):
        release.read("README.md")


def test_read_of_an_unreadable_file(open_folder: Path) -> None:
    put(open_folder, {"README.md": b"x"})
    (open_folder / "README.md").chmod(0)
    with as_nobody(), pytest.raises(ServiceError, match="Permission denied"):
        FolderRelease(open_folder).read("README.md")


@pytest.mark.parametrize("is_hashed", [True, False])
def test_head_is_the_first_512_bytes(tmp_path: Path, is_hashed: bool) -> None:
    content = bytes(range(256)) * 10
    put(tmp_path, {"x": content, "empty": b""})
    release = FolderRelease(tmp_path)
    if is_hashed:
        assert release.manifest.entries
    assert release.head("x") == content[:512]
    assert release.head("empty") == b""
    with pytest.raises(ServiceError, match="got no file"):
        release.head("gone")


def test_rehash_names_what_came_went_and_changed(tmp_path: Path) -> None:
    put(tmp_path, {"same": b"1", "changed": b"2", "gone": b"3"})
    release = FolderRelease(tmp_path)
    manifest = release.manifest
    assert release.rehash(manifest) == ()
    put(tmp_path, {"changed": b"X", "new": b"4", ".hubpolicy/x": b"5", "model.sig": b"6"})
    (tmp_path / "gone").unlink()
    assert release.rehash(manifest) == ("changed", "gone", "new")
