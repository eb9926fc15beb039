# SPDX-License-Identifier: Apache-2.0
"""``withdraw --folder`` while the hub is away: the copy that is named is what is revoked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import MODEL, REPO, config, released, run

if TYPE_CHECKING:
    from tests.cli.world import Ran

WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def _away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``HF_HUB_OFFLINE=1`` does when the client is imported: it asks no hub, nor again."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def withdraw(*options: str | Path, stdin: str = "") -> Ran:
    return run("withdraw", REPO, "--reason", "a reason", *options, stdin=stdin)


def retrained(model: Path) -> str:
    """Other weights in the same folder; their digest."""
    path = model / WEIGHTS
    path.write_bytes(MODEL[WEIGHTS].replace(b"weights", b"WEIGHTS"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def revoked() -> str:
    return config("gate.json").read_text()


def kept() -> list[str]:
    """The digests of the weight files of every withdrawal that is kept."""
    records = Path.home().rglob("withdrawal.json")
    return sorted(json.loads(path.read_bytes())["weights"][0]["sha256"] for path in records)


@pytest.mark.usefixtures("home")
def test_new_weights_under_an_old_name_are_revoked(model: Path) -> None:
    old = hashlib.sha256(MODEL[WEIGHTS]).hexdigest()
    assert "✓ revoked" in withdraw("--folder", model, "--yes").out
    new = retrained(model)
    assert new not in revoked()
    second = withdraw("--folder", model, "--yes")
    assert "✓ revoked" in second.out
    assert new[:12] in second.out
    assert old[:12] not in second.out
    assert old in revoked()
    assert new in revoked()
    assert kept() == sorted((old, new))  # even within one second, neither is written over


@pytest.mark.usefixtures("home")
def test_the_same_copy_goes_on_where_it_was(model: Path) -> None:
    withdraw("--folder", model, "--yes")
    again = withdraw("--folder", model, "--yes")
    assert "(was already)" in again.out
    assert len(kept()) == 1


@pytest.mark.usefixtures("home")
def test_lines_that_came_since_are_revoked_too(model: Path, tmp_path: Path) -> None:
    before = Path(shutil.copytree(model, tmp_path / "before"))
    released(model)
    withdraw("--folder", before, "--yes")
    again = withdraw("--folder", model, "--yes")
    assert "1 release line" in again.out
    assert len(kept()) == 2


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("options", [("--yes",), ("--dry-run",), ()])
def test_without_a_copy_it_says_what_it_goes_on_with(model: Path, options: tuple[str, ...]) -> None:
    withdraw("--folder", model, "--yes")
    retrained(model)
    (record,) = Path.home().rglob("withdrawal.json")
    asked = json.loads(record.read_bytes())["asked"]
    said = withdraw(*options, stdin="n\n")
    assert f"going on with what was kept on {asked}: a local copy, as main was then" in said.err
    assert "--folder PATH" in said.err
    assert ("for ever? [y/N]" in said.err) == (options == ())
    named = record.read_bytes().replace(b'"oid":""', b'"oid":"%s"' % (b"a" * 40))
    record.write_bytes(named)
    assert f"kept on {asked}: commit aaaaaaaaaaaa" in withdraw(*options, stdin="n\n").err


@pytest.mark.usefixtures("home", "model")
def test_without_either_nothing_is_done() -> None:
    said = withdraw("--yes")
    assert said.code == 3
    assert "--folder PATH" in said.err
    assert kept() == []
