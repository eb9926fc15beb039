# SPDX-License-Identifier: Apache-2.0
"""A team's trust folder on disk: read as one value, written file by file, each whole or not at all.

``root/<n>.json policy/<n>.json state.json`` are what consumers read; ``pending/`` and the sources
``root.toml``, ``hubpolicy.toml`` and ``keys/`` are for those who sign.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.core.pending import FOLDER, TYPES, Pending, parse_pending, pending_bytes
from hubpolicy.core.trust_folder import (
    STATE_PATH,
    TrustFolder,
    policy_path,
    resume,
    root_path,
)
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

ROOT_SOURCE = "root.toml"
POLICY_SOURCE = "hubpolicy.toml"
KEYS = "keys"

_LIMIT = 4 * 1024 * 1024
_NUMBERED = re.compile(r"([1-9][0-9]{0,8})\.json")
_PENDING = re.compile(rf"({'|'.join(TYPES)})-([1-9][0-9]{{0,8}})\.json")


def is_trust_folder(folder: Path) -> bool:
    """True if it holds any document of a trust folder."""
    places = (folder / "root", folder / FOLDER, folder / ROOT_SOURCE)
    return any(place.exists() for place in places)


def read_trust_folder(folder: Path) -> TrustFolder:
    """What lies there, a publishing that was cut short undone or ended; to be verified.

    Raises:
        ConfigError: it is no trust folder, a root version is missing, or a file is not what its
            name says.
        ServiceError: it cannot be read.

    """
    if not is_trust_folder(folder):
        message = f"got {folder}, expected a trust folder, with root/ or pending/ in it"
        raise ConfigError(message, hint="hubpolicy trust init --team DIR")
    for name in ("root", "policy", FOLDER.rstrip("/")):
        if (folder / name).is_symlink():
            message = f"{folder / name} is a symbolic link, expected a folder"
            raise ConfigError(message, hint="trust is not read through links")
    try:
        return resume(
            TrustFolder(
                _roots(folder), _numbered(folder, "policy"), _state(folder), _pending(folder)
            )
        )
    except OSError as error:
        message = f"cannot read the trust folder {folder}: {error.strerror}"
        raise ServiceError(message) from error


def read_text_beside(folder: Path, name: str) -> str:
    """A text file that ``root.toml`` names, below its folder.

    Raises:
        ConfigError: outside of the folder, behind a symbolic link, not there, or no text.
        ServiceError: it cannot be read.

    """
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or "\0" in name:
        message = f"got {name!r} in {ROOT_SOURCE}, expected a path below the trust folder"
        raise ConfigError(message, hint=f"copy the file into {KEYS}/")
    return read_beside(folder, name).decode("utf-8", "replace")


def read_beside(folder: Path, name: str) -> bytes:
    """A file below the folder, reached through no symbolic link.

    Who writes into the folder must not choose what of this machine is read, signed and pushed.

    Raises:
        ConfigError: it is not there, or larger than 4 MiB, or a link leads there.
        ServiceError: it cannot be read.

    """
    path = folder / name
    try:
        descriptor = _open_beside(folder, Path(name).parts)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _not_there(path) from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error
    with os.fdopen(descriptor, "rb") as file:
        return _whole(file, path)


def _open_beside(folder: Path, parts: tuple[str, ...]) -> int:
    """Component by component, so that none can become a link between looking and opening."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for number, part in enumerate(parts, start=1):
        last = number == len(parts)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        flags |= os.O_NONBLOCK if last else os.O_DIRECTORY
        above = place
        try:
            if stat.S_ISLNK(os.stat(part, dir_fd=above, follow_symlinks=False).st_mode):
                raise _linked(folder.joinpath(*parts[:number]))
            place = os.open(part, flags, dir_fd=above)
        finally:
            os.close(above)
    if not stat.S_ISREG(os.fstat(place).st_mode):
        os.close(place)
        raise _not_there(folder.joinpath(*parts))
    return place


def _linked(path: Path) -> ConfigError:
    message = f"{path} is a symbolic link, expected a file or folder"
    return ConfigError(message, hint="trust is not read through links: copy it there")


def _not_there(path: Path) -> ConfigError:
    return ConfigError(f"there is no file {path}", hint=f"ls {path.parent}")


def read_file(path: Path) -> bytes:
    """Bytes of a file of at most 4 MiB that the user named; links are followed.

    Raises:
        ConfigError: it is not there, or larger.
        ServiceError: it cannot be read.

    """
    try:
        with path.open("rb") as file:
            return _whole(file, path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise _not_there(path) from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error


def _whole(file: IO[bytes], path: Path) -> bytes:
    content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        message = f"got more than {_LIMIT} bytes, in {path}"
        raise ConfigError(message)
    return content


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """One process at a time on this machine; the folder itself is locked, nothing is written.

    Raises:
        ServiceError: another one works there, or the folder cannot be opened.

    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        message = f"cannot open {folder}: {error.strerror}"
        raise ServiceError(message, hint="DIR is the trust folder") from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"another hubpolicy works in {folder} at this moment"
        raise ServiceError(message, hint="try again") from error


def save(folder: Path, before: TrustFolder, after: TrustFolder) -> None:
    """Make the folder hold ``after``; what did not change is left alone.

    New pending files first, then policy, root, state, and only then what is pending no more goes:
    stopped anywhere, the next ``trust sign`` finishes.

    Raises:
        ConfigError: it is not ``before`` any more: what somebody else wrote would be lost.
        ServiceError: the disk refuses; every file is the old or the new one.

    """
    with folder_lock(folder):
        if before != TrustFolder() and read_trust_folder(folder) != before:
            message = f"{folder} changed meanwhile, and nothing was written"
            raise ConfigError(message, hint="look again: hubpolicy trust show DIR; then repeat it")
        _write(folder, before, after)


def _write(folder: Path, before: TrustFolder, after: TrustFolder) -> None:
    old, new = _files(before), _files(after)
    for path, content in new.items():
        if old.get(path) != content:
            write_atomic(folder / path, content)
    for name in _pending_names(folder):
        if FOLDER + name not in new:
            _remove(folder / FOLDER / name)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot remove {path}: {error.strerror}"
        raise ServiceError(message, hint="remove it by hand: it is published") from error


def _pending_names(folder: Path) -> list[str]:
    place = folder / FOLDER
    names = [path.name for path in place.iterdir()] if place.is_dir() else []
    return sorted(name for name in names if name.endswith(".json") and not name.startswith("."))


def _files(folder: TrustFolder) -> dict[str, bytes]:
    """Path to content, in the order of writing."""
    roots = {root_path(number): raw for number, raw in enumerate(folder.roots, start=1)}
    return {
        **{pending.path: pending_bytes(pending) for pending in folder.pending},
        **{policy_path(version): raw for version, raw in folder.policies},
        **roots,
        **({} if folder.state is None else {STATE_PATH: folder.state}),
    }


def _roots(folder: Path) -> tuple[bytes, ...]:
    found = _numbered(folder, "root")
    for expected, (version, _) in enumerate(found, start=1):
        if version != expected:
            message = f"there is no {root_path(expected)}, and there is {root_path(version)}"
            raise ConfigError(message, hint="every root in between is needed, in order")
    return tuple(raw for _, raw in found)


def _numbered(folder: Path, name: str) -> tuple[tuple[int, bytes], ...]:
    """(version, content) of every ``<version>.json``, in order."""
    place = folder / name
    names = [path.name for path in place.iterdir()] if place.is_dir() else []
    versions = sorted(int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name)))
    return tuple((version, read_beside(folder, f"{name}/{version}.json")) for version in versions)


def _state(folder: Path) -> bytes | None:
    return read_beside(folder, STATE_PATH) if os.path.lexists(folder / STATE_PATH) else None


def _pending(folder: Path) -> tuple[Pending, ...]:
    place = folder / FOLDER
    found: dict[str, Pending] = {}
    for name in _pending_names(folder):
        match = _PENDING.fullmatch(name)
        if match is None:
            message = f"got {FOLDER}{name}, expected root-N.json, policy-N.json or state-N.json"
            raise ConfigError(message, hint=f"remove {place / name}")
        pending = parse_pending(
            match[1], read_beside(folder, FOLDER + name), where=f"{FOLDER}{name}"
        )
        _check_name(pending, name, found.get(match[1]))
        found[match[1]] = pending
    return tuple(found[kind] for kind in TYPES if kind in found)


def _check_name(pending: Pending, name: str, other: Pending | None) -> None:
    if pending.path != FOLDER + name:
        message = f"got {pending.kind} version {pending.version}, in {FOLDER}{name}"
        raise ConfigError(message, hint=f"remove {FOLDER}{name} and prepare it again")
    if other is not None:
        message = f"got {other.path} and {pending.path}, expected one {pending.kind} at a time"
        raise ConfigError(message, hint=f"remove {other.path} if it was published or is not wanted")
