"""What the tests of the local hub share: the official clients, git, and plain HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubpolicy.demo.hub.process import HubProcess

PROJECT = Path(__file__).resolve().parents[2]
TOKENS: dict[str, dict[str, object]] = {
    "hf_alice": {"name": "alice", "orgs": ["acme"], "role": "write"},
    "hf_bob": {"name": "bob", "orgs": [], "role": "write"},
    "hf_carol": {"name": "carol", "orgs": ["acme"], "role": "read"},
}


def leave_out(what: str) -> None:
    """Skip the test for want of a tool; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(f"left out: {what}")


def client_environment(home: Path) -> dict[str, str]:
    """Return the environment of a client process: own caches, no Xet, no telemetry, no way out."""
    return {
        **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")},
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
    }


class ClientError(Exception):
    """An exception of the official client; `types` are the names of its classes."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(answer["error"])
        self.types: list[str] = answer["types"]
        self.status: int | None = answer["status"]


class Client:
    """The official client of one version, in a process of its own interpreter."""

    def __init__(self, python: Path, home: Path, endpoint: str) -> None:
        self.python = python
        self.endpoint = endpoint
        self.environment = client_environment(home) | {"HF_ENDPOINT": endpoint}
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("driver.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
            cwd=home,
        )

    def call(self, function: str, *, token: str = "hf_alice", **arguments: Any) -> Any:
        """Call a method of HfApi and return its value as JSON holds it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {
            "function": function,
            "token": token or False,
            "endpoint": self.endpoint,
            "arguments": arguments,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ClientError(answer)
        return answer["value"]

    def cli(self, *arguments: str, token: str = "hf_alice") -> subprocess.CompletedProcess[str]:
        """Run the ``hf`` command of this client."""
        env = self.environment | {"HF_TOKEN": token}
        command = [str(self.python.with_name("hf")), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=env, timeout=120, check=False
        )

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def client_python(version: str) -> Path:
    """Return the interpreter that has huggingface_hub 2.x or 1.x, or leave the test out."""
    if version == "2.x":
        return Path(sys.executable)
    python = PROJECT / ".tools" / "hub1" / "bin" / "python"
    if not python.exists():
        leave_out(
            "huggingface_hub 1.x in .tools/hub1 (python -m venv, pip install 'huggingface_hub<2')"
        )
    return python


def upload(content: bytes) -> dict[str, str]:
    """Return bytes as an argument for `Client.call`."""
    return {"base64": base64.b64encode(content).decode()}


class Answer(NamedTuple):
    """A plain HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    address: str,
    method: str = "GET",
    *,
    body: object = None,
    token: str | None = "hf_alice",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one HTTP request, following nothing; a body that is not bytes goes as JSON."""
    parts = urlsplit(address)
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    sent |= dict(headers or {})
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=raw, headers=sent)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait until it is so; a minute, which is far longer than it takes on a busy machine."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def calm(hub: HubProcess) -> None:
    """Take all faults out of a hub, and wait until it has done with what it delayed.

    Whoever asked may be gone: it is done all the same, and the next test looks at the same hub.
    """
    hub.configure({})
    delayed = len(hub.delayed())
    if delayed:
        until(lambda: sum("delay" in line["faults"] for line in hub.requests()) >= delayed)


class Git:
    """The git command with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        self("config", "--global", "user.name", "Alice", cwd=home)
        self("config", "--global", "user.email", "alice@example.org", cwd=home)

    def __call__(
        self, *arguments: str, cwd: Path, fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run git; `fails` says that it must end with an error."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done
