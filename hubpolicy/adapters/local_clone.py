# SPDX-License-Identifier: Apache-2.0
"""A clone or a bare repository on this disk, to be audited in place of a hub. No network.

It may come from anybody: its configuration runs nothing (``git_process.py``), its work tree and
index are not looked at, and what it says of a commit id is kept for no other audit.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.git_history import GitHistory
from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.core.lfs_pointer import Pointer
from hubpolicy.core.listed_weights import publishes_weights
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.release import RepoId

READ_LIMIT = 64 * 1024 * 1024
_NO_REPOSITORY = "not a git repository"
_BOOKKEEPING = (
    "refs/stash", "refs/notes/", "refs/replace/", "refs/original/", "refs/bisect/",
    "refs/rewritten/", "refs/worktree/",
)  # fmt: skip
"""What git keeps for itself. A push names these only if asked to; weights in them count."""
_BROKEN = re.compile(rb"^warning: ignoring (?:broken ref|ref with broken name) (.+)$", re.MULTILINE)
_MOST_SAID = 64 * 1024
_NOTHING = ""
"""In the place of the commit of a ref that git cannot read."""


class LocalClone(NamedTuple):
    """Implements :class:`hubpolicy.ports.HistoryReader` for the repository in one folder."""

    repo: RepoId
    folder: str
    git: GitHistory

    def refs(
        self,
        repo: RepoId,
        *,
        outdated: str = "",  # noqa: ARG002 - nothing here lags behind
        ref: str = "refs/heads/main",  # noqa: ARG002
    ) -> tuple[RemoteRef, ...]:
        """Branches, remote-tracking refs, tags, whatever else there is, and detached HEADs.

        Refs that only name another one of these are left out, and git's bookkeeping without
        weights. What git passes over as broken is there, without a commit: it is not read.

        Raises:
            ServiceError: git does not list them.

        """
        self._require(repo)
        listing = self.git.git.begin(
            "for-each-ref", "--format=%(objectname)%00%(symref)%00%(refname)"
        )
        rows = [line.split(b"\0") for line in listing.read().split(b"\n")[:-1]]
        direct = {name for _, aim, name in rows if not aim}
        named = [(_text(name), oid.decode("ascii")) for oid, aim, name in rows if aim not in direct]
        broken = [RemoteRef(name, _NOTHING) for name in _broken(listing.said)]
        for name in ("HEAD", "main-worktree/HEAD", *self._work_trees()):
            head = self._head(name)
            if head is None:
                broken.append(RemoteRef(name, _NOTHING))
            elif head and head not in {oid for _, oid in named}:
                named.append((name, head))
        commits = self._commits(tuple(oid for _, oid in named))
        refs = (RemoteRef(name, commits[oid]) for name, oid in named)
        return tuple(sorted((*broken, *(ref for ref in refs if self._counts(ref)))))

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit; what is in git itself with the sha256 of its bytes."""
        self._require(repo)
        if revision == _NOTHING:
            message = "git calls this ref broken, and does not read it"
            raise ServiceError(message, hint=f"git -C {self.folder} for-each-ref   names it")
        return self.git.listing(revision)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of a commit; of what is kept by Git LFS, what lies here."""
        self._require(repo)
        lfs = self.git.lfs
        return self.git.read(revision, path, lambda pointer: lfs.read(pointer, READ_LIMIT))

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """All commit ids that are reachable from a commit, newest first.

        Raises:
            ServiceError: the clone is shallow, or lacks one of them.

        """
        self._require(repo)
        if self.git.git.line("rev-parse", "--is-shallow-repository") != "false":
            message = f"{self.folder} is a shallow clone: what came before was not fetched"
            raise ServiceError(message, hint="git fetch --unshallow")
        return self.git.history(revision)

    def lineage(self, repo: RepoId, revision: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The same with the time that each states and its parents, which stand after it.

        Raises:
            ServiceError: as ``history``.

        """
        self.history(repo, revision)  # it knows what a shallow clone lacks
        return self.git.lineage(revision)

    def read_large(
        self,
        repo: RepoId,  # noqa: ARG002
        revision: str,  # noqa: ARG002 - an object is one object, whatever commit names it
        file: ListedFile,
    ) -> ListedFile | None:
        """A file that is kept by Git LFS as its object's bytes are; None where it is not here.

        Raises:
            ServiceError: it is of another length, or cannot be read.

        """
        if file.sha256 is None:
            return None
        try:
            return file._replace(sha256=self.git.lfs.sha256(Pointer(file.sha256, file.size)))
        except ServiceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _require(self, repo: RepoId) -> None:
        if repo != self.repo:
            message = f"got {repo.text}, expected {self.repo.text}, in {self.folder}"
            raise ServiceError(message)

    def _work_trees(self) -> tuple[str, ...]:
        """What git calls the HEAD of each linked work tree."""
        git = self.git.git
        place = Path(self.folder, git.line("rev-parse", "--git-common-dir"), "worktrees")
        try:
            return tuple(f"worktrees/{each.name}/HEAD" for each in sorted(place.iterdir()))
        except FileNotFoundError:
            return ()
        except OSError as error:
            message = f"cannot read {place}: {error.strerror}"
            raise ServiceError(message) from error

    def _head(self, name: str) -> str | None:
        """The commit of a HEAD; empty where it stands on a branch to be; None where it is broken.

        A branch that was never committed to has a HEAD without a commit.
        """
        git = self.git.git
        try:
            found = git.line("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            return found or ("" if git.line("symbolic-ref", "--quiet", name) else None)
        except GitRefusedError:
            return None

    def _commits(self, oids: tuple[str, ...]) -> dict[str, str]:
        """The commits that tags lead to. What leads to none stays, and is unreadable."""
        if not oids:
            return {}
        asked = "".join(f"{oid}^{{commit}}\n" for oid in oids).encode("ascii")
        found = self.git.git.run("cat-file", "--batch-check=%(objectname)", stdin=asked)
        answers = found.decode("utf-8", "backslashreplace").split("\n")[:-1]
        return {
            oid: oid if " " in answer else answer
            for oid, answer in zip(oids, answers, strict=True)
        }  # fmt: skip

    def _counts(self, ref: RemoteRef) -> bool:
        if not ref.name.startswith(_BOOKKEEPING):
            return True
        try:
            return any(map(publishes_weights, self.git.listing(ref.oid).files))
        except ServiceError:
            return True


def open_clone(folder: str, repo: RepoId) -> LocalClone:
    """The repository whose top is ``folder``: a work tree's, or a bare one.

    Raises:
        ConfigError: it is none, or lies further up.
        ServiceError: git refuses it (an owner that it does not trust, say).

    """
    require_clone(folder)
    return LocalClone(repo, folder, GitHistory(open_git(folder, os.environ), hashed=True))


def require_clone(folder: str) -> None:
    """Refuse what is not the top of a git repository. Raises as :func:`open_clone`."""
    hint = "hubpolicy verify PATH judges a folder; hubpolicy audit --help"
    nothing = f"got {folder}, expected a clone or a bare repository"
    if not os.path.isdir(folder):  # noqa: PTH112
        raise ConfigError(nothing, hint=hint)
    try:
        prefix = open_git(folder, os.environ).line("rev-parse", "--show-prefix")
    except GitRefusedError as error:
        if _NO_REPOSITORY not in error.said:
            raise
        raise ConfigError(nothing, hint=hint) from error
    if prefix:
        message = f"got {folder}, expected the top of a repository, not {prefix} in it"
        raise ConfigError(message, hint=hint)


def _broken(said: bytes) -> list[str]:
    """The refs that git passed over, by what it said; and a word if it said more than is kept."""
    found = [_text(name) for name in _BROKEN.findall(said)]
    return found if len(said) < _MOST_SAID else [*found, "(more broken refs)"]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
