# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schemas, shipped as package data."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> bytes:
    """The schema file of that name, for example ``card.v1.schema.json``.

    Raises:
        FileNotFoundError: there is no such schema.

    """
    return (files(__name__) / name).read_bytes()
