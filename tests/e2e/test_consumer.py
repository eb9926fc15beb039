# SPDX-License-Identifier: Apache-2.0
"""Somebody downloads a release with the official client and asks whether it may be used."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.author import PROJECT, Author, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

REPO = "acme/consumed"
SOME = ("genai_config.json", "*.onnx")
CONFIG = "genai_config.json"
SCHEMA = json.loads((PROJECT / "schemas" / "report.v1.schema.json").read_bytes())


class Release(NamedTuple):
    """What was published once: by whom, from which folder, and as which commit."""

    ada: Author
    folder: Path
    commit: str
    files: int
    downloads: dict[tuple[str, ...], Path]


@pytest.fixture(scope="module")
def release(
    running_hub: HubProcess, configured_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    home = tmp_path_factory.mktemp("publisher") / "home"
    shutil.copytree(configured_home, home)
    ada = Author(home, running_hub.endpoint)
    folder = write_model(home.parent / "civil")
    ada.put_run(folder)
    done = ada.hubpolicy("push", folder, REPO)
    assert done.code == 0, done.text
    listed = ada.hubpolicy("audit", REPO, "--format", "json").document["refs"]
    (commit,) = {ref["oid"] for ref in listed}
    files = [path for path in folder.rglob("*") if path.is_file()]
    covered = [p for p in files if ".hubpolicy" not in p.parts and p.name != "model.sig"]
    return Release(ada, folder, commit, len(covered), {})


class Consumer(Author):
    """Somebody with an own cache, who trusts the same people and holds no key."""

    downloads: dict[tuple[str, ...], Path]

    def download(self, *include: str) -> Path:
        """The snapshot's folder after ``hf download``, which is asked once and then copied."""
        hf = self.home / "hf"
        if include not in self.downloads:
            self.hf("download", REPO, *patterns(include))
            self.downloads[include] = self.home.parent / f"kept-{len(self.downloads)}"
            shutil.copytree(hf, self.downloads[include], symlinks=True)
        elif not hf.exists():
            shutil.copytree(self.downloads[include], hf, symlinks=True)
        (snapshot,) = (hf / "hub" / f"models--{REPO.replace('/', '--')}" / "snapshots").iterdir()
        return snapshot

    def download_to(self, folder: Path, *include: str) -> Path:
        """The same into a folder of one's own."""
        self.hf("download", REPO, *patterns(include), "--local-dir", folder)
        return folder


def patterns(include: tuple[str, ...]) -> list[str]:
    return [option for pattern in include for option in ("--include", pattern)]


@pytest.fixture
def bob(release: Release, hub: HubProcess, tmp_path: Path) -> Consumer:
    home = tmp_path / "bob"
    shutil.copytree(release.ada.home / ".config", home / ".config")
    shutil.rmtree(home / ".config" / "hubpolicy" / "keys")
    bob = Consumer(home, hub.endpoint)
    bob.downloads = release.downloads
    return bob


def rules(done: Ran) -> set[str]:
    return {f["rule"] for f in done.document["findings"] if f["severity"] == "error"}


def verify(bob: Consumer, *arguments: str | Path) -> Ran:
    """Every document that is printed is one of the published form."""
    done = bob.type("verify", *arguments, "--format", "json")
    if done.out:
        Draft202012Validator(SCHEMA).validate(done.document)
        assert done.document["exit_code"] == done.code
    return done


# --- snapshots ----------------------------------------------------------------------------------


def test_a_whole_snapshot_needs_no_hub(bob: Consumer, release: Release, hub: HubProcess) -> None:
    snapshot = bob.download()
    mark = len(hub.requests())
    done = verify(bob, snapshot)
    assert done.code == 0, done.text
    found = done.document["release"]
    assert (found["files_checked"], found["files_total"]) == (release.files, release.files)
    assert found["revision"] == release.commit
    assert found["target"] == found["attested_for"]
    assert REPO in found["target"]
    assert done.document["manifest"]["dirHash"] == found["dirHash"]
    assert {signer["role"] for signer in found["signers"]} >= {"checker", "releaser"}
    assert hub.requests()[mark:] == []
    assert f"{release.files} of {release.files} files" in bob.type("verify", snapshot).out


def test_some_files_without_evidence_get_it_from_the_commit_of_the_snapshot(
    bob: Consumer, release: Release, hub: HubProcess
) -> None:
    snapshot = bob.download(*SOME)
    mark = len(hub.requests())
    done = verify(bob, snapshot)
    assert done.code == 0, done.text
    found = done.document["release"]
    here = len([path for path in snapshot.rglob("*") if path.is_file()])
    assert 0 < here < release.files
    assert (found["files_checked"], found["files_total"]) == (here, release.files)
    assert "README.md" in found["absent"]
    assert "manifest" not in done.document
    asked = [line["path"] for line in hub.requests()[mark:]]
    assert asked
    assert not [path for path in asked if "onnx" in path or "README" in path]
    assert all(release.commit in path for path in asked)
    assert f"{here} of {release.files} files" in bob.type("verify", snapshot).out


def test_without_network_the_missing_evidence_is_said_with_the_way_to_get_it(bob: Consumer) -> None:
    snapshot = bob.download(*SOME)
    done = verify(bob, snapshot, "--offline")
    assert done.code == 1
    assert "HP301" in rules(done)
    text = bob.type("verify", snapshot, "--offline").text
    assert "--evidence" in text


@pytest.mark.parametrize("form", ["file", "folder", "evidence folder itself"])
def test_evidence_at_hand_is_enough_without_network(
    bob: Consumer, hub: HubProcess, tmp_path: Path, form: str
) -> None:
    snapshot = bob.download(*SOME)
    place = tmp_path / "evidence"
    if form == "file":
        assert bob.type("verify", REPO, "--save-evidence", place).code == 0
    else:
        bob.download_to(place, "model.sig", ".hubpolicy/*")
        place = place / ".hubpolicy" if form != "folder" else place
    mark = len(hub.requests())
    done = verify(bob, snapshot, "--evidence", place, "--offline")
    assert done.code == 0, done.text
    assert done.document["release"]["absent"]
    assert hub.requests()[mark:] == []


def test_evidence_that_was_damaged_on_the_way_is_refused(bob: Consumer, tmp_path: Path) -> None:
    snapshot, place = bob.download(*SOME), tmp_path / "bundles.jsonl"
    assert bob.type("verify", REPO, "--save-evidence", place).code == 0
    good = place.read_bytes()
    lines = good.splitlines(keepends=True)
    for content, word in (
        (b"", "no bundle"),
        (b"\n\n", "no bundle"),
        (good[:-40], "line"),
        (b"not json\n", "line 1"),
        (lines[0] * 5000, "lines"),
        (good + b"".join(line for line in lines if b"model_signing" in line), ""),
    ):
        place.write_bytes(content)
        done = bob.type("verify", snapshot, "--evidence", place, "--offline")
        if word:
            assert (done.code, word in done.err) == (1, True), done.text
        else:
            assert done.code in {0, 1}
    for left_out in range(len(lines)):
        place.write_bytes(b"".join(lines[:left_out] + lines[left_out + 1 :]))
        assert verify(bob, snapshot, "--evidence", place, "--offline").code == 1, left_out


def test_evidence_that_is_not_there_is_usage(bob: Consumer, tmp_path: Path) -> None:
    snapshot = bob.download(*SOME)
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "nothing", tmp_path / "empty"):
        done = bob.type("verify", snapshot, "--evidence", place)
        assert done.code == 2, done.text
        assert "--save-evidence" in done.err


def replace(path: Path, content: bytes) -> None:
    """Put a plain file where the cache has a link: blobs are shared between tests' snapshots."""
    path.unlink()
    path.write_bytes(content)


def test_what_is_here_is_compared_byte_for_byte(bob: Consumer) -> None:
    snapshot = bob.download(*SOME)
    good = (snapshot / CONFIG).read_bytes()
    for content in (good + b"\n", good[:-1], b"", b"\0" * len(good)):
        replace(snapshot / CONFIG, content)
        done = verify(bob, snapshot)
        assert (done.code, "HP308" in rules(done)) == (1, True), content[:20]
    replace(snapshot / CONFIG, good)
    assert verify(bob, snapshot).code == 0


@pytest.mark.parametrize("name", ["pytorch_model.bin", "notes.md", "sub/config.json", "x.py"])
def test_a_file_that_the_release_does_not_name_blocks(bob: Consumer, name: str) -> None:
    snapshot = bob.download(*SOME)
    (snapshot / name).parent.mkdir(exist_ok=True)
    (snapshot / name).write_bytes(b"hello")
    done = verify(bob, snapshot)
    assert (done.code, "HP308" in rules(done)) == (1, True)


def test_a_link_out_of_the_cache_is_no_file(bob: Consumer, tmp_path: Path) -> None:
    snapshot = bob.download(*SOME)
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes((snapshot / CONFIG).read_bytes())
    (snapshot / CONFIG).unlink()
    (snapshot / CONFIG).symlink_to(elsewhere)
    done = verify(bob, snapshot)
    assert (done.code, "HP402" in rules(done)) == (1, True)


def test_evidence_alone_is_no_release(bob: Consumer) -> None:
    snapshot = bob.download("model.sig", ".hubpolicy/*")
    done = verify(bob, snapshot)
    assert done.code == 1
    assert done.document["verdict"] != "passed"
    assert done.document["release"]["files_checked"] == 0


def test_a_snapshot_under_another_name_is_not_that_release(bob: Consumer) -> None:
    snapshot = bob.download()
    other = snapshot.parents[2] / "models--acme--other"
    shutil.copytree(snapshot.parents[1], other, symlinks=True)
    done = verify(bob, other / "snapshots" / snapshot.name)
    assert (done.code, rules(done)) == (1, {"HP307"})


def test_the_path_of_a_snapshot_says_what_it_is(bob: Consumer) -> None:
    snapshot = bob.download()
    for arguments, word in (
        ((snapshot / ".hubpolicy",), "inside of a snapshot"),
        ((snapshot, "--repo", "acme/other"), "acme/other"),
    ):
        done = bob.type("verify", *arguments)
        assert (done.code, word in done.err) == (2, True), done.text
    assert bob.type("verify", snapshot, "--repo", REPO).code == 0
    nameless = snapshot.parents[2] / "models--gpt2"
    shutil.copytree(snapshot.parents[1], nameless, symlinks=True)
    done = bob.type("verify", nameless / "snapshots" / snapshot.name)
    assert (done.code, "NAMESPACE/NAME" in done.err) == (2, True)


def test_a_cache_that_git_ignores_is_judged_whole(
    bob: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody keeps their home in git; what lies in the cache is loaded all the same."""
    from tests.git.repos import init, isolate

    isolate(monkeypatch, bob.home)
    init(bob.home)
    (bob.home / ".gitignore").write_text("*.bin\n")
    snapshot = bob.download(*SOME)
    assert verify(bob, snapshot).code == 0
    (snapshot / "pytorch_model.bin").write_bytes(b"hello")
    assert verify(bob, snapshot).code == 1


# --- plain folders ------------------------------------------------------------------------------


def test_a_plain_folder_must_be_whole_unless_it_is_said_to_be_a_part(
    bob: Consumer, tmp_path: Path
) -> None:
    folder = bob.download_to(tmp_path / "some", *SOME, "model.sig", ".hubpolicy/*")
    whole = verify(bob, folder, "--repo", REPO)
    assert (whole.code, "HP308" in rules(whole)) == (1, True)
    part = verify(bob, folder, "--repo", REPO, "--partial")
    assert part.code == 0, part.text
    assert part.document["release"]["absent"]


def test_a_part_of_another_release_is_refused_and_no_name_is_said(
    bob: Consumer, tmp_path: Path
) -> None:
    folder = bob.download_to(tmp_path / "some", *SOME, "model.sig", ".hubpolicy/*")
    other = verify(bob, folder, "--repo", "acme/other", "--partial")
    assert (other.code, rules(other)) == (1, {"HP307"})
    bare = bob.type("verify", folder, "--partial")
    assert bare.code == 0
    assert f"attested for pkg:huggingface/{REPO}" in bare.out
    assert "not compared" in bare.out


def test_where_every_file_is_listed_no_part_is_taken(bob: Consumer) -> None:
    done = bob.type("verify", REPO, "--partial")
    assert (done.code, "--partial" in done.err) == (2, True)


# --- by name ------------------------------------------------------------------------------------


def test_a_repository_is_judged_before_anything_is_downloaded(
    bob: Consumer, release: Release, hub: HubProcess
) -> None:
    mark = len(hub.requests())
    done = verify(bob, f"{REPO}@{release.commit}")
    assert done.code == 0, done.text
    found = done.document["release"]
    assert (found["files_checked"], found["revision"]) == (release.files, release.commit)
    asked = [line["path"] for line in hub.requests()[mark:]]
    assert not [path for path in asked if path.endswith((".onnx", ".data", CONFIG))]


def test_small_files_can_be_compared_by_sha256_too(
    bob: Consumer, release: Release, hub: HubProcess
) -> None:
    mark = len(hub.requests())
    done = verify(bob, REPO, "--deep")
    assert done.code == 0, done.text
    assert done.document["manifest"]["dirHash"] == done.document["release"]["dirHash"]
    asked = [line["path"] for line in hub.requests()[mark:]]
    assert [path for path in asked if path.endswith("README.md")]
    assert not [path for path in asked if path.endswith((".onnx", ".data"))]
    assert bob.type("verify", release.folder, "--deep").code == 2


def test_by_name_and_offline_means_the_snapshot_in_the_cache(
    bob: Consumer, release: Release
) -> None:
    absent = bob.hubpolicy("verify", f"{REPO}@main", "--offline")
    assert absent.code == 1
    assert "no snapshot" in absent.err
    bob.download()
    for revision in ("main", release.commit, release.commit[:7]):
        done = bob.hubpolicy("verify", f"{REPO}@{revision}", "--offline", "--format", "json")
        assert done.code == 0, done.text
        assert done.document["release"]["revision"] == release.commit
    other = bob.hubpolicy("verify", f"{REPO}@v9", "--offline")
    assert other.code == 1


def test_by_name_and_offline_some_files_are_found_too(bob: Consumer, tmp_path: Path) -> None:
    kept = tmp_path / "bundles.jsonl"
    assert bob.type("verify", REPO, "--save-evidence", kept).code == 0
    bob.download(*SOME)
    arguments = ("verify", REPO, "--offline", "--evidence", kept, "--format", "json")
    done = bob.hubpolicy(*arguments)
    assert done.code == 0, done.text
    assert done.document["release"]["absent"]


@pytest.mark.parametrize("target", [f"{REPO}@", "acme@main", "@main", f"{REPO}@../../x"])
def test_names_that_are_none(bob: Consumer, target: str) -> None:
    for options in ((), ("--offline",)):
        done = bob.type("verify", target, *options)
        assert done.code in {1, 2}, done.text
        assert done.err.startswith("error: ")


def test_evidence_kept_apart_takes_the_place_of_what_stands_on_the_hub(
    bob: Consumer, tmp_path: Path
) -> None:
    place = tmp_path / "bundles.jsonl"
    assert bob.type("verify", REPO, "--save-evidence", place).code == 0
    assert verify(bob, REPO, "--evidence", place).code == 0
    place.write_bytes(place.read_bytes().splitlines(keepends=True)[0])
    assert verify(bob, REPO, "--evidence", place).code == 1
