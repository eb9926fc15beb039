# SPDX-License-Identifier: Apache-2.0
"""The hook scripts, as files: ``hubpolicy hook install`` fills in and copies them."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> bytes:
    """The template of a hook, by git's name for it.

    Raises:
        FileNotFoundError: there is none of that name.

    """
    return files(__name__).joinpath(name).read_bytes()
