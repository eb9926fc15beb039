"""The Hub cache: links into the repository's own blobs are files, all others are refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENTS = {"README.md": b"# card\n", "onnx/model.onnx": b"weights"}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """``hub/models--acme--m/snapshots/<commit>`` as huggingface_hub lays it out."""
    repository = tmp_path / "hub" / "models--acme--m"
    folder = repository / "snapshots" / COMMIT
    (repository / "blobs").mkdir(parents=True)
    for path, content in CONTENTS.items():
        etag = str(abs(hash(content)))
        (repository / "blobs" / etag).write_bytes(content)
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (2 + path.count("/"))
        link.symlink_to(f"{up}blobs/{etag}")
    return folder


def rules(release: FolderRelease) -> list[tuple[str, str]]:
    return [(f.rule, f.location.path if f.location else "") for f in release.findings]


def plain_copy(folder: Path) -> FolderRelease:
    for path, content in CONTENTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return FolderRelease(folder)


def test_a_snapshot_is_the_same_release_as_a_plain_folder(snapshot: Path, tmp_path: Path) -> None:
    release = FolderRelease(snapshot)
    assert release.findings == ()
    assert release.manifest == plain_copy(tmp_path / "plain").manifest
    assert release.read("README.md") == CONTENTS["README.md"]
    assert release.head("onnx/model.onnx") == b"weights"


@pytest.mark.parametrize("prefix", ["datasets--", "spaces--"])
def test_other_kinds_of_repositories(snapshot: Path, prefix: str) -> None:
    repository = snapshot.parent.parent
    renamed = repository.rename(repository.with_name(f"{prefix}acme--m"))
    assert FolderRelease(renamed / "snapshots" / COMMIT).findings == ()


def test_a_subfolder_of_a_snapshot(snapshot: Path) -> None:
    release = FolderRelease(snapshot / "onnx")
    assert release.findings == ()
    assert release.paths == ("model.onnx",)


def test_the_snapshot_itself_may_be_given_by_a_link(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(snapshot)
    assert FolderRelease(tmp_path / "short").manifest == FolderRelease(snapshot).manifest


@pytest.mark.parametrize(
    "target",
    [
        "../../../outside",
        "../../blobs/../../../outside",
        "../../blobs/../refs/main",
        "../../../models--other--x/blobs/1",
        "../../blobs/gone",
        "../../blobs",
        "../../blobs/link",
        "../../blobs/sub/x",
        "README.md",
        "/etc/passwd",
    ],
)
def test_links_that_lead_elsewhere_are_refused(snapshot: Path, target: str) -> None:
    repository = snapshot.parent.parent
    for path in ("../outside", "refs/main", "../models--other--x/blobs/1", "blobs/sub/x"):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_bytes(b"elsewhere")
    (repository / "blobs" / "link").symlink_to("../../outside")
    (snapshot / "extra").symlink_to(target)
    release = FolderRelease(snapshot)
    assert rules(release) == [("HP402", "extra")]
    assert "extra" not in release.paths


def test_blobs_that_are_a_link_are_not_the_repositorys_own(snapshot: Path) -> None:
    blobs = snapshot.parent.parent / "blobs"
    blobs.rename(blobs.with_name("elsewhere"))
    blobs.symlink_to("elsewhere")
    assert {rule for rule, _ in rules(FolderRelease(snapshot))} == {"HP402"}


def test_a_linked_folder_is_refused(snapshot: Path) -> None:
    (snapshot / "sub").symlink_to("onnx")
    assert rules(FolderRelease(snapshot)) == [("HP402", "sub")]


@pytest.mark.parametrize("name", ["models-acme-m", "m", "xmodels--acme--m"])
def test_only_the_caches_own_layout_counts(snapshot: Path, name: str) -> None:
    repository = snapshot.parent.parent
    renamed = repository.rename(repository.with_name(name))
    release = FolderRelease(renamed / "snapshots" / COMMIT)
    assert {rule for rule, _ in rules(release)} == {"HP402"}
    assert release.paths == ()


def test_a_blob_that_is_exchanged_is_another_release(snapshot: Path) -> None:
    release = FolderRelease(snapshot)
    manifest = release.manifest
    blob = (snapshot / "README.md").resolve()
    os.replace(_written(blob.with_name("new"), b"# CARD\n"), blob)
    assert release.rehash(manifest) == ("README.md",)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("folder", [".cache/huggingface", ".cache/huggingface/download", ".git"])
def test_nothing_of_a_snapshot_is_left_out(snapshot: Path, folder: str) -> None:
    """No client writes these into a snapshot: whoever uses it would read them."""
    (snapshot / folder).mkdir(parents=True)
    (snapshot / folder / "x.lock").write_bytes(b"import os")
    release = FolderRelease(snapshot)
    seen = {*release.paths, *(path for _, path in rules(release))}
    assert [path for path in seen if path.startswith(folder)]


def test_a_snapshot_whose_blobs_are_a_link_is_still_one(snapshot: Path, tmp_path: Path) -> None:
    blobs = snapshot.parent.parent / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    (snapshot / ".cache/huggingface").mkdir(parents=True)
    (snapshot / ".cache/huggingface/x.py").write_bytes(b"")
    release = FolderRelease(snapshot)
    assert release.paths == (".cache/huggingface/x.py",)
    assert {rule for rule, _ in rules(release)} == {"HP402"}


def test_of_a_download_only_what_the_client_itself_writes_is_left_out(tmp_path: Path) -> None:
    """``hf download --local-dir`` keeps notes beside the files; anything else there is a file."""
    own = (
        *(".gitignore", "CACHEDIR.TAG", f"trees/{COMMIT}.json"),
        *("download/a.bin.metadata", "download/x/y.json.lock", "download/Ab=.12.incomplete"),
    )
    others = (
        *("download/evil.py", "download/w.safetensors", "evil.py", "trees/evil.json", "x.lock"),
    )
    for name in (*own, *others):
        path = tmp_path / ".cache/huggingface" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "README.md").write_bytes(b"")
    used = FolderRelease(tmp_path, everything=True)
    assert used.paths == tuple(sorted((*(f".cache/huggingface/{n}" for n in others), "README.md")))
    assert FolderRelease(tmp_path).paths == ("README.md",)
