# SPDX-License-Identifier: Apache-2.0
"""The repos on disk: where they lie, their metadata, one lock each."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.records import Record, from_json, to_json
from hubpolicy.demo.hub.wire import HubError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("models", "datasets", "spaces")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_]|[.-](?![.-])){0,94}[A-Za-z0-9_]|[A-Za-z0-9_]")


class RepoKey(NamedTuple):
    """Which repo: `kind` is one of :data:`KINDS`."""

    kind: str
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """The repo id as users write it."""
        return f"{self.namespace}/{self.name}"

    @property
    def url_path(self) -> str:
        """The path of the repo's page and git remote."""
        return self.id if self.kind == "models" else f"{self.kind}/{self.id}"


def valid_name(name: str) -> bool:
    """Return whether a namespace or repo may be called so (the Hub's rule)."""
    return bool(_NAME.fullmatch(name)) and not name.endswith((".git", ".ipynb"))


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file in one step."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(scratch).replace(path)


class Store:
    """The folder ``repos`` of the hub."""

    def __init__(self, root: Path) -> None:
        """Use `root`/repos, and make it."""
        self._repos = root / "repos"
        self._locks: dict[RepoKey, threading.RLock] = {}
        self._guard = threading.Lock()
        for kind in KINDS:
            (self._repos / kind).mkdir(parents=True, exist_ok=True)

    def bare(self, key: RepoKey) -> Path:
        """Return the folder of the bare repository."""
        return self._repos / key.kind / key.namespace / f"{key.name}.git"

    def metadata(self, key: RepoKey) -> Path:
        """Return the file of the repo's metadata."""
        return self._repos / key.kind / key.namespace / f"{key.name}.json"

    def lock(self, key: RepoKey) -> threading.RLock:
        """Return the lock to hold while the repo is written."""
        with self._guard:
            return self._locks.setdefault(key, threading.RLock())

    def record(self, key: RepoKey) -> Record | None:
        """Return the repo's metadata, None if there is no such repo."""
        try:
            return from_json(json.loads(self.metadata(key).read_bytes()))
        except FileNotFoundError:
            return None

    def create(self, key: RepoKey, record: Record, fill: Callable[[Path], object]) -> None:
        """Make a repo; `fill` creates the bare repository at the path it is given.

        Raises:
            FileExistsError: if the repo exists.
        """
        with self.lock(key):
            if self.metadata(key).exists():
                raise FileExistsError(key.id)
            self.bare(key).parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.bare(key), ignore_errors=True)
            fill(self.bare(key))
            self._write(key, record)

    def change(self, key: RepoKey, update: Callable[[Record], Record]) -> Record:
        """Replace the metadata by what `update` makes of it, and return that.

        Raises:
            HubError: 404 if the repo is gone.
        """
        with self.lock(key):
            record = self.record(key)
            if record is None:
                raise repo_not_found(key)
            changed = update(record)
            self._write(key, changed)
            return changed

    def delete(self, key: RepoKey) -> None:
        """Remove the repo and its metadata; large files stay in the store."""
        with self.lock(key):
            self.metadata(key).unlink()
            shutil.rmtree(self.bare(key))

    def move(self, old: RepoKey, new: RepoKey) -> None:
        """Rename a repo.

        Raises:
            FileExistsError: if the new name is taken.
        """
        with self.lock(old), self.lock(new):
            record = self.record(old)
            if record is None:
                raise repo_not_found(old)
            if self.metadata(new).exists():
                raise FileExistsError(new.id)
            self.bare(new).parent.mkdir(parents=True, exist_ok=True)
            self.bare(old).rename(self.bare(new))
            self._write(new, record._replace(id=new.id))
            self.metadata(old).unlink()

    def keys(self, kind: str) -> Iterator[RepoKey]:
        """Yield the repos of a kind, sorted by id."""
        for path in sorted((self._repos / kind).glob("*/*.json")):
            if not path.name.startswith("."):
                yield RepoKey(kind, path.parent.name, path.name.removesuffix(".json"))

    def _write(self, key: RepoKey, record: Record) -> None:
        content = json.dumps(to_json(record), indent=1, ensure_ascii=False).encode()
        write_atomic(self.metadata(key), content)


def repo_not_found(key: RepoKey) -> HubError:
    """Return the 404 for a repo that is not there, or not for this account to see."""
    return HubError(404, f"Repository not found: {key.id}", code="RepoNotFound")
