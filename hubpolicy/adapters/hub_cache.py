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

from hubpolicy.adapters.gateways import standing_for
from hubpolicy.core.lines import named
from hubpolicy.core.short_ids import ambiguous, is_short
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
    """The snapshot that is here of a branch, tag, ref or commit, or of its first digits.

    Asks no hub. The client's own look-up refuses a snapshot of which some files were left out.

    Raises:
        ConfigError: several that are here begin with these digits.
        ServiceError: there is none in the cache.

    """
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE, f"models--{repo.namespace}--{repo.name}")
    name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    here = _commits(place / "snapshots")
    commit = name if _COMMIT.fullmatch(name) else _ref(place / "refs", name)
    if not commit and is_short(name):
        commit = _beginning(name, here, f"{place}")
    where = place / "snapshots" / commit
    if commit not in here:
        message = f"there is no snapshot of {repo.text}@{revision} in {constants.HF_HUB_CACHE}"
        others = f"; those of {named(tuple(c[:12] for c in here))} are here" if here else ""
        raise ServiceError(message + others, hint="leave out --offline to ask the hub")
    found = snapshot_of(str(where), repo.endpoint)
    if found is None or (found.repo, found.commit) != (repo, commit):
        message = f"got {where} for {repo.text}@{revision}, expected its snapshot"
        raise ServiceError(message, hint="is something in the cache a link to elsewhere?")
    return found


def _commits(snapshots: Path) -> tuple[str, ...]:
    try:
        found = sorted(snapshots.iterdir())
    except OSError:
        return ()
    return tuple(each.name for each in found if _COMMIT.fullmatch(each.name) and each.is_dir())


def _beginning(digits: str, here: tuple[str, ...], where: str) -> str:
    """The one commit here that begins so; the report names all of it. Empty if there is none."""
    oids = tuple(oid for oid in here if oid.startswith(digits.lower()))
    if len(oids) > 1:
        raise ambiguous(digits, oids, where)
    return oids[0] if oids else ""


def _ref(refs: Path, name: str) -> str:
    """The commit that was downloaded by that name last; empty if none was."""
    if ".." in name.split("/") or "\0" in name or name.startswith("/"):
        return ""
    try:
        with (refs / name).open("rb") as file:
            return file.read(65).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _repo(name: str, endpoint: str) -> RepoId:
    try:
        return standing_for(parse_repo_id(name, endpoint=endpoint))
    except MalformedError as error:
        message = f"got a snapshot of {name!r}, expected one of NAMESPACE/NAME"
        raise ConfigError(message, hint="releases are attested for NAMESPACE/NAME only") from error
