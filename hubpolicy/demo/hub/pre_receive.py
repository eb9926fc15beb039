# SPDX-License-Identifier: Apache-2.0
"""The hub's pre-receive hook: which refs a push may move, and what it may bring.

Run by git in the quarantine of a push, as ``python -m hubpolicy.demo.hub.pre_receive``; the server
passes the account's rights in the environment. What it prints, the pusher reads.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.git import git
from hubpolicy.demo.hub.lfs import LargeFiles
from hubpolicy.demo.hub.repository import MAX_POINTER_BYTES, MAX_REGULAR_BYTES, blobs, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PULL_REQUEST = re.compile(r"refs/pr/([0-9]+)")
_QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


class Update(NamedTuple):
    """One ref that a push moves; all zeros means absent."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Whether the ref goes away."""
        return not self.new.strip("0")


class Rights(NamedTuple):
    """What the account may move."""

    may_write: bool
    pull_requests: frozenset[str]


def ref_problem(update: Update, rights: Rights) -> str | None:
    """Return why this ref may not be moved, or None."""
    pull_request = _PULL_REQUEST.fullmatch(update.ref)
    if pull_request:
        if update.deletes:
            return "a pull request ref cannot be deleted"
        if pull_request[1] not in rights.pull_requests:
            return "there is no open pull request of this number that you may write to"
        return None
    if not update.ref.startswith(("refs/heads/", "refs/tags/")):
        return "only branches, tags and open pull requests can be pushed"
    if not rights.may_write:
        return "you may not write to this repo"
    if update.deletes and update.ref == "refs/heads/main":
        return "the default branch cannot be deleted"
    return None


def content_problems(
    repo: Path, news: Sequence[str], known: frozenset[str], large: LargeFiles
) -> Iterator[str]:
    """Yield what is wrong with the files that a push brings: too large, or no LFS object."""
    env = {name: os.environ[name] for name in _QUARANTINE if name in os.environ}
    if not news:
        return
    listed = git(repo, "rev-list", "--objects", *news, "--not", "--all", env=env)
    form = "--batch-check=%(objecttype) %(objectname) %(objectsize) %(rest)"
    small: dict[str, str] = {}
    for line in git(repo, "cat-file", form, stdin=listed, env=env).splitlines():
        kind, oid, size, path = line.decode("utf-8", "replace").split(" ", 3)
        if kind == "blob" and int(size) > MAX_REGULAR_BYTES:
            yield f"{path} has {size} bytes, more than 10 MiB: use https://git-lfs.github.com/"
        elif kind == "blob" and int(size) <= MAX_POINTER_BYTES:
            small[oid] = path
    for oid, content in blobs(repo, small, env=env).items():
        pointer = parse_pointer(content)
        if pointer is None:
            continue
        if pointer.sha256 not in known or large.size(pointer.sha256) != pointer.size:
            yield f"{small[oid]} is an LFS pointer to a file that was not uploaded"


def judge(lines: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return all reasons against a push; `lines` are what git gives the hook."""
    rights = Rights(
        environ["HUB_MAY_WRITE"] == "1", frozenset(environ["HUB_PULL_REQUESTS"].split())
    )
    updates = [Update(*line.rstrip("\n").split(" ", 2)) for line in lines]
    problems = [
        f"{update.ref}: {problem}"
        for update in updates
        if (problem := ref_problem(update, rights)) is not None
    ]
    known = frozenset(json.loads(Path(environ["HUB_METADATA"]).read_bytes())["lfs"])
    news = [update.new for update in updates if not update.deletes]
    large = LargeFiles(Path(environ["HUB_ROOT"]))
    return problems + list(content_problems(Path.cwd(), news, known, large))


def main() -> int:
    """Run the hook on standard input; return its exit code."""
    problems = judge(sys.stdin.readlines(), os.environ)
    if problems:
        sys.stderr.write("Your push was rejected:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
