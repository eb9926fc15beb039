# SPDX-License-Identifier: Apache-2.0
"""The workflow that keeps a state fresh: it parses, its commands exist, and its steps do the work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from hubpolicy import __version__
from hubpolicy.cli.main import hubpolicy
from hubpolicy.core.documents import STATE_TYPE, open_document, parse_state
from tests.cli.team_world import found_team
from tests.cli.world import run

PINNED = re.compile(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}")


def workflow() -> dict[str, Any]:
    ran = run("trust", "state", "renew", "--workflow", "github")
    assert ran.code == 0
    parsed: dict[str, Any] = YAML(typ="safe").load(ran.out)
    return parsed


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["renew"]["steps"]
    return found


def script(name: str) -> str:
    (step,) = [step for step in steps() if step.get("name") == name]
    return str(step["run"])


def test_it_runs_on_a_schedule_alone_and_can_write_nothing_but_the_repository() -> None:
    parsed = workflow()
    assert set(parsed["on"]) == {"schedule", "workflow_dispatch"}
    assert parsed["permissions"] == {"contents": "write"}
    assert parsed["jobs"]["renew"]["environment"]
    for step in steps():
        assert "uses" not in step or PINNED.fullmatch(step["uses"]), step
        assert "${{" not in step.get("run", ""), "secrets reach a shell by its environment alone"


def test_it_is_for_this_version_and_for_a_folder_of_the_repository(tmp_path: Path) -> None:
    (install,) = [step["run"] for step in steps() if "pip install" in step.get("run", "")]
    assert install.endswith(f"hubpolicy=={__version__}")
    assert workflow()["env"]["TRUST"] == "."
    folder = tmp_path / 'a "trust" folder'
    folder.mkdir()
    ran = run("trust", "state", "renew", folder, "--workflow", "github")
    assert YAML(typ="safe").load(ran.out)["env"]["TRUST"] == str(folder)


def test_the_commands_in_it_exist() -> None:
    lines = [line.split() for step in steps() for line in str(step.get("run", "")).splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["hubpolicy"]]
    assert len(commands) == 2
    for command in commands:
        known = {option for each in resolved(command).params for option in each.opts}
        assert {word for word in command if word.startswith("--")} <= known


def resolved(words: list[str]) -> click.Command:
    """The command that these words call."""
    command: click.Command = hubpolicy
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        assert found is not None, words
        command = found
    assert not isinstance(command, click.Group)
    return command


def bash(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A step as the runner runs it: bash -e, in the checkout."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {"PATH": path, "HOME": os.environ["HOME"], "TRUST": ".", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text], cwd=folder, env=inherited | environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_its_steps_renew_commit_and_push(tmp_path: Path) -> None:
    team = found_team(tmp_path, "--role=state=cleo:1")
    assert team.sign("ada", "bob", "cleo").code == 0
    assert team.trust("cleo", "state renew", "--days", "3").code == 0  # so it is due at once
    hub, checkout = tmp_path / "hub.git", team.folder
    for line in (
        f"git init -q --bare {shlex.quote(str(hub))}",
        f"git -C {shlex.quote(str(checkout))} init -q -b main",
        "git config user.name t; git config user.email t@example.org; git add -A",
        f"git commit -q -m trust; git remote add origin {shlex.quote(str(hub))}; git push -q -u origin main",
    ):
        done = bash(line, checkout)
        assert done.returncode == 0, done
    key = team.public_key("cleo").with_name("solo.pem").read_text()
    environment = {"HUBPOLICY_STATE_KEY": key, "RUNNER_TEMP": str(tmp_path)}
    renewed = bash(script("Renew"), checkout, **environment)
    assert renewed.returncode == 0, renewed
    assert "published  state.json" in renewed.stdout
    assert not (tmp_path / "state.pem").exists()
    assert key not in renewed.stdout + renewed.stderr
    pushed = bash(script("Commit"), checkout)
    assert pushed.returncode == 0, pushed
    there = bash("git show main:state.json", hub)
    state = parse_state(open_document(there.stdout.encode(), STATE_TYPE, where="x").payload)
    assert state.version == 3
    head = bash("git rev-parse main", hub).stdout
    assert bash(script("Renew"), checkout, **environment).stdout.startswith("state 3: fresh")
    assert bash(script("Commit"), checkout).returncode == 0
    assert bash("git rev-parse main", hub).stdout == head
