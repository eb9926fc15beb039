# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy attest --export cyclonedx``: a bill of materials of what was verified, or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.files import FolderRelease
from tests.cli.world import REPO, contents, released, run, sign_run

if TYPE_CHECKING:
    from pathlib import Path


def exported(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_the_bill_lies_beside_the_folder_and_names_every_file(home: Path, model: Path) -> None:
    released(model)
    before = contents(model)
    ran = run("attest", model, "--export", "cyclonedx")
    target = model.with_name("tern.cdx.json")
    assert (ran.code, f"exported: {target}" in ran.out) == (0, True)
    bill = exported(target)
    manifest = FolderRelease(str(model)).manifest
    assert {c["name"]: c["hashes"][0]["content"] for c in bill["components"]} == {
        entry.path: entry.sha256 for entry in manifest.entries
    }
    component = bill["metadata"]["component"]
    assert component["purl"] == "pkg:huggingface/acme/tern?repo_type=model"
    assert component["version"] == manifest.dir_hash
    metrics = component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert {m["type"] for m in metrics} >= {"p_any@5"}
    assert all(float(m["confidenceInterval"]["upperBound"]) > 0 for m in metrics)
    assert contents(model) == before


def test_the_same_release_gives_the_same_bytes(home: Path, model: Path, tmp_path: Path) -> None:
    released(model)
    targets = [tmp_path / "one.json", tmp_path / "two.json"]
    for target in targets:
        assert run("attest", model, "--export", f"cyclonedx={target}").code == 0
    assert targets[0].read_bytes() == targets[1].read_bytes()
    (model / "README.md").write_bytes((model / "README.md").read_bytes() + b"\nMore.\n")
    assert run("attest", model, "--export", f"cyclonedx={targets[1]}").code == 0
    one, two = map(exported, targets)
    assert one["serialNumber"] != two["serialNumber"]


@pytest.mark.parametrize("hits", [None, 200])
def test_what_is_not_released_is_not_exported(
    home: Path, model: Path, tmp_path: Path, hits: int | None
) -> None:
    if hits is not None:
        sign_run(model, hits=hits)
    target = tmp_path / "bill.json"
    ran = run("attest", model, "--repo", REPO, "--export", f"cyclonedx={target}")
    assert ran.code == (3 if hits is None else 1)
    assert "Nothing was exported: there is no verified release" in ran.out
    assert not target.exists()


def test_a_bill_inside_the_folder_would_change_the_release(home: Path, model: Path) -> None:
    released(model)
    before = contents(model)
    for target in (model / "bill.json", model / "sub" / ".." / "x.json", model):
        ran = run("attest", model, "--export", f"cyclonedx={target}")
        assert (ran.code, "expected a file outside of" in ran.err) == (2, True)
    assert contents(model) == before


@pytest.mark.parametrize("word", ["spdx", "cyclonedx=", "=x", ""])
def test_only_what_we_can_write(home: Path, model: Path, word: str) -> None:
    ran = run("attest", model, "--repo", REPO, "--export", word)
    assert (ran.code, "expected cyclonedx or cyclonedx=FILE" in ran.err) == (2, True)


def test_a_target_that_cannot_be_written_is_one_error(
    home: Path, model: Path, tmp_path: Path
) -> None:
    released(model)
    (tmp_path / "file").write_bytes(b"")
    ran = run("attest", model, "--export", f"cyclonedx={tmp_path / 'file' / 'bill.json'}")
    assert ran.code == 3
    assert "bill.json" in ran.err or "file" in ran.err
