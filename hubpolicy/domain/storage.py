# SPDX-License-Identifier: Apache-2.0
"""What a hub keeps of a repository beside its commits."""

from __future__ import annotations

from typing import NamedTuple


class StoredObject(NamedTuple):
    """One object of a repository's Git LFS storage.

    ``digests``: hex sha256, first the one that is shown. ``name`` is a file name that the hub once
    saw it under, or empty, and ``pushed`` when it came (ISO 8601), both by the hub's word.
    """

    digests: tuple[str, ...]
    size: int
    name: str
    pushed: str
