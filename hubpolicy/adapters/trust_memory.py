# SPDX-License-Identifier: Apache-2.0
"""Keeps what this client has seen of trust (``~/.local/state/hubpolicy/trust-seen.json``).

Not responsible for what is older than what; ``core/memory.py`` is.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.adapters.home import read_config
from hubpolicy.core.memory import memory_bytes, parse_memory
from hubpolicy.core.strictjson import BYTES_LIMIT
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.adapters.home import Home
    from hubpolicy.core.memory import Seen

MEMORY_FILE = "trust-seen.json"
_LOCK = "trust.lock"


def read_memory(home: Home) -> tuple[Seen, ...]:
    """What was seen; nothing where there is no such file.

    Raises:
        ConfigError: it is damaged.
        ServiceError: it cannot be read.

    """
    path = Path(home.state) / MEMORY_FILE
    if not os.path.lexists(path):
        return ()
    return parse_memory(read_config(str(path), BYTES_LIMIT), where=str(path))


def write_memory(home: Home, memory: tuple[Seen, ...]) -> None:
    """Keep it, whole or not at all.

    Raises:
        ServiceError: the disk is full, or a permission is missing.

    """
    write_atomic(Path(home.state) / MEMORY_FILE, memory_bytes(memory), 0o600)


@contextmanager
def trust_lock(home: Home) -> Iterator[None]:
    """One process at a time changes what is trusted here.

    Raises:
        ServiceError: another one does; or the folder cannot be made.

    """
    try:
        Path(home.state).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(Path(home.state) / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"got {error.strerror!r}, expected a folder to write to, at {home.state}"
        raise ServiceError(message, hint="check who owns your home directory") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        message = "another hubpolicy changes what is trusted here at this moment"
        raise ServiceError(message, hint="try again") from error
    try:
        yield
    finally:
        os.close(descriptor)
