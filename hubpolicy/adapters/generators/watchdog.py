# SPDX-License-Identifier: Apache-2.0
"""Runs a command, and ends it with all its children when whoever asked for it is gone.

A program of its own (``python -I -S watchdog.py FD COMMAND ...``; standard library only), since no
``finally`` runs under ``kill -9``. FD is the read end of a pipe whose only write end the asker
holds: when that is closed, by intent or by death, everything below is ended. On Linux orphans come
to this process (subreaper), so that a server that forks twice or changes its session is found, too;
should this process itself be killed, the kernel ends the server (parent-death signal).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 5.0
_TICK_SECONDS = 0.1
_LINUX = sys.platform == "linux"


def main(arguments: list[str]) -> int:
    """The command's exit status; 0 if it was ended from here."""
    lifeline, command = int(arguments[0]), arguments[1:]
    if _LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - there is one thread here
    )
    status = 0
    try:
        while not _is_over(lifeline):
            ended = server.poll()
            if ended is not None:
                status = ended if ended >= 0 else 128 - ended
                break
            _reap(server.pid)
    finally:
        _end_all(server)
    return status


def _die_with_parent() -> None:
    if _LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _is_over(lifeline: int) -> bool:
    ready, _, _ = select.select([lifeline], [], [], _TICK_SECONDS)
    return bool(ready) and not os.read(lifeline, 1)


def _end_all(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and (server.poll() is None or _below(os.getpid())):
        _reap(server.pid)
        time.sleep(_TICK_SECONDS / 4)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)
    for _ in range(200):
        below = _below(os.getpid())
        for pid in below:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        server.poll()
        _reap(server.pid)
        if not below:
            return
        time.sleep(_TICK_SECONDS / 4)


def _reap(spared: int) -> None:
    """Collect dead orphans; the server's own status is for ``Popen`` to collect."""
    for pid in _below(os.getpid(), deep=False):
        if pid != spared:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _below(ancestor: int, *, deep: bool = True) -> list[int]:
    """Children of a process, and theirs. Empty where there is no ``/proc``."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if _LINUX else ():  # noqa: PTH208 - starts faster
        with contextlib.suppress(OSError, ValueError):
            with open(  # noqa: PTH123 - starts faster
                f"/proc/{int(name)}/stat", encoding="utf-8", errors="replace"
            ) as file:
                # The command in parentheses may itself hold blanks and parentheses.
                fields = file.read().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(name))
    found = list(parents.get(ancestor, []))
    for pid in found:
        found += parents.get(pid, []) if deep else []
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
