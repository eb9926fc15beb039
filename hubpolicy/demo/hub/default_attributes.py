# SPDX-License-Identifier: Apache-2.0
"""The ``.gitattributes`` that the Hub puts into a new repo."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def default_attributes() -> bytes:
    """Return the file's content (git blob a6344aac8c09253b3b630fb776ae94478aa0275b)."""
    asset = files("hubpolicy").joinpath("assets", "hub", "gitattributes.txt")
    return asset.read_bytes()
