# SPDX-License-Identifier: Apache-2.0
"""Reads files that others wrote, whole, and only if they are of a sane size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from pathlib import Path


def read_bounded(path: Path, limit: int, shown: str) -> bytes:
    """All of a file of at most ``limit`` bytes; ``shown`` is what messages call it.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: it is larger.

    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        message = f"cannot read {shown}: {error.strerror}"
        raise ServiceError(message) from error
    if len(content) > limit:
        message = f"got more than {limit} bytes, in {shown}"
        raise MalformedError(message)
    return content
