# SPDX-License-Identifier: Apache-2.0
"""A release in git: a tree at an object id, and what a push would send besides.

Not responsible for running git (``git_process``), for reading objects (``git_objects``) or for any
judgement. Git LFS pointers stand for the content they name; nothing is ever downloaded.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_blobs import HEAD_SIZE
from hubpolicy.adapters.git_objects import LISTING_LIMIT, GitObjects, checked_oid
from hubpolicy.adapters.git_release import GitTreeRelease
from hubpolicy.core.remotes import same_place
from hubpolicy.core.rules.hp601 import SentBlob
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.adapters.git_process import Git, Running
    from hubpolicy.adapters.lfs_store import LfsObjects
    from hubpolicy.core.lfs_pointer import Pointer

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_GITLINK = "160000"
_AHEAD = 4
_JUDGED = ("--branches", "--tags")
"""What a server took by a verdict: what strangers ask to have merged lies in other refs."""
_FETCH = "git fetch --refetch --no-filter    (this clone is partial: files are missing here)"


class GitRepository:
    """One repository, seen by object id only."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._objects = GitObjects(git)
        self._begun: _Begun | None = None
        self._releases: dict[str, GitTreeRelease] = {}

    def names(self, oid: str) -> tuple[tuple[str, str], ...]:
        """(path, blob id) of every file in a commit's tree, submodules aside, without reading one.

        Raises:
            ServiceError: the id is missing, or leads to a tree or blob instead of a commit.

        """
        tree = self._objects.tree(oid)
        rows = zip(tree.paths, tree.oids, strict=True)
        if _GITLINK not in tree.modes:
            return tuple(rows)
        return tuple(row for row, mode in zip(rows, tree.modes, strict=True) if mode != _GITLINK)

    def close(self) -> None:
        """End what git was asked ahead and nobody read. Nothing is asked after that."""
        self._begun = None
        self._objects.close()

    def release(self, oid: str) -> GitTreeRelease:
        """The release in the tree of a commit, or of the commit that a tag leads to.

        Raises:
            ServiceError: as :meth:`names`, or a blob is missing.

        """
        found = self._release(oid)
        self._objects.expect(found.needed)
        return found

    def _release(self, oid: str) -> GitTreeRelease:
        if oid not in self._releases:
            self._releases[oid] = GitTreeRelease(self._objects, oid)
        return self._releases[oid]

    def expect(self, new: Iterable[str], remote: str, url: str, known: Iterable[str]) -> None:
        """Let git look for what :meth:`names` and :meth:`sent` will be asked."""
        wanted = tuple(new)
        for oid in wanted[:_AHEAD]:
            self._objects.expect_tree(oid)
        if wanted:
            self._begun = self._begin_sent(wanted, remote, url, tuple(known))

    def sent(
        self,
        new: Iterable[str],
        remote: str,
        url: str,
        known: Iterable[str],
        also: Iterable[str] = (),
    ) -> tuple[SentBlob, ...]:
        """Every blob reachable from ``new`` that the remote does not have yet, once each.

        The remote has what its tracking refs here say, if ``url`` is where they were fetched from,
        and ``known``: object ids that the remote named itself. ``also``: commits whose releases
        will be asked for next, to read all in one pass.

        Raises:
            ServiceError: a blob that would be sent is not here (partial clone).

        """
        wanted, has = tuple(new), tuple(known)
        if not wanted:
            return ()
        begun, self._begun = self._begun, None
        if begun is None or begun.asked != (wanted, remote, url, has):
            begun = self._begin_sent(wanted, remote, url, has)
        listed = begun.listing.read()
        if begun.fetched is not None:
            fetched = os.fsdecode(begun.fetched.read()).removesuffix("\n")
            if not same_place(fetched, url):
                # The tracking refs were fetched from another place than this push goes to.
                listed = self._list_sent(wanted, has).read()
        paths = _parse_objects(listed)
        needed = (oid for commit in also for oid in self._release(commit).needed)
        self._objects.expect((*paths, *needed))
        self._objects.load(paths)
        return tuple(self._sent(path, oid) for oid, path in paths.items())

    def _begin_sent(
        self, new: tuple[str, ...], remote: str, url: str, known: tuple[str, ...]
    ) -> _Begun:
        asked = (new, remote, url, known)
        if remote == url or not _PLAIN_NAME.fullmatch(remote):
            return _Begun(asked, self._list_sent(new, known), None)
        listing = self._list_sent(new, known, "--not", f"--remotes={remote}")
        return _Begun(asked, listing, self._git.begin("ls-remote", "--get-url", remote))

    def _list_sent(self, new: tuple[str, ...], known: tuple[str, ...], *tracking: str) -> Running:
        revisions = (*map(checked_oid, new), *(f"^{checked_oid(oid)}" for oid in known))
        return self._git.begin(
            "rev-list", "--objects", "--missing=print", "--ignore-missing",
            "--filter=object:type=blob", "--filter-provided-objects", "--stdin", *tracking,
            stdin="\n".join(revisions).encode("ascii") + b"\n",
        )  # fmt: skip

    def _sent(self, path: str, oid: str) -> SentBlob:
        blob = self._objects.blob(oid)
        if blob.pointer is None:
            return SentBlob(path, oid, blob.size, blob.sha256, blob.head, blob.broken_pointer)
        size, sha256 = blob.pointer.size, blob.pointer.sha256
        return SentBlob(path, oid, size, sha256, self._lfs_head(blob.pointer), is_pointer=True)

    def _lfs_head(self, pointer: Pointer) -> bytes | None:
        try:
            return self._objects.lfs.head(pointer, HEAD_SIZE)
        except ServiceError:
            return None


class ReceivingRepository(GitRepository):
    """A repository on a server while a push is being received.

    It has what its branches and tags reach, and not what pull requests (``refs/pr``, ``refs/pull``,
    ``refs/merge-requests``) hold: nobody judged that.
    """

    def __init__(self, git: Git, lfs: LfsObjects | None = None) -> None:
        """``lfs``: where the objects are, if it is not this disk."""
        super().__init__(git)
        self._objects.room = 2 * LISTING_LIMIT  # of all refs of a push together
        if lfs is not None:
            self._objects.lfs = lfs

    def sent(
        self,
        new: Iterable[str],
        remote: str,
        url: str,
        known: Iterable[str],
        also: Iterable[str] = (),
    ) -> tuple[SentBlob, ...]:
        """The same, and what a new tip shows again that stood in history alone."""
        wanted, has = tuple(new), tuple(known)
        found = super().sent(wanted, remote, url, has, also)
        shown = {oid: path for tip in wanted for path, oid in self.names(tip)}
        before = {blob.oid for blob in found}
        before.update(oid for tip in self._standing(has) for _, oid in self.names(tip))
        again = {oid: path for oid, path in shown.items() if oid not in before}
        if not again:
            return found
        self._objects.load(again)
        return (*found, *(self._sent(path, oid) for oid, path in again.items()))

    def _standing(self, claimed: tuple[str, ...]) -> tuple[str, ...]:
        """Where the main branch stands, and which of those that the pusher names stand here."""
        listed = self._git.run(
            "for-each-ref", "--format=%(HEAD)%(objectname)", "refs/heads", "refs/tags"
        )
        rows = listed.decode("ascii", errors="replace").split()
        return tuple({row.lstrip("*") for row in rows if row.startswith("*") or row in claimed})

    def _begin_sent(
        self, new: tuple[str, ...], remote: str, url: str, known: tuple[str, ...]
    ) -> _Begun:
        return _Begun((new, remote, url, known), self._list_sent(new, (), "--not", *_JUDGED), None)


class _Begun(NamedTuple):
    """What was asked ahead: the listing, and where the remote's tracking refs come from."""

    asked: tuple[tuple[str, ...], str, str, tuple[str, ...]]
    listing: Running
    fetched: Running | None


def _parse_objects(listed: bytes) -> dict[str, str]:
    paths: dict[str, str] = {}
    for line in listed.split(b"\n")[:-1]:
        oid, _, path = line.partition(b" ")
        if oid.startswith(b"?"):
            missing = oid[1:].decode("ascii", errors="replace")
            message = f"object {missing} is missing in this repository"
            raise ServiceError(message, hint=_FETCH)
        paths[oid.decode("ascii")] = os.fsdecode(path)
    return paths
