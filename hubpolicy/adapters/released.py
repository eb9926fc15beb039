# SPDX-License-Identifier: Apache-2.0
"""Which folders on this machine were released, and where to: how the upload guard finds evidence.

One small file per target and folder, written whole. Nothing in it is believed: it says where to
look, and what lies there is verified at each use. A folder that is gone is not known.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.home import Home
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import KnownRelease

    Read = Callable[
        [tuple[EvidenceFile, ...], tuple[tuple[str, int], ...], RepoId], KnownRelease | None
    ]

_FOLDER = "released"
_LIMIT = 64 * 1024
MOST = 16
"""Folders of one target that are looked at, newest first."""


class Remembered(NamedTuple):
    """A folder that was released, and when (ISO 8601 UTC, self-declared)."""

    folder: str
    time: str


def remember(home: Home, target: RepoId, folder: str, now: str) -> None:
    """Note that a release line for ``target`` was signed in ``folder``.

    Raises:
        ServiceError: the disk refuses.

    """
    place = str(Path(folder).resolve())
    record = {"target": target.purl, "folder": place, "time": now}
    content = json.dumps(record, sort_keys=True).encode() + b"\n"
    write_atomic(_drawer(home, target) / f"{_short(place)}.json", content)


def remembered(home: Home, target: RepoId) -> tuple[Remembered, ...]:
    """The folders of a target, newest first. Records that cannot be read are passed over."""
    found = []
    for path in _drawer(home, target).glob("*.json"):
        try:
            with path.open("rb") as file:
                record = json.loads(file.read(_LIMIT))
            if record["target"] == target.purl:
                found.append(Remembered(str(record["folder"]), str(record["time"])))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return tuple(sorted(found, key=lambda each: (each.time, each.folder), reverse=True)[:MOST])


class KnownFolders:
    """Implements :class:`hubpolicy.ports.KnownReleases`: evidence in the folders of this machine.

    ``read`` makes a release of evidence files and sizes; it verifies.
    """

    def __init__(self, home: Home, read: Read) -> None:
        self._home = home
        self._read = read

    def of(self, target: RepoId) -> tuple[KnownRelease, ...]:
        """Newest first; a folder that is gone, or holds no evidence for that target, is none."""
        found = (self._at(each.folder, target) for each in remembered(self._home, target))
        return tuple(release for release in found if release is not None)

    def _at(self, folder: str, target: RepoId) -> KnownRelease | None:
        try:
            reader = FolderRelease(folder)
            return self._read(reader.evidence_files(), reader.sizes, target)
        except ServiceError:
            return None


def _drawer(home: Home, target: RepoId) -> Path:
    return Path(home.state, _FOLDER, _short(target.purl))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
