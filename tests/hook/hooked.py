# SPDX-License-Identifier: Apache-2.0
"""Installing the hook of this checkout, and pushing through it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.git_process import open_git
from hubpolicy.adapters.hookplace import HOOK

if TYPE_CHECKING:
    from tests.git.repos import Repo

NEXT, STATE = f"{HOOK}.hubpolicy-next", f"{HOOK}.hubpolicy-state"
MARKER = b"# hubpolicy:pre-push:"
TEMPLATE = (Path(__file__).parents[2] / "hooks" / HOOK).read_bytes()


class Pushed(NamedTuple):
    """How a push ended, and what was said."""

    code: int
    said: str


def place_of(repo: Repo) -> hookplace.HookPlace:
    """Where git looks for hooks."""
    return hookplace.locate(open_git(str(repo.path), os.environ, see_hooks=True))


def install(repo: Repo) -> bool:
    """Put our hook first."""
    return hookfile.install(place_of(repo), TEMPLATE, hookplace.this_interpreter())


def push(repo: Repo, *arguments: str, **environment: str) -> Pushed:
    """A real ``git push``; a hang fails the test."""
    done = repo.raw("push", *arguments, ok=False, more=environment)
    return Pushed(done.returncode, done.stderr.decode(errors="backslashreplace"))


def run_hook(repo: Repo, stdin: bytes, *arguments: str) -> Pushed:
    """The installed hook itself, called as git calls it."""
    done = subprocess.run(
        [str(place_of(repo).folder / HOOK), *arguments],
        cwd=repo.path,
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    return Pushed(done.returncode, done.stderr.decode(errors="backslashreplace"))
