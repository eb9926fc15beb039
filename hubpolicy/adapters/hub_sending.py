# SPDX-License-Identifier: Apache-2.0
"""The judged bytes, and no others, in the hands of the official client (docs/adr/0017).

Small files are read whole, compared with their digest, and sent from memory. A large file was
hashed when it was judged, and is not hashed again where the hub addresses it by that digest: then
it only has to be the very file that it was. Where the client hashes while it sends (Xet), that
digest counts.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import CommitOperationAdd, constants
from huggingface_hub.utils._runtime import is_xet_available

from hubpolicy.adapters.hashing import stamp_of
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from hubpolicy.ports import Outgoing


def uses_xet() -> bool:
    """True if the client will send large files by Xet, which hashes what it sends."""
    return is_xet_available() and not constants.HF_HUB_DISABLE_XET


def addition(file: Outgoing, *, hashing: bool = False) -> CommitOperationAdd:
    """What the client is to send. ``hashing``: it will hash what it sends by itself.

    Raises:
        ServiceError: the file is not what was judged any more.

    """
    source = file.source
    if isinstance(source, str) and file.size <= GIT_BLOB_LIMIT:
        source = _small(file, source)
    if isinstance(source, str):
        _require_same(file, source)
    operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=source)
    if isinstance(source, str) and file.stamp is not None and not hashing:
        operation.upload_info.sha256 = bytes.fromhex(file.sha256)
    elif isinstance(source, bytes) or not hashing:
        _require_digest(file, operation)
    return operation


def require_sent(file: Outgoing, operation: CommitOperationAdd) -> None:
    """Before a commit names it: what was sent is what was judged.

    Raises:
        ServiceError: the file changed while it was being sent.

    """
    if isinstance(operation.path_or_fileobj, str):
        _require_same(file, operation.path_or_fileobj)
    _require_digest(file, operation)


def _small(file: Outgoing, source: str) -> bytes:
    with Path(source).open("rb") as handle:
        content = handle.read(GIT_BLOB_LIMIT + 1)
    if len(content) != file.size:
        raise _changed(file)
    return content


def _require_digest(file: Outgoing, operation: CommitOperationAdd) -> None:
    if operation.upload_info.sha256.hex() != file.sha256:
        raise _changed(file)


def _require_same(file: Outgoing, source: str) -> None:
    """The same file, untouched since it was hashed: inode, size, and both times."""
    try:
        seen = os.stat(source)  # noqa: PTH116 - a Hub cache's files are links to them
    except OSError as error:
        raise _changed(file) from error
    if not stat.S_ISREG(seen.st_mode) or seen.st_size != file.size:
        raise _changed(file)
    if file.stamp is not None and stamp_of(seen) != file.stamp:
        raise _changed(file)


def _changed(file: Outgoing) -> ServiceError:
    message = f"{file.path} changed while it was being published; no commit names it"
    return ServiceError(message, hint="push again: the new bytes are judged first")
