# SPDX-License-Identifier: Apache-2.0
"""Lists a folder as a release: which files are covered, which are evidence, which are refused.

Nothing is opened here. Not responsible for content (``hashing``), nor for what a file's type means.
"""

# Paths stay bytes, as the disk has them; pathlib takes text only.
# ruff: noqa: PTH110, PTH112, PTH113, PTH114, PTH115, PTH118, PTH119, PTH120

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.worktree import listed_by_git
from hubpolicy.core.leftovers import is_leftover
from hubpolicy.core.paths import path_findings, refuse_path
from hubpolicy.core.rules import hp402, hp411
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.manifest import EVIDENCE_FOLDER, MODEL_SIGNATURE, is_evidence_path
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubpolicy.domain.finding import Finding

_EVIDENCE = EVIDENCE_FOLDER.rstrip("/").encode()
_SIGNATURE = MODEL_SIGNATURE.encode()
_CACHE = b".cache/huggingface"
_REPO_PREFIXES = (b"models--", b"datasets--", b"spaces--")
_SPECIAL = (
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_OWN = re.compile(
    rb"\.cache/huggingface/(\.gitignore(\.lock)?|CACHEDIR\.TAG|trees/[0-9a-f]{40,64}\.json"
    rb"|(download|upload)/(.*/)?[^/]+\.(lock|metadata|incomplete))"
)
"""What the official client keeps beside files that it downloaded into a folder."""
_LINK, _SUBMODULE = "120000", "160000"


class Found(NamedTuple):
    """A plain file: path in the release, the real file to open, and its size in bytes."""

    path: str
    where: bytes
    size: int


class Folder(NamedTuple):
    """A listed folder: covered files and evidence files, sorted bytewise, and the refusals."""

    root: bytes
    files: tuple[Found, ...]
    evidence: tuple[Found, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()


def list_folder(
    path: str | os.PathLike[str], *, everything: bool = False, leftovers: bool = False
) -> Folder:
    """List what the folder means (DESIGN.md §4).

    ``everything``: what lies there, whatever a git repository around it tracks or ignores; so for
    those who use the files; of ``.cache/huggingface/`` only what the official client itself writes
    there is left out. A snapshot in a Hub cache is always taken so, and nothing is left out of it.
    ``leftovers``: also what training leaves beside a model, where git has no say about it.

    Raises:
        ServiceError: there is no such folder, or git refuses the repository around it.

    """
    root = os.path.realpath(os.fsencode(path))
    if not os.path.isdir(root):
        what = "a file" if os.path.exists(root) else "nothing"
        message = f"got {what} at {os.fsdecode(path)}, expected a folder"
        raise ServiceError(message, hint="give the folder that holds README.md and the weights")
    blobs = _cache_blobs(root)
    listing = _Listing(root, blobs)
    tracked = None if everything or blobs is not None else listed_by_git(root)
    covered = listing.walk(b"", _pruned(blobs, everything)) if tracked is None else tracked
    own = everything and blobs is None
    covered = [p for p in covered if not (_is_left_out(p) or (own and _OWN.fullmatch(p)))]
    if tracked is None and blobs is None and not (everything or leftovers):
        left = [path for path in covered if is_leftover(os.fsdecode(path))]
        covered = sorted(set(covered).difference(left))
        listing.left_out = tuple(sorted(map(printable, left)))
    listing.add(covered)
    listing.add(listing.walk(_EVIDENCE))
    listing.add(_signature(root))
    return listing.close()


class _Listing:
    """Collects entries; every path is looked at with ``lstat``, its folders included."""

    def __init__(self, root: bytes, blobs: bytes | None) -> None:
        self._root = root
        self._blobs = blobs
        self._found: list[Found] = []
        self._entries: list[tuple[bytes, str]] = []
        self._special: list[Finding] = []
        self._failures: list[tuple[str, str]] = []
        self._linked: dict[bytes, bytes | None] = {b"": None}
        self.left_out: tuple[str, ...] = ()

    def walk(self, folder: bytes, pruned: frozenset[bytes] = frozenset()) -> Iterator[bytes]:
        """All paths below a folder that are not folders; links are not followed."""
        top = os.path.join(self._root, folder)
        pending = [folder] if os.path.isdir(top) and not os.path.islink(top) else []
        while pending:
            here = pending.pop()
            try:
                with os.scandir(os.path.join(self._root, here)) as entries:
                    for entry in entries:
                        path = os.path.join(here, entry.name)
                        if not entry.is_dir(follow_symlinks=False):
                            yield path
                        elif path not in pruned:
                            pending.append(path)
            except OSError as error:
                self._failures.append((printable(here or b"."), error.strerror or str(error)))

    def add(self, paths: Iterable[bytes]) -> None:
        """Look at each path and file it as found or refused."""
        for path in paths:
            link = self._linked_folder(os.path.dirname(path))
            if link is not None:
                self._entries.append((link, _LINK))
            else:
                self._add_one(path)

    def close(self) -> Folder:
        """Sort, and judge the paths of everything together."""
        ordered = sorted(self._found, key=lambda found: found.path.encode("utf-8"))
        findings = (
            *path_findings(sorted(set(self._entries))),
            *sorted(self._special),
            *hp411.check(sorted(self._failures)),
        )
        return Folder(
            self._root,
            tuple(found for found in ordered if not is_evidence_path(found.path)),
            tuple(found for found in ordered if is_evidence_path(found.path)),
            findings,
            self.left_out,
        )

    def _add_one(self, path: bytes) -> None:
        where = os.path.join(self._root, path)
        try:
            seen = os.lstat(where)
            if stat.S_ISLNK(seen.st_mode) and (target := self._blob(where)) is not None:
                where, seen = target, os.lstat(target)
        except FileNotFoundError:
            return  # git tracks it, the folder does not have it
        except OSError as error:
            self._failures.append((printable(path), error.strerror or str(error)))
            return
        if stat.S_ISREG(seen.st_mode):
            self._add_file(path, where, seen)
        elif stat.S_ISLNK(seen.st_mode):
            self._entries.append((path, _LINK))
        elif stat.S_ISDIR(seen.st_mode):
            self._entries.append((path.rstrip(b"/"), _SUBMODULE))
        else:
            reason = next((word for is_a, word in _SPECIAL if is_a(seen.st_mode)), "is special")
            self._special.append(hp402.refusal(path, reason))

    def _add_file(self, path: bytes, where: bytes, seen: os.stat_result) -> None:
        self._entries.append((path, hp402.PLAIN_MODES[bool(seen.st_mode & stat.S_IXUSR)]))
        if refuse_path(path) is None:
            self._found.append(Found(path.decode("utf-8"), where, seen.st_size))

    def _linked_folder(self, folder: bytes) -> bytes | None:
        """The first part of the folder's path that is a link: what is below is elsewhere."""
        if folder not in self._linked:
            above = self._linked_folder(os.path.dirname(folder))
            is_link = os.path.islink(os.path.join(self._root, folder))
            self._linked[folder] = above or (folder if is_link else None)
        return self._linked[folder]

    def _blob(self, link: bytes) -> bytes | None:
        """The file in the Hub cache's own ``blobs/`` that this link leads to, if it does."""
        if not self._blobs:
            return None
        target = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
        is_plain = os.path.dirname(target) == self._blobs and not os.path.islink(target)
        return target if is_plain and os.path.isfile(target) else None


def _signature(root: bytes) -> list[bytes]:
    where = os.path.join(root, _SIGNATURE)
    is_folder = os.path.isdir(where) and not os.path.islink(where)
    return [_SIGNATURE] if os.path.lexists(where) and not is_folder else []


def _pruned(blobs: bytes | None, everything: bool) -> frozenset[bytes]:
    """Folders that hold none of the release's files: fewer, where somebody uses what is there."""
    if blobs is not None:
        return frozenset({_EVIDENCE})
    return (
        frozenset({b".git", _EVIDENCE}) if everything else frozenset({b".git", _EVIDENCE, _CACHE})
    )


def _is_left_out(path: bytes) -> bool:
    return path in {b".git", _SIGNATURE} or path.startswith(_EVIDENCE + b"/")


def _cache_blobs(root: bytes) -> bytes | None:
    """``models--org--name/blobs`` for a folder in ``models--org--name/snapshots/<commit>``.

    Empty where that is a link, so that none of its files counts; None for any other folder.
    """
    folder = root
    while (above := os.path.dirname(folder)) != folder:
        repository = os.path.dirname(above)
        is_repository = os.path.basename(repository).startswith(_REPO_PREFIXES)
        if os.path.basename(above) == b"snapshots" and is_repository:
            blobs = os.path.join(repository, b"blobs")
            return b"" if os.path.islink(blobs) else blobs
        folder = above
    return None
