# SPDX-License-Identifier: Apache-2.0
"""A server that hubpolicy starts: on a free loopback port, with a clean environment, and its end.

Not responsible for what it serves: :mod:`hubpolicy.adapters.generators.serve` looks at that.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.generators import watchdog
from hubpolicy.errors import ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STOP_SECONDS = watchdog.GRACE_SECONDS + 20
VERSION_SECONDS = 120
_TAIL = 2048
# What a server may know of the user: where programs and devices are. No token, no settings.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
         "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
         "NVIDIA_VISIBLE_DEVICES", "CUDA_HOME", "SYSTEMROOT")  # fmt: skip


class Server(NamedTuple):
    """A running server and the file that has all it said."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def ended(self) -> bool:
        """True if it is gone, for whatever reason."""
        return self.process.poll() is not None

    def last_words(self) -> str:
        """The end of its log, in one line."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def find_program(name: str, install: str) -> str:
    """Its path: beside this Python first, so that an extra's server is found without activation.

    Raises:
        UnsupportedError: it is not installed.

    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        message = f"got no program {name!r} on this machine, expected it for running the model"
        raise UnsupportedError(message, hint=install)
    return found


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(home: Path, own: Mapping[str, str]) -> dict[str, str]:
    """An environment with an empty home: nothing of the user's configures the server."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    fixed = {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **fixed, **own}


def program_version(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The first line that the program prints about itself, or ``unknown``."""
    try:
        ran = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    lines = (line.strip() for line in ran.stdout.decode("utf-8", "replace").splitlines())
    said = next((line for line in lines if any(c.isdigit() for c in line)), "")
    return said[:200] if ran.returncode == 0 and said else "unknown"


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """The server until the end of the block; then it and all its children are gone.

    Raises:
        ServiceError: it cannot be started, or its log cannot be written.

    """
    reading, writing = os.pipe()
    try:
        with _opened(log) as said:
            process = _start(command, environment, reading, said)
        os.close(reading)
        reading = -1
        try:
            yield Server(process, log)
        finally:
            os.close(writing)
            writing = -1
            _wait(process)
    finally:
        for end in (reading, writing):
            if end >= 0:
                os.close(end)


def _start(
    command: Sequence[str], environment: Mapping[str, str], lifeline: int, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    guard = [sys.executable, "-I", "-S", str(Path(watchdog.__file__)), str(lifeline)]
    try:
        return subprocess.Popen(
            [*guard, *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=(lifeline,),
            start_new_session=True,
        )
    except OSError as error:
        message = f"cannot start {command[0]}: {error.strerror}"
        raise ServiceError(message) from error


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def _opened(log: Path) -> IO[bytes]:
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.fdopen(
            os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "wb"
        )
    except OSError as error:
        message = f"cannot write the server's log {log}: {error.strerror}"
        raise ServiceError(message) from error
