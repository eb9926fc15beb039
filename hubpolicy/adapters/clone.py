# SPDX-License-Identifier: Apache-2.0
"""The git engine of audits: one bare clone has every tree, and no request is made for each.

Large files are pointers there and stay where they are: nothing in a bare clone runs, checks out or
smudges. Refs are still the hub's to name; what they lead to is read from the clone.
"""

from __future__ import annotations

import atexit
import base64
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from hubpolicy.adapters.git_history import GitHistory
from hubpolicy.adapters.git_process import open_git
from hubpolicy.adapters.scratch import Scratch, sweep
from hubpolicy.errors import HubpolicyError, ServiceError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from hubpolicy.adapters.git_process import Git, Running
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, RemoteRef

_SLOW_BYTES, _SLOW_SECONDS = "1000", "120"
_WAITS = (1.0, 2.0)
"""Seconds before a clone that broke is begun anew; refs came from this hub a moment ago."""
_PATIENCE = 3.0
_PREFIX = "hubpolicy-audit-"
_FINAL = re.compile(
    r"returned error: 4(?!08|29)\d\d|not found|Authentication failed|could not read"
)
"""What git says where asking again gets the same answer."""


class _Work:
    """A folder that git makes and fills, and what ends both, from whatever thread.

    At the process's end it ends, too: who is interrupted leaves threads where they are.
    """

    under_way: ClassVar[set[_Work]] = set()
    over: ClassVar[bool] = False
    """The process ends: nothing more is begun."""
    swept: ClassVar[bool] = False
    """What earlier audits left when they were killed is gone."""
    _sweeping: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._running: Running | None = None
        self._lock = threading.Lock()
        self._ended = False
        with self._sweeping:
            if not self.swept:
                type(self).swept = True
                sweep(_PREFIX)
        self._scratch = Scratch(_PREFIX)
        self.folder = self._scratch.folder
        self.under_way.add(self)

    def begin(self, git: Git, *arguments: str) -> Running:
        """Start a command that fills the folder.

        Raises:
            ServiceError: it has ended. Git would make the folder again.

        """
        with self._lock:
            if self._ended or self.over:
                message = "interrupted"
                raise ServiceError(message)
            self._running = git.begin(*arguments)
            return self._running

    def end(self) -> None:
        """Stop what runs, and remove the folder."""
        with self._lock:
            self._ended = True
            if self._running is not None:
                with suppress(OSError):  # closed by the thread that reads it
                    self._running.kill_all(_PATIENCE)
        self._scratch.end()
        self.under_way.discard(self)


@atexit.register
def _end_all() -> None:
    _Work.over = True
    while _Work.under_way:
        for work in tuple(_Work.under_way):
            work.end()


class ClonedHub:
    """Implements :class:`hubpolicy.ports.HistoryReader` for one repository.

    ``hub`` names the refs. The clone is made when something is first read, lies in a temporary
    folder, and is removed on leaving.
    """

    def __init__(self, hub: HistoryReader, repo: RepoId, token: str | None) -> None:
        self._hub, self._repo, self._token = hub, repo, token
        self._work: _Work | None = None
        self._failed: ServiceError | None = None
        self._clone: GitHistory | None = None
        self._named: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._work is not None:
            self._work.end()

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """As the hub names them: a clone has no pull requests that were hidden, say."""
        found = self._hub.refs(repo, outdated=outdated, ref=ref)
        self._named = frozenset(each.name for each in found)
        return found

    def unnamed(self) -> tuple[str, ...]:
        """Refs that were cloned and that the hub did not name; none where nothing was cloned."""
        if self._clone is None:
            return ()
        listed = self._clone.git.run("for-each-ref", "--format=%(refname)")
        names = listed.decode("utf-8", "backslashreplace").split("\n")[:-1]
        return tuple(name for name in names if name not in self._named)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit as the hub would list it: large files by the sha256 of a pointer."""
        return self._opened(repo).listing(revision)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A file that is in git itself; the hub gives what a pointer stands for.

        Raises:
            ServiceError: there is no such file.

        """
        ask = self._hub.read
        return self._opened(repo).read(revision, path, lambda _: ask(repo, revision, path))

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """All commit ids that are reachable from a commit, newest first."""
        return self._opened(repo).history(revision)

    def lineage(self, repo: RepoId, revision: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The same with the time that each states and its parents, which stand after it."""
        return self._opened(repo).lineage(revision)

    def _opened(self, repo: RepoId) -> GitHistory:
        if repo != self._repo:
            message = f"got {repo.text}, expected {self._repo.text}, in its clone"
            raise ServiceError(message)
        if self._failed is not None:
            raise self._failed  # each ref would wait for it again
        if self._clone is None:
            self._work = work = _Work()
            target = os.path.join(work.folder, "clone.git")  # noqa: PTH118
            try:
                _mirror(repo, target, self._token, work)
            except ServiceError as error:
                self._failed = error
                raise
            self._clone = GitHistory(open_git(target, os.environ))
        return self._clone


def _mirror(repo: RepoId, target: str, token: str | None, work: _Work) -> None:
    """Every ref, pull requests too. The token is in the child's environment, never in a command.

    Progress is asked for, so that a long clone is not taken for one that hangs.
    """
    kind = "" if repo.repo_type == "model" else f"{repo.repo_type}s/"
    address = f"{repo.endpoint}/{kind}{repo.text}"
    settings = {
        "http.lowSpeedLimit": _SLOW_BYTES,
        "http.lowSpeedTime": _SLOW_SECONDS,
        "credential.helper": "",
        "http.followRedirects": "false",
    }
    if token:
        login = base64.b64encode(f"hubpolicy:{token}".encode()).decode()
        settings[f"http.{repo.endpoint}/.extraHeader"] = f"Authorization: Basic {login}"
    git = open_git("", os.environ)
    environment = {**git.environment, "GIT_ALLOW_PROTOCOL": "http:https", **_as_config(settings)}
    try:
        _patiently(git._replace(environment=environment), address, target, work)
    except HubpolicyError as error:
        said = error.message.replace(token, "[token]") if token else error.message
        message = f"cloning {repo.text}: {said}"
        raise ServiceError(message, hint="try again, or --engine api") from error


def _patiently(git: Git, address: str, target: str, work: _Work) -> None:
    """Clone; again where the hub was only not well for a moment."""
    for wait in (*_WAITS, None):
        try:
            work.begin(
                git, "clone", "--mirror", "--progress", "--template=", "--end-of-options", address,
                target,
            ).read()  # fmt: skip
        except HubpolicyError as error:
            if wait is None or _FINAL.search(error.message):
                raise
            shutil.rmtree(target, ignore_errors=True)
            time.sleep(wait)
        else:
            return


def _as_config(settings: dict[str, str]) -> dict[str, str]:
    """git-config(1), GIT_CONFIG_COUNT."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found
