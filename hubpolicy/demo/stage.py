# SPDX-License-Identifier: Apache-2.0
"""Where the demonstration plays: a home of its own, a local hub, and real commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[[str], None]

TOKEN = "hf_demo_token_of_ada"  # noqa: S105 - of a hub on loopback that lives for two minutes
TOKENS = {TOKEN: {"name": "ada", "orgs": ["acme"], "role": "write"}}
NAMESPACE = "acme"
_SECONDS = 300
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "LD_LIBRARY_PATH")


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

    @property
    def models(self) -> Path:
        """Where the story's commands are typed."""
        return self.root / "models"

    def folder(self, name: str) -> Path:
        """A model's working folder."""
        return self.models / name

    def url(self, name: str) -> str:
        """Where git pushes a model to; the token stands in git's configuration, not here."""
        return f"{self.endpoint}/{NAMESPACE}/{name}"

    def hubpolicy(self, *arguments: str, passes: bool = True) -> bool:
        """Run our command in the folder that holds the models; True if it ended as told."""
        argv = (sys.executable, "-m", "hubpolicy", *arguments)
        return self.run(Act(f"hubpolicy {shlex.join(arguments)}", argv, self.models, passes))

    def git(self, name: str, *arguments: str, passes: bool = True) -> bool:
        """Run git in a model's folder, and show it."""
        shown = f"git -C {name} {shlex.join(arguments)}"
        return self.run(Act(shown, ("git", *arguments), self.folder(name), passes))

    def quietly(self, name: str, *arguments: str) -> bool:
        """Run git in a model's folder; only a failure is shown."""
        return self.run(Act("", ("git", *arguments), self.folder(name), passes=True))

    def hf(self, *arguments: str) -> bool:
        """Run the official client's own command, which knows nothing of us."""
        argv = (sys.executable, "-m", "huggingface_hub.cli.hf", *arguments)
        return self.run(Act(f"hf {shlex.join(arguments)}", argv, self.models, passes=True))

    def run(self, act: Act) -> bool:
        """Run one command and show it with its output; False if it ended otherwise than told.

        Raises:
            ServiceError: it did not end.

        """
        if act.shown:
            self.say(f"$ {act.shown}")
        text, code = self._output(act)
        as_told = (code == 0) == act.passes
        # Our reports begin with the command that asked for them, which stands above already.
        lines = [line for line in text.splitlines() if line.strip() and line != act.shown]
        if lines and (act.shown or not as_told):
            self.say("\n".join(f"  {line}" for line in lines))
        if act.shown:
            wanted = "" if as_told else f", expected {'0' if act.passes else 'a refusal'}"
            self.say(f"  [exit {code}{wanted}]\n")
        return as_told

    def _output(self, act: Act) -> tuple[str, int]:
        try:
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
        except subprocess.TimeoutExpired as error:
            message = f"{act.shown or shlex.join(act.argv)} did not end within {_SECONDS} seconds"
            raise ServiceError(message, hint="is this machine very busy?") from error
        return done.stdout.decode("utf-8", "replace"), done.returncode


def set_stage(root: Path, endpoint: str, say: Say) -> Stage:
    """Make the folders and an environment that nothing of the user's reaches into."""
    home = root / "home"
    for folder in (home, root / "models", root / "keys"):
        folder.mkdir(parents=True, exist_ok=True)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
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
        "NO_COLOR": "1",
    }
    _configure_git(home, endpoint)
    return Stage(root, endpoint, environment, say)


def require_git() -> None:
    """The story pushes with git.

    Raises:
        ServiceError: there is none.

    """
    if shutil.which("git") is None:
        message = "got no git on PATH, expected one"
        raise ServiceError(message, hint="install git 2.32 or newer")


def has_lfs() -> bool:
    """True if git-lfs is on this machine."""
    return shutil.which("git-lfs") is not None


def create_repository(stage: Stage, name: str) -> None:
    """A new private repository on the local hub, asked for without anybody's client or proxy.

    Raises:
        ServiceError: the hub does not make it.

    """
    body = {"name": name, "organization": NAMESPACE, "type": "model", "visibility": "private"}
    request = urllib.request.Request(  # noqa: S310 - our own hub, over http
        f"{stage.endpoint}/api/repos/create",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
    except (urllib.error.URLError, OSError) as error:
        message = f"the local hub does not create {NAMESPACE}/{name}: {error}"
        raise ServiceError(message) from error


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
