# SPDX-License-Identifier: Apache-2.0
"""HP901: git, or Git LFS where the repository needs it, is missing, too old or not started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Programs

ID = "HP901"
TITLE = "git and Git LFS are there and new enough"
SEVERITY = Severity.ERROR
OLDEST_GIT = (2, 32)
"""``rev-list --filter=object:type`` and ``rev-parse --path-format`` came with it."""


def check(programs: Programs) -> tuple[Finding, ...]:
    """A version that cannot be read counts as too old."""
    found = []
    if not programs.git:
        message = "there is no git on PATH, expected 2.32 or newer"
        found.append(Finding(ID, SEVERITY, message, None, "install git"))
    elif numbers(programs.git)[:2] < OLDEST_GIT:
        message = f"got git {programs.git}, expected 2.32 or newer"
        found.append(Finding(ID, SEVERITY, message, None, "install a newer git"))
    if programs.lfs_wanted and not programs.git_lfs:
        message = "this repository keeps files in Git LFS, and there is no git-lfs on PATH"
        fix = "install git-lfs, then: git lfs install --skip-repo && git lfs pull"
        found.append(Finding(ID, SEVERITY, message, None, fix))
    if programs.lfs_wanted and not programs.lfs_hooked:
        message = "files are in Git LFS, and no hook uploads them: a push would send pointers alone"
        fix = "git lfs update --manual    says what to add to the hook that is there"
        found.append(Finding(ID, SEVERITY, message, None, fix))
    return tuple(found)


def numbers(version: str) -> tuple[int, ...]:
    """``2.39.5.windows.1`` to (2, 39, 5); empty where it does not begin with numbers."""
    found: list[int] = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        found.append(int(part))
    return tuple(found)
