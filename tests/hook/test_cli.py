# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from hubpolicy.cli.hook import hook
from tests.git.repos import ZERO, Repo
from tests.hook.hooked import place_of, push

if TYPE_CHECKING:
    from pathlib import Path


def call(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(hook, list(arguments), input=stdin)


def test_install_status_uninstall(repo: Repo) -> None:
    path = str(repo.path)
    missing = call("status", path)
    assert missing.exit_code == 1
    assert f"fix: hubpolicy hook install {path}\n" in missing.output
    installed = call("install", path)
    assert installed.exit_code == 0, installed.output
    assert f"hook status {path}    undo: hubpolicy hook uninstall {path}\n" in installed.output
    assert "1. pre-push (hubpolicy)" in installed.output
    assert "already installed" in call("install", path).output
    assert call("status", path).exit_code == 0
    repo.commit({"model.safetensors": b"x"})
    assert push(repo, "origin", "main").code != 0
    removed = call("uninstall", path).output
    assert "removed from" in removed
    assert f"undo: hubpolicy hook install {path}\n" in removed
    gone = call("uninstall", path).output
    assert "was not installed" in gone
    assert f"hubpolicy hook status {path}\n" in gone
    assert push(repo, "origin", "main").code == 0


def test_status_as_one_json_document(repo: Repo) -> None:
    folder = place_of(repo).folder
    folder.mkdir(exist_ok=True)
    (folder / "pre-push").write_text("#!/bin/sh\n")
    (folder / "pre-push").chmod(0o755)
    call("install", str(repo.path))
    found = call("status", str(repo.path), "--format", "json")
    document = json.loads(found.output)
    assert document["schema_version"] == 1
    assert (document["verdict"], document["exit_code"]) == ("passed", 0)
    assert document["hook"]["presence"] == "ours"
    assert document["hook"]["order"] == ["pre-push (hubpolicy)", "pre-push.hubpolicy-next"]
    assert document["hook"]["former"]["mode"] == "0755"
    (folder / "pre-push").chmod(0o644)
    broken = json.loads(call("status", str(repo.path), "--format", "json").output)
    assert (broken["verdict"], broken["exit_code"]) == ("failed", 1)
    assert broken["hook"]["problems"]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_status_of_a_folder_that_another_tool_owns(repo: Repo, format_: str) -> None:
    repo.git("config", "core.hooksPath", ".husky")
    found = call("status", str(repo.path), "--format", format_)
    assert found.exit_code == 1
    assert ".husky" in found.output
    if format_ == "text":
        assert "-I -m hubpolicy.prepush" in found.output


def test_run_judges_like_the_hook(repo: Repo, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.chdir(repo.path)
    good = repo.commit({"a": b"1"})
    bad = repo.commit({"model.safetensors": b"x"})
    for oid, code in ((good, 0), (bad, 2)):
        line = f"refs/heads/main {oid} refs/heads/main {ZERO}\n".encode()
        assert call("run", "origin", "/x", stdin=line).exit_code == code
    assert call("run", "origin", "/x").exit_code == 0
    assert call("run", "origin").exit_code == 2
