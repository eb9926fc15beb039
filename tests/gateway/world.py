# SPDX-License-Identifier: Apache-2.0
"""A hub, a gateway before it as its own process, and people with tokens of the gateway's."""

from __future__ import annotations

import contextlib
import selectors
import sqlite3
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.author import TOKEN, Author

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 60.0


class GatewayProcess:
    """``hubpolicy gateway run`` of somebody's home, with the hub's token."""

    TOKEN = TOKEN

    def __init__(
        self, author: Author, hub: str, *options: str, host: str = "127.0.0.1", copied: bool = False
    ) -> None:
        """``copied``: with the tokens that there are, in files that no running gateway has."""
        self.author = author
        if copied:
            options = (*options, "--db", copy_of(author.home))
        self._command = [
            *(sys.executable, "-m", "hubpolicy", "gateway", "run", "--upstream", hub),
            *("--listen", f"{host}:0", "--drain", "10", *options),
        ]
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.author.environment | {"HUBPOLICY_GATEWAY_TOKEN": self.TOKEN},
            cwd=self.author.home,
        )
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            ready = selector.select(START_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if "gateway on " not in line:
            self._process.kill()
            raise AssertionError(line + self._process.communicate()[1])
        self.endpoint = line.split()[3]
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        out, err = self.end()
        assert "Traceback" not in err, err
        assert self.TOKEN not in out + err

    def end(self, *, asked: bool = False) -> tuple[str, str]:
        """Ask it to end, unless somebody did, and wait until it has."""
        process, self._process = self._process, None
        if process is None:
            return "", ""
        if not asked:  # a second signal at the very end would cut its last words off
            process.terminate()
        return process.communicate(timeout=60)


def copy_of(home: Path) -> str:
    """The gateway's file of that home, as it is now, in a folder of its own; new if there is none."""
    made = f"{tempfile.mkdtemp(dir=home)}/copy.sqlite3"
    for database in home.rglob("gateway.sqlite3"):
        with (
            contextlib.closing(sqlite3.connect(database)) as old,
            contextlib.closing(sqlite3.connect(made)) as new,
        ):
            old.backup(new)
    return made


def issue(author: Author, name: str, *scopes: str, **options: str) -> str:
    """A token of the gateway's for somebody; an option without a value is a switch."""
    asked = [part for scope in scopes for part in ("--repo", scope)]
    asked += [part for key, value in options.items() for part in (f"--{key}", value) if part]
    return author.ok("gateway", "token", "issue", name, *asked).out.strip()


def person(author: Author, home: Path, endpoint: str, token: str, client: str = "2.x") -> Author:
    """Somebody else, who knows the gateway and nothing of the hub's token."""
    home.mkdir(exist_ok=True)
    made = Author(home, endpoint, client)
    made.environment["HF_TOKEN"] = token
    return made


def client_of(somebody: Author) -> Any:
    """The official client in this process, as that person."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=somebody.endpoint, token=somebody.environment["HF_TOKEN"])


def resident(pid: int) -> int:
    """Peak bytes of memory of a process, ever."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def address(gateway: GatewayProcess, token: str, repo: str) -> str:
    """A remote for git: the gateway, and bob's token as the password."""
    return gateway.endpoint.replace("://", f"://bob:{token}@") + f"/{repo}"
