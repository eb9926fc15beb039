# SPDX-License-Identifier: Apache-2.0
"""How the test session is kept apart from its machine; ``tests/conftest.py`` puts it to work."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEAKS = ("HF_", "HUGGING", "HUBPOLICY_", "GIT_", "XDG_", "TRANSFORMERS_", "PYTEST_ADDOPTS")
LEAKING = frozenset(("EMAIL", "EDITOR", "VISUAL", "PAGER", "NO_COLOR", "FORCE_COLOR", "COLUMNS"))
# Nobody listens on port 9 (discard). Children that ask for anything but loopback are sent there:
# git, curl, and the Hub's clients all know these variables.
NOWHERE = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
BEYOND_PROXY = "127.0.0.1,localhost,::1"


class NetworkReachedError(Exception):
    """A test asked for an address or a name that is not this machine."""


class Isolation(NamedTuple):
    """The changed environment and the blocked sockets, and how to undo both."""

    environment: dict[str, str]
    undo: tuple[Callable[[], None], ...]
    refused: list[str]

    @classmethod
    def begin(cls) -> Isolation:
        """Clean the environment and block the network, until :meth:`end`."""
        before = dict(os.environ)
        refused: list[str] = []
        clean_environment(before)
        return cls(before, block_network(refused), refused)

    def end(self) -> None:
        """Put everything back."""
        os.environ.clear()
        os.environ.update(self.environment)
        for step in self.undo:
            step()


def clean_environment(before: dict[str, str]) -> None:
    """Take out what would change a test's outcome from one person's machine to the next."""
    for name in before:
        if name.startswith(LEAKS) or name in LEAKING or name.lower().endswith("_proxy"):
            del os.environ[name]
    for name in PROXIES:
        os.environ[name] = os.environ[name.upper()] = NOWHERE
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = BEYOND_PROXY
    # Until a test has one of its own: what is written there goes nowhere, loudly.
    os.environ["HOME"] = "/nonexistent"
    # What is in the machine's /etc/gitconfig is as much somebody's as ~/.gitconfig.
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"


def block_network(refused: list[str]) -> tuple[Callable[[], None], ...]:
    """Refuse every address and name but loopback in this process; how to allow them again."""
    return (
        _guard(socket.socket, "connect", _on_wire, refused),
        _guard(socket.socket, "connect_ex", _on_wire, refused),
        _guard(socket.socket, "sendto", _on_wire, refused),
        _guard(socket, "getaddrinfo", lambda host, *_, **__: host, refused),
        _guard(socket, "gethostbyname", lambda host: host, refused),
    )


def _on_wire(sock: socket.socket, *arguments: Any) -> str | None:
    """The host of an internet address, which is the last argument; None for other families."""
    return arguments[-1][0] if sock.family in (socket.AF_INET, socket.AF_INET6) else None


def _guard(
    owner: Any, name: str, host_of: Callable[..., str | bytes | None], refused: list[str]
) -> Callable[[], None]:
    """Let a function of the socket module through for loopback alone; how to undo it."""
    real = getattr(owner, name)
    inherited = name not in vars(owner)

    def guarded(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args, **kwargs)
        if not is_loopback(host):
            refused.append(f"{name} {host!r}")
            message = f"got {host!r}, expected loopback, in {name}"
            raise NetworkReachedError(message)
        return real(*args, **kwargs)

    setattr(owner, name, guarded)
    return lambda: delattr(owner, name) if inherited else setattr(owner, name, real)


def is_loopback(host: str | bytes | None) -> bool:
    """Whether a host is this machine. None and "" stand for it where one listens."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Strays(NamedTuple):
    """What lay about in the work tree before the tests ran."""

    root: Path
    whole: bool
    found: frozenset[str]

    @classmethod
    def before(cls, root: Path) -> Strays:
        """Look now. On CI every file counts; where people edit meanwhile, new names at the root."""
        whole = os.environ.get("CI") == "true"
        return cls(root, whole, _untidy(root, whole=whole))

    def left(self) -> list[str]:
        """What is new, or changed, since then."""
        return sorted(_untidy(self.root, whole=self.whole) - self.found)


def _untidy(root: Path, *, whole: bool) -> frozenset[str]:
    """Git's list of untracked (and, for the whole tree, changed) paths; empty outside of git."""
    if not (root / ".git").exists():
        return frozenset()
    command = ["git", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"]
    done = subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=60)
    lines = os.fsdecode(done.stdout).split("\0")[:-1]
    if whole:
        return frozenset(line[3:] for line in lines)
    top = (line[3:].rstrip("/") for line in lines if line.startswith("??"))
    return frozenset(name for name in top if "/" not in name)
