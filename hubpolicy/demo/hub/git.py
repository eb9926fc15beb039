# SPDX-License-Identifier: Apache-2.0
"""The ``git`` executable: one function to run it, in a clean environment."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_INHERITED = (
    "PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LD_LIBRARY_PATH",
    "COVERAGE_PROCESS_START",
)
TIMEOUT_SECONDS = 120


class GitError(Exception):
    """A git command that ended with an error; the message is its standard error."""

    def __init__(self, command: str, code: int, message: str) -> None:
        """Keep the command's name and exit code beside the message."""
        super().__init__(f"git {command} exited {code}: {message.strip()}")
        self.code = code
        self.message = message.strip()


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for git: no user or system configuration, prompts, replace refs."""
    clean = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    clean |= {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return clean | dict(extra or {})


def git(
    directory: Path,
    *arguments: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
) -> bytes:
    """Run a git command in a bare repository and return its standard output.

    Raises:
        GitError: if it exits with a code that is not in `accept`.
    """
    done = subprocess.run(
        ["git", f"--git-dir={directory}", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env=git_environment(env),
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode not in accept:
        raise GitError(arguments[0], done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout
