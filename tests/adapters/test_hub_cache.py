# SPDX-License-Identifier: Apache-2.0
"""What a path in the official client's cache says, and the client's own idea of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub.constants import REPO_ID_SEPARATOR
from huggingface_hub.file_download import repo_folder_name

from hubpolicy.adapters.hub_cache import cached_snapshot, snapshot_of
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from pathlib import Path

HUB = "https://hub.example.org"
COMMIT = "0123456789abcdef" * 2 + "01234567"


def snapshot(
    root: Path, name: str = "acme/tern", kind: str = "model", commit: str = COMMIT
) -> Path:
    folder = root / repo_folder_name(repo_id=name, repo_type=kind) / "snapshots" / commit
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["acme/tern", "acme/tern-7b", "Acme-Labs/a.b_c", "a/b"])
def test_repository_and_commit_are_those_of_the_path(tmp_path: Path, name: str) -> None:
    folder = snapshot(tmp_path, name)
    found = snapshot_of(str(folder), HUB)
    assert found is not None
    assert (found.repo.text, found.repo.endpoint, found.commit) == (name, HUB, COMMIT)
    assert REPO_ID_SEPARATOR == "--"


def test_links_and_dots_do_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = snapshot(tmp_path)
    (tmp_path / "here").symlink_to(folder)
    monkeypatch.chdir(folder)
    for path in (str(tmp_path / "here"), f"{folder}/", f"{folder}/../{COMMIT}", "."):
        found = snapshot_of(path, HUB)
        assert found is not None
        assert found.folder == str(folder)


def test_long_commit_ids(tmp_path: Path) -> None:
    found = snapshot_of(str(snapshot(tmp_path, commit="ab" * 32)), HUB)
    assert found is not None
    assert found.commit == "ab" * 32


@pytest.mark.parametrize(
    "path",
    [
        f"models--acme--tern/snapshots/{COMMIT[:-1]}",
        "models--acme--tern/snapshots/main",
        f"models--acme--tern/other/{COMMIT}",
        f"datasets--acme--tern/snapshots/{COMMIT}",
        f"snapshots/{COMMIT}",
        "models--acme--tern/snapshots",
        "models--acme--tern",
        "tern",
    ],
)
def test_other_folders_are_none(tmp_path: Path, path: str) -> None:
    (tmp_path / path).mkdir(parents=True)
    assert snapshot_of(str(tmp_path / path), HUB) is None


@pytest.mark.parametrize("name", ["models--gpt2", "models--a--b--c", "models--a--b c"])
def test_what_no_release_can_be_called_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    with pytest.raises(ConfigError, match="NAMESPACE/NAME"):
        snapshot_of(str(folder), HUB)


def test_a_folder_inside_is_refused_with_the_snapshot(tmp_path: Path) -> None:
    inside = snapshot(tmp_path) / "onnx"
    inside.mkdir()
    with pytest.raises(ConfigError, match="inside of a snapshot") as caught:
        snapshot_of(str(inside), HUB)
    assert caught.value.hint == f"hubpolicy verify {inside.parent}"


# --- by name ------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def put_ref(cache: Path, ref: str, commit: str) -> None:
    path = cache / "models--acme--tern" / "refs" / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(commit)


TERN = RepoId("acme", "tern", "model", HUB)


@pytest.mark.parametrize(
    ("ref", "asked"),
    [
        ("main", "main"),
        ("main", "refs/heads/main"),
        ("v1", "v1"),
        ("v1", "refs/tags/v1"),
        ("refs/pr/2", "refs/pr/2"),
        ("main", COMMIT),
        ("main", COMMIT[:7]),
        ("main", COMMIT[:12].upper()),
        (COMMIT[:8], COMMIT[:8]),  # a tag of that name goes first, as at a hub
    ],
)
def test_a_name_leads_to_its_snapshot(cache: Path, ref: str, asked: str) -> None:
    folder = snapshot(cache)
    put_ref(cache, ref, COMMIT)
    found = cached_snapshot(TERN, asked)
    assert (found.folder, found.repo, found.commit) == (str(folder), TERN, COMMIT)


def test_first_digits_lead_to_one_snapshot_or_to_an_error_that_helps(cache: Path) -> None:
    other, third = COMMIT[:8] + "f" * 32, "c" * 40
    for commit in (COMMIT, other, third):
        snapshot(cache, commit=commit)
    assert cached_snapshot(TERN, "c" * 7).commit == third
    with pytest.raises(ConfigError, match="which 2 commits begin with") as caught:
        cached_snapshot(TERN, COMMIT[:7])
    assert COMMIT in (caught.value.hint or "")
    for none in ("c" * 6, "d" * 7, "d" * 40):
        with pytest.raises(ServiceError, match=f"those of {COMMIT[:12]}, .* are here"):
            cached_snapshot(TERN, none)


def test_behind_a_gateway_it_is_one_of_the_hub(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    said = tmp_path / ".config" / "hubpolicy" / "gateways.toml"
    said.parent.mkdir(parents=True)
    said.write_text(f'[gateways]\n"{HUB}" = "https://huggingface.co"\n')
    folder = snapshot(cache)
    behind = TERN._replace(hub="https://huggingface.co")
    assert cached_snapshot(behind, COMMIT).repo == behind
    found = snapshot_of(str(folder), HUB)
    assert found is not None
    assert found.repo.purl == "pkg:huggingface/acme/tern?repo_type=model"


@pytest.mark.parametrize(
    "asked", ["v2", "f" * 40, "../../../../etc", "refs/heads/../../x", "a b", "\0"]
)
def test_what_is_not_in_the_cache_is_said(cache: Path, asked: str) -> None:
    snapshot(cache)
    put_ref(cache, "main", COMMIT)
    with pytest.raises(ServiceError):
        cached_snapshot(TERN, asked)


def test_a_ref_that_leads_elsewhere_is_not_followed(cache: Path) -> None:
    snapshot(cache)
    snapshot(cache, "acme/other")
    put_ref(cache, "main", f"../../models--acme--other/snapshots/{COMMIT}")
    with pytest.raises(ServiceError):
        cached_snapshot(TERN, "main")
