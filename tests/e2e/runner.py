# SPDX-License-Identifier: Apache-2.0
"""A composite action's own steps in bash, as a runner runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ruamel.yaml import YAML

from tests.house.tree import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\$\{\{ inputs\.([a-z0-9-]+) \}\}")
_CACHE = "actions/cache@"
_NAMES = re.compile(r"(inputs|steps\.[a-z]+\.outputs)\.([a-z0-9-]+)")


class Job(NamedTuple):
    """How the steps of one job ended, and what they left for the job."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    ran: tuple[str, ...] = ()


class Runner(NamedTuple):
    """A machine with a folder for temporary files, and what the job adds to the environment."""

    temp: Path
    action: Path
    environment: Mapping[str, str] = {}
    workspace: Path | None = None
    source: Path = PROJECT

    def run(self, inputs: Mapping[str, str], *, first: int = 0) -> Job:
        """The steps from a number on, until one fails."""
        document = YAML(typ="safe").load(self.action)
        given = {name: spec.get("default", "") for name, spec in document["inputs"].items()}
        given |= dict(inputs)
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_bytes(b"")
        environment = self._environment(files)
        log, code, ran, hit = "", 0, [], ""
        for step in document["runs"]["steps"][first:]:
            if not _wanted(step.get("if", "true"), given, hit):
                continue
            ran.append(step["name"])
            if step.get("uses", "").startswith(_CACHE):
                hit = self._restore(step["with"])
                continue
            own = {k: PLACEHOLDER.sub(lambda m: given[m[1]], v) for k, v in step["env"].items()}
            done = self._bash(step["run"], environment | own)
            log, code = log + done.stdout + done.stderr, done.returncode
            if code:
                break
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        return Job(code, log, outputs, files["GITHUB_STEP_SUMMARY"].read_text(), tuple(ran))

    def _bash(self, text: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        script = self.temp / "step.sh"
        script.write_text(text)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            env=environment, cwd=self.workspace or self.temp, capture_output=True, text=True,
            timeout=300, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def _environment(self, files: Mapping[str, Path]) -> dict[str, str]:
        home = self.temp / "home of the runner"
        home.mkdir(exist_ok=True)
        found = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(self.source / self.action.parent.relative_to(PROJECT)),
            "GITHUB_ACTIONS": "true",
            "LC_ALL": "C.UTF-8",
            **{name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy")},
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            **{name: str(path) for name, path in files.items()},
            **self.environment,
        }
        return found | ({} if self.workspace is None else {"PYTHONPATH": "."})

    def _restore(self, given: Mapping[str, str]) -> str:
        """What an earlier job left under ``cache``, if it did."""
        kept = self.temp / "cache"
        target = Path(given["path"].replace("${{ runner.temp }}", str(self.temp)))
        if kept.exists():
            shutil.copytree(kept, target)
        return "true" if kept.exists() else ""


def _wanted(condition: str, given: Mapping[str, str], hit: str) -> bool:
    """An ``if:`` of ours: comparisons with words, joined by &&."""

    def value(match: re.Match[str]) -> str:
        return repr(given[match[2]] if match[1] == "inputs" else hit)

    text = _NAMES.sub(value, condition).replace("&&", " and ")
    return bool(eval(text, {"__builtins__": {}, "true": True}))


def action(*parts: str) -> Any:
    """An action's document, as it ships."""
    return YAML(typ="safe").load(PROJECT.joinpath(*parts))
