# SPDX-License-Identifier: Apache-2.0
"""Where withdrawals are kept: one folder each, with what stood there before anything was changed.

``withdrawal.json`` is written last: where it stands, all that it speaks of stands beside it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.core.withdrawal import parse_withdrawal, withdrawal_bytes
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hubpolicy.core.withdrawal import Withdrawal
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.release import RepoId

RECORD = "withdrawal.json"
ADVISORY = "advisory.md"
NEWER = "advisory.new.md"
STEPS = "steps.json"
_DRAFTED = ".drafted"
"""Hex sha256 of the advisory as it was drafted."""
_LIMIT = 64 * 1024 * 1024


class Opened(NamedTuple):
    """A withdrawal that was begun before."""

    folder: Path
    record: Withdrawal


def find(
    base: Path,
    repo: RepoId,
    *,
    oid: str = "",
    revision: str = "",
    like: Withdrawal | None = None,
) -> Opened | None:
    """The newest one of that repository: of that commit, else of what was asked for by name.

    A name comes to mean other commits: with ``like``, only one that revokes all of what that does,
    and no other weight files.

    One that cannot be read is passed over: a withdrawal does not wait for an older one's damage.
    """
    newest: Opened | None = None
    for opened in _all(base, repo):
        record = opened.record
        same = record.oid == oid if oid else record.revision == revision
        if like is not None:
            same = same and record.covers(like)
        if same and (newest is None or record.asked > newest.record.asked):
            newest = opened
    return newest


def begin(base: Path, record: Withdrawal, files: Iterable[EvidenceFile]) -> Opened:
    """A new folder with the files and the record.

    Raises:
        ServiceError: the disk refuses; nothing was changed anywhere.

    """
    stamp = record.asked.translate({ord(char): None for char in "-:"})
    # Two copies within one second are two folders.
    name = record.oid[:12] or f"copy-{record.digest[:12]}"
    folder = base / f"{_prefix(record.repo)}{name}.{stamp}"
    for file in files:
        write_atomic(folder / "evidence" / file.path, file.content)
    write_atomic(folder / RECORD, withdrawal_bytes(record))
    return Opened(folder, record)


def write_advisory(folder: Path, text: str) -> Path:
    """Put the draft there; one that somebody edited since is left alone, and the new one beside it.

    Raises:
        ServiceError: the disk refuses; what stood there still stands.

    """
    content = text.encode()
    path, mark = folder / ADVISORY, folder / _DRAFTED
    try:
        edited = path.is_file() and _digest(path.read_bytes()) != mark.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        edited = True
    if edited:
        write_atomic(folder / NEWER, content)
        return folder / NEWER
    # The mark first: stopped in between, the older draft counts as edited and is kept.
    write_atomic(mark, f"{_digest(content)}\n".encode())
    write_atomic(path, content)
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _all(base: Path, repo: RepoId) -> Iterator[Opened]:
    try:
        names = sorted(path.name for path in base.iterdir()) if base.is_dir() else []
    except OSError as error:
        message = f"cannot read {base}: {error.strerror}"
        raise ServiceError(message, hint="hubpolicy withdraw ... --keep DIR") from error
    for name in names:
        path = base / name / RECORD
        if not name.startswith(_prefix(repo)) or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                record = parse_withdrawal(file.read(_LIMIT + 1), where=str(path))
        except (OSError, ConfigError):
            continue
        if record.repo.purl == repo.purl:
            # It names the hub; the way there, which may be a gateway, is today's.
            yield Opened(path.parent, record._replace(repo=repo))


def _prefix(repo: RepoId) -> str:
    return f"{repo.namespace}__{repo.name}."
