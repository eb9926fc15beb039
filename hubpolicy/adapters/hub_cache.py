# SPDX-License-Identifier: Apache-2.0
"""The official client's cache: which repository and commit a snapshot folder is of, and back.

``models--NAMESPACE--NAME/snapshots/COMMIT`` holds links into that repository's ``blobs/``. The
names are only names: they say where evidence is asked for, and nothing about the bytes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import ConfigError, MalformedError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId

_FOLDER = re.compile(r"models--((?:(?!--).)+)--((?:(?!--).)+)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Snapshot(NamedTuple):
    """A snapshot's folder, and what the names around it say."""

    folder: str
    repo: RepoId
    commit: str


def snapshot_of(path: str, endpoint: str) -> Snapshot | None:
    """What a path in the cache is a snapshot of, or None for any other folder.

    The cache does not say from which hub it was filled: ``endpoint`` does.

    Raises:
        ConfigError: a folder inside of a snapshot, or a snapshot of something that is not called
            ``namespace/name``.

    """
    folder = os.path.realpath(path)
    parts = Path(folder).parts
    for at in range(len(parts) - 2, 0, -1):
        found = _FOLDER.fullmatch(parts[at - 1])
        if parts[at] != "snapshots" or not _COMMIT.fullmatch(parts[at + 1]):
            continue
        if at + 2 != len(parts):
            message = f"got a folder inside of a snapshot, {path}, expected the snapshot itself"
            raise ConfigError(message, hint=f"hubpolicy verify {Path(*parts[: at + 2])}")
        if parts[at - 1].startswith("models--"):
            name = "/".join(found.groups()) if found else parts[at - 1].removeprefix("models--")
            return Snapshot(folder, _repo(name, endpoint), parts[at + 1])
    return None


def cached_snapshot(repo: RepoId, revision: str) -> Snapshot:
    """The snapshot that is here of a branch, tag, ref or commit. Asks no hub.

    Raises:
        ServiceError: there is none in the cache.

    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    try:
        where = snapshot_download(repo.text, revision=name, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError) as error:
        place = constants.HF_HUB_CACHE
        message = f"there is no snapshot of {repo.text}@{revision} in {place}"
        raise ServiceError(message, hint="leave out --offline to ask the hub") from error
    found = snapshot_of(where, repo.endpoint)
    if found is None or found.repo != repo or (_COMMIT.fullmatch(name) and found.commit != name):
        message = f"got {where} for {repo.text}@{revision}, expected its snapshot"
        raise ServiceError(message)
    return found


def _repo(name: str, endpoint: str) -> RepoId:
    try:
        return parse_repo_id(name, endpoint=endpoint)
    except MalformedError as error:
        message = f"got a snapshot of {name!r}, expected one of NAMESPACE/NAME"
        raise ConfigError(message, hint="releases are attested for NAMESPACE/NAME only") from error
