# SPDX-License-Identifier: Apache-2.0
"""Where the demonstration plays: a home of its own, a local hub, and real commands."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[[str], None]

TOKEN = "hf_demo_token_of_ada"  # noqa: S105 - of a hub on loopback that lives for two minutes
TOKENS = {TOKEN: {"name": "ada", "orgs": ["acme"], "role": "write"}}
_SECONDS = 300


class Act(NamedTuple):
    """One command of the story: how it is shown, and what has to come of it."""

    shown: str
    argv: tuple[str, ...]
    folder: Path
    passes: bool


class Stage(NamedTuple):
    """Folders, environment and voice of one demonstration."""

    root: Path
    endpoint: str
    environment: dict[str, str]
    say: Say

    def folder(self, name: str) -> Path:
        """A model's working folder."""
        return self.root / "models" / name

    def url(self, name: str) -> str:
        """Where git pushes a model to; the token stands in git's configuration, not here."""
        return f"{self.endpoint}/acme/{name}"

    def hubpolicy(self, *arguments: str, passes: bool) -> bool:
        """Run our command in the folder that holds the models; True if it ended as told."""
        shown = "hubpolicy " + shlex.join(arguments)
        argv = (sys.executable, "-m", "hubpolicy", *arguments)
        return self.run(Act(shown, argv, self.root / "models", passes))

    def git(self, name: str, *arguments: str, passes: bool = True, quiet: bool = True) -> bool:
        """Run git in a model's folder."""
        shown = "" if quiet else f"git -C {name} {shlex.join(arguments)}"
        return self.run(Act(shown, ("git", *arguments), self.folder(name), passes))

    def run(self, act: Act) -> bool:
        """Run one command and show it with its output; False if it ended otherwise than told."""
        if act.shown:
            self.say(f"$ {act.shown}")
        done = subprocess.run(
            act.argv,
            cwd=act.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace").rstrip()
        as_told = (done.returncode == 0) == act.passes
        if text and (act.shown or not as_told):
            self.say("\n".join(f"  {line}" for line in text.splitlines()))
        if act.shown:
            wanted = "" if as_told else f", expected {'0' if act.passes else 'a refusal'}"
            self.say(f"  [exit {done.returncode}{wanted}]\n")
        return as_told


def set_stage(root: Path, endpoint: str, say: Say) -> Stage:
    """Make the folders and an environment that nothing of the user's reaches into."""
    home = root / "home"
    for folder in (home, root / "models", root / "keys"):
        folder.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
            if name in os.environ}  # fmt: skip
    environment = kept | {
        "HOME": str(home),
        "HF_HOME": str(home / ".cache" / "huggingface"),
        "HF_ENDPOINT": endpoint,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "",
        "NO_COLOR": "1",
    }
    _configure_git(home, endpoint)
    return Stage(root, endpoint, environment, say)


def _configure_git(home: Path, endpoint: str) -> None:
    host = endpoint.removeprefix("http://")
    lines = (
        "[user]", "\tname = Ada", "\temail = ada@example.org",
        "[init]", "\tdefaultBranch = main",
        "[advice]", "\tdetachedHead = false",
        "[credential]", "\thelper = store",
    )  # fmt: skip
    (home / ".gitconfig").write_text("\n".join(lines) + "\n", encoding="utf-8")
    credentials = home / ".git-credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(f"http://ada:{TOKEN}@{host}\n", encoding="utf-8")


def has_lfs() -> bool:
    """True if git-lfs is on this machine."""
    return shutil.which("git-lfs") is not None
