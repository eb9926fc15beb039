# SPDX-License-Identifier: Apache-2.0
"""What a folder means inside a git work tree: the files that git tracks or would add.

Not responsible for what the files are (``folder``). The names come from the index and the disk,
never from an object, so nothing that a filter or hook of the repository says is run.
"""

# Paths stay bytes, as the disk has them; pathlib takes text only.
# ruff: noqa: PTH118, PTH120

from __future__ import annotations

import os

from hubpolicy.adapters.git_process import Git, GitRefusedError, open_git
from hubpolicy.errors import ServiceError


def listed_by_git(folder: bytes) -> list[bytes] | None:
    """Paths below ``folder`` (absolute), relative to it, or None where git has no say.

    That is outside of any work tree, and in a folder that the repository around it ignores.
    Tracked paths come once even in a conflict; a nested repository comes as ``name/``.

    Raises:
        ServiceError: git is missing, or refuses the repository (foreign owner).

    """
    if not _has_repository_above(folder):
        return None
    git = open_git(os.fsdecode(folder), os.environ)
    if not _is_inside(git):
        return None
    listed = git.run("ls-files", "-co", "--exclude-standard", "-z").split(b"\0")[:-1]
    if not listed and _is_ignored(git):
        return None
    return sorted(set(listed))


def _has_repository_above(folder: bytes) -> bool:
    while True:
        if os.path.lexists(os.path.join(folder, b".git")):
            return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above


def _is_inside(git: Git) -> bool:
    try:
        return git.line("rev-parse", "--is-inside-work-tree") == "true"
    except GitRefusedError as error:
        # A ".git" that is no repository (an empty folder, a leftover) has no index to ask.
        if "not a git repository" in error.said:
            return False
        hint = "run git status there: git says why it refuses, and what to do"
        raise ServiceError(error.message, hint=hint) from error


def _is_ignored(git: Git) -> bool:
    if not git.line("rev-parse", "--show-prefix"):
        return False
    try:
        git.run("check-ignore", "-q", ".")
    except GitRefusedError as error:
        if error.code == 1:
            return False
        raise
    return True
