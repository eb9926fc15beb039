# SPDX-License-Identifier: Apache-2.0
"""Trees and history of one git repository as a hub would list them, from its objects alone.

Nothing runs, checks out or smudges: git is asked for ``ls-tree``, ``cat-file --batch`` and
``rev-list`` by object id (``git_process.py`` has the rules). Large files are pointers here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_objects import GitObjects, checked_oid
from hubpolicy.adapters.lfs_store import LfsStore
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_blobs import Blob
    from hubpolicy.adapters.git_process import Git
    from hubpolicy.core.lfs_pointer import Pointer

_GITLINK = "160000"
_DIGITS = re.compile(r"[0-9a-fA-F]{4,64}")


class GitHistory:
    """One repository on this disk.

    ``hashed``: its objects come from somebody who may have written them by hand, so a file is
    listed with the sha256 of the bytes that git gave, beside the id that they go by.
    """

    def __init__(self, git: Git, *, hashed: bool = False) -> None:
        self.objects = GitObjects(git)
        self.git = git
        self.lfs = LfsStore(git)
        self._hashed = hashed

    def listing(self, revision: str) -> Listing:
        """The tree of a commit as a hub would list it: large files by the sha256 of a pointer.

        A submodule stands there as an empty file of its commit's id, which nobody attests.

        Raises:
            ServiceError: an object is missing, or there is no such commit.

        """
        objects = self.objects
        tree = objects.tree(checked_oid(revision))
        rows = tuple(zip(tree.paths, tree.modes, tree.oids, strict=True))
        objects.load(oid for _, mode, oid in rows if mode != _GITLINK)
        files = []
        for name, mode, oid in rows:
            if mode == _GITLINK:
                files.append(ListedFile(name, 0, None, oid))
            else:
                files.append(self._listed(name, objects.blob(oid)))
        return Listing(tuple(sorted(files, key=lambda file: _bytewise(file.path))))

    def read(self, revision: str, path: str, elsewhere: Callable[[Pointer], bytes]) -> bytes:
        """A file that is in git itself; ``elsewhere`` is asked for what a pointer stands for.

        Raises:
            ServiceError: there is no such file.

        """
        tree = self.objects.tree(checked_oid(revision))
        for name, mode, oid in zip(tree.paths, tree.modes, tree.oids, strict=True):
            if name == path and mode != _GITLINK:
                pointer = self.objects.blob(oid).pointer
                return self.objects.content(oid) if pointer is None else elsewhere(pointer)
        message = f"got no file {path!r} at {revision[:12]}"
        raise ServiceError(message)

    def history(self, revision: str) -> tuple[str, ...]:
        """All commit ids that are reachable from a commit, newest first.

        Raises:
            ServiceError: one of them is missing.

        """
        listed = self.git.run("rev-list", f"{checked_oid(revision)}^{{commit}}", "--")
        return tuple(listed.decode("ascii").split())

    def dates(self, revision: str) -> tuple[tuple[str, str], ...]:
        """The same with the time that each commit states, ISO 8601 UTC; empty if it is no time.

        Raises:
            ServiceError: one of them is missing.

        """
        listed = self.git.run(
            "rev-list", "--timestamp", f"{checked_oid(revision)}^{{commit}}", "--"
        )
        pairs = (line.split() for line in listed.decode("ascii").splitlines())
        return tuple((oid, _instant(int(seconds))) for seconds, oid in pairs)

    def lineage(self, revision: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The same with the parents of each, which all stand after it.

        Raises:
            ServiceError: one of them is missing.

        """
        listed = self.git.run(
            "rev-list", "--topo-order", "--timestamp", "--parents",
            f"{checked_oid(revision)}^{{commit}}", "--",
        )  # fmt: skip
        rows = (line.split() for line in listed.decode("ascii").splitlines())
        return tuple((oid, _instant(int(at)), tuple(parents)) for at, oid, *parents in rows)

    def _listed(self, name: str, blob: Blob) -> ListedFile:
        if blob.broken_pointer:
            # git-lfs would fetch something for it: a large file, whose content nobody knows.
            return ListedFile(name, blob.size, blob.sha256, None)
        if blob.pointer is not None:
            return ListedFile(name, blob.pointer.size, blob.pointer.sha256, None)
        sha256 = blob.sha256 if self._hashed else None
        return ListedFile(name, blob.size, sha256, blob.git_blob)


def beginning_with(git: Git, revision: str) -> tuple[str, ...]:
    """The ids of all commits that begin with these hex digits; none if it is something else."""
    if not _DIGITS.fullmatch(revision):
        return ()
    found = git.run("rev-parse", f"--disambiguate={revision}")
    kinds = git.run("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=found)
    rows = (line.split() for line in kinds.decode("ascii").splitlines())
    return tuple(sorted(oid for kind, oid in rows if kind == "commit"))


def _instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _bytewise(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
