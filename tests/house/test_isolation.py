# SPDX-License-Identifier: Apache-2.0
"""The walls around the tests stand: without these, "offline" and "clean" would be words."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported lazily

from tests.conftest import ISOLATION
from tests.house.isolation import LEAKS, NetworkReachedError, Strays, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

ELSEWHERE = "192.0.2.1"  # TEST-NET-1 of RFC 5737: nobody


def _connect(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.connect((ELSEWHERE, 80))


def _connect_ex() -> None:
    with socket.socket() as sock:
        sock.connect_ex((ELSEWHERE, 80))


def _send() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (ELSEWHERE, 80))


REACHING: dict[str, Callable[[], object]] = {
    "tcp": lambda: _connect(socket.SOCK_STREAM),
    "udp": lambda: _connect(socket.SOCK_DGRAM),
    "connect_ex": _connect_ex,
    "sendto": _send,
    "name": lambda: socket.getaddrinfo("example.org", 443),
    "old name": lambda: socket.gethostbyname("example.org"),
    "create_connection": lambda: socket.create_connection((ELSEWHERE, 80), timeout=1),
}


@pytest.mark.parametrize("reach", REACHING.values(), ids=REACHING.keys())
def test_nothing_but_loopback_is_reached(
    reach: Callable[[], object], request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NetworkReachedError):
        reach()
    refused = request.config.stash[ISOLATION].refused
    assert len(refused) == 1  # which fails every other test at its end
    refused.clear()


def test_the_official_clients_http_does_not_get_out() -> None:
    with pytest.raises(httpx.ConnectError, match="refused"):
        httpx.get("https://hub.example/api/models/acme/m")


def test_git_does_not_get_out(tmp_path: Path) -> None:
    command = ["git", "ls-remote", "https://hub.example/acme/m"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 128
    assert "127.0.0.1 port 9" in done.stderr


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("localhost", port), timeout=5) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        (b"localhost", True),
        (None, True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("localhost.example.org", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_what_loopback_is(host: str | bytes | None, *, here: bool) -> None:
    assert is_loopback(host) is here


def test_the_environment_is_nobodys() -> None:
    leaked = {name for name in os.environ if name.startswith(LEAKS)}
    assert leaked <= {"GIT_CONFIG_NOSYSTEM"}
    assert list(Path.home().iterdir()) == []


def test_a_file_left_in_the_work_tree_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    (tmp_path / "lay there before").touch()
    strays = Strays.before(tmp_path)
    assert strays.left() == []
    (tmp_path / "ignored.pyc").touch()
    (tmp_path / "never").mkdir()
    (tmp_path / "never" / "cache").touch()
    assert [name.rstrip("/") for name in strays.left()] == ["never"]
