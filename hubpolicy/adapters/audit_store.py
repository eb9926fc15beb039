# SPDX-License-Identifier: Apache-2.0
"""What audits have read, in one SQLite file: a commit id never means anything else.

Kept are the inputs of a verdict, not verdicts: the tree of a commit and the evidence in it. Who
may sign, what is revoked and what time it is are asked anew each time, so nothing here is keyed
by a policy, and nothing here makes anything green. Refs move, so none is kept: an audit that was
broken asks again where they stand, and reads nothing again. Removing the file costs requests.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.shared_database import open_shared, writing
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from hubpolicy.domain.release import RepoId

_MIGRATIONS = (
    """
    CREATE TABLE content (sha256 TEXT PRIMARY KEY, deflated BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE kept (
        repo TEXT NOT NULL, oid TEXT NOT NULL, path TEXT NOT NULL,
        sha256 TEXT NOT NULL REFERENCES content, PRIMARY KEY (repo, oid, path)
    ) WITHOUT ROWID;
    """,
    """
    DELETE FROM kept;
    ALTER TABLE kept ADD COLUMN seal TEXT NOT NULL DEFAULT '';
    """,
)
"""One script for each version of the file; append, never change. No statement has a ``;`` inside.
"""

_TREE, _HISTORY, _READ = "", "\0history", "\0read"
"""Under these a commit's tree, its ancestors and its tree as it was read are kept; no file has such
a path."""

_BUSY_SECONDS = 30.0
_CLOSING_SECONDS = 2.0
_REMOVE = "remove it, it is only a cache; or --no-cache"


class AuditStore:
    """The file, opened. Threads share it; processes may, too (WAL, one writer at a time)."""

    def __init__(self, path: Path) -> None:
        """Open or make it, and bring its tables up to date.

        Raises:
            ServiceError: it cannot be written, is damaged, or was made by a newer hubpolicy.

        """
        self._path = path
        self._lock = threading.RLock()
        with self._doing():
            # Its owner's alone: names and evidence of private repositories lie in it.
            self._db = open_shared(path, wait_seconds=_BUSY_SECONDS)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Whoever left early has threads in here still: what one of them writes is written whole.
        if self._lock.acquire(timeout=_CLOSING_SECONDS):
            try:
                self._db.close()
            finally:
                self._lock.release()

    def listing(self, repo: RepoId, oid: str) -> Listing | None:
        """The tree of a commit, if it was read before."""
        content = self.content(repo, oid, _TREE)
        return None if content is None else _parse_listing(content)

    def keep_listing(self, repo: RepoId, oid: str, listing: Listing) -> None:
        """Remember the tree of a commit."""
        rows = [list(file) for file in listing.files]
        self.keep_content(repo, oid, _TREE, json.dumps(rows, ensure_ascii=True).encode())

    def read_listing(self, repo: RepoId, oid: str) -> Listing | None:
        """The tree of a commit by what its files were found to be, if they were read before."""
        content = self.content(repo, oid, _READ)
        return None if content is None else _parse_listing(content)

    def keep_read_listing(self, repo: RepoId, oid: str, listing: Listing) -> None:
        """Remember what the files of a commit were found to be."""
        rows = [list(file) for file in listing.files]
        self.keep_content(repo, oid, _READ, json.dumps(rows, ensure_ascii=True).encode())

    def history(self, repo: RepoId, oid: str) -> tuple[str, ...] | None:
        """The commits that led to one, if they were read before."""
        content = self.content(repo, oid, _HISTORY)
        return None if content is None else tuple(json.loads(content))

    def keep_history(self, repo: RepoId, oid: str, history: tuple[str, ...]) -> None:
        """Remember the commits that led to one."""
        self.keep_content(repo, oid, _HISTORY, json.dumps(history).encode())

    def content(self, repo: RepoId, oid: str, path: str) -> bytes | None:
        """A file of a commit, if it was read before and is what was read then."""
        row = self._one(
            "SELECT sha256, deflated, seal FROM kept JOIN content USING (sha256) "
            "WHERE repo = ? AND oid = ? AND path = ?",
            (repo.purl, oid, path),
        )
        if row is None:
            return None
        digest, deflated, seal = row
        try:
            found = zlib.decompress(deflated)
        except (zlib.error, TypeError):
            return None
        # In a damaged file SQLite finds rows under keys that were never theirs.
        held = hashlib.sha256(found).hexdigest() == digest
        return found if held and seal == _seal(repo, oid, path, digest) else None

    def keep_content(self, repo: RepoId, oid: str, path: str, content: bytes) -> None:
        """Remember a file of a commit; equal contents are kept once."""
        digest = hashlib.sha256(content).hexdigest()
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO content VALUES (?, ?)", (digest, zlib.compress(content))
            )
            db.execute(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)",
                (repo.purl, oid, path, digest, _seal(repo, oid, path, digest)),
            )

    def _migrate(self) -> None:
        if self._version() == len(_MIGRATIONS):
            return
        with writing(self._db):  # and look again: another audit may just have done it
            for script in _MIGRATIONS[self._version() :]:
                for statement in script.split(";"):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def _version(self) -> int:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if not 0 <= version <= len(_MIGRATIONS):
            message = (
                f"{self._path} was made by a newer hubpolicy (version {version} of its tables)"
            )
            raise ServiceError(message, hint=f"upgrade hubpolicy, or {_REMOVE}")
        return version

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._doing():
            row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
            return row

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing."""
        with self._doing(), writing(self._db):
            yield self._db

    @contextmanager
    def _doing(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # damaged text is the last
            message = f"cannot use what earlier audits have read ({error}), in {self._path}"
            raise ServiceError(message, hint=_REMOVE) from error


def _seal(repo: RepoId, oid: str, path: str, digest: str) -> str:
    """Ties what is kept to what it is kept as."""
    named = f"{repo.purl}\0{oid}\0{path}\0{digest}"
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()


def _parse_listing(content: bytes) -> Listing:
    return Listing(tuple(ListedFile(*row) for row in json.loads(content)))
