# SPDX-License-Identifier: Apache-2.0
"""What the commits of a clone hold that no remote has yet, as far as its tracking refs say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_process import open_git
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git

_FORM = "--batch-check=%(objectsize) %(rest)"


class Unpushed(NamedTuple):
    """Blobs over 10 MiB, as (path, bytes). ``tracks`` is true if the branch has an upstream."""

    large: tuple[tuple[str, int], ...]
    tracks: bool


def unpushed(folder: str) -> Unpushed:
    """What is in HEAD's history and no remote's; nothing where the folder is no clone of one.

    It is a remark and no verdict: where git cannot say, nothing is said.
    """
    try:
        git = open_git(folder, os.environ)
        if not git.line("rev-parse", "--verify", "--quiet", "HEAD") or not git.run("remote"):
            return Unpushed((), tracks=False)
        large = tuple(_large(git))
        branch = git.line("symbolic-ref", "--quiet", "HEAD")
        upstream = branch and git.run("for-each-ref", "--format=%(upstream)", branch).strip()
        return Unpushed(large, tracks=bool(upstream))
    except (ConfigError, ServiceError):
        return Unpushed((), tracks=False)


def _large(git: Git) -> list[tuple[str, int]]:
    listed = git.run(
        "rev-list", "--objects", "--missing=allow-any", "--filter=object:type=blob",
        "--filter-provided-objects", "HEAD", "--not", "--remotes",
    )  # fmt: skip
    if not listed:
        return []
    rows = os.fsdecode(git.run("cat-file", _FORM, stdin=listed)).splitlines()
    sizes = (row.partition(" ") for row in rows)
    return [
        (path, int(size))
        for size, _, path in sizes
        if size.isdigit() and int(size) > GIT_BLOB_LIMIT
    ]
