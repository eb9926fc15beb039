# SPDX-License-Identifier: Apache-2.0
"""Writes a scorer's digest into the text of a ``hubpolicy.toml``, and changes nothing else."""

from __future__ import annotations

import re

from hubpolicy.core.toml_table import read_toml
from hubpolicy.errors import ConfigError

TABLE = "lock"
PREFIX = "sha256:"
_HEADER = re.compile(r"^[ \t]*\[[ \t]*lock[ \t]*\][ \t]*(#.*)?$")
_ANY_HEADER = re.compile(r"^[ \t]*\[")


def lock_line(name: str, sha256: str) -> str:
    """The line of the table ``[lock]``."""
    return f'"{name}" = "{PREFIX}{sha256}"'


def write_lock(text: str, name: str, sha256: str, *, where: str) -> str:
    """The policy's text with that digest in its table ``[lock]``; comments and order stay.

    Raises:
        ConfigError: it is no TOML, or is written in a way that cannot be edited by lines.

    """
    before = _load(text, where)
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if _HEADER.match(line)), None)
    if start is None:
        lines += ["", f"[{TABLE}]", lock_line(name, sha256)]
    else:
        tail = range(start + 1, len(lines))
        end = next((at for at in tail if _ANY_HEADER.match(lines[at])), len(lines))
        key = re.compile(rf"""^[ \t]*["']?{re.escape(name)}["']?[ \t]*=""")
        old = next((at for at in range(start + 1, end) if key.match(lines[at])), None)
        if old is None:
            lines.insert(start + 1, lock_line(name, sha256))
        else:
            lines[old] = lock_line(name, sha256)
    written = "\n".join(lines) + "\n"
    wanted = {**before, TABLE: {**_table(before), name: f"{PREFIX}{sha256}"}}
    # Whatever TOML can do that lines cannot: never write what means something else.
    if _load(written, where) != wanted:
        message = f"got a [{TABLE}] that cannot be edited line by line, in {where}"
        raise ConfigError(message, hint=f"write it by hand: {lock_line(name, sha256)}")
    return written


def _load(text: str, where: str) -> dict[str, object]:
    try:
        document = read_toml(text.encode(), where=where)
    except ConfigError as error:
        error.hint = "hubpolicy policy check"
        raise
    _table(document)
    return document


def _table(document: dict[str, object]) -> dict[str, object]:
    lock = document.get(TABLE, {})
    if not isinstance(lock, dict):
        message = f"got {TABLE} = {lock!r:.80}, expected a table of digests"
        raise ConfigError(message, hint="hubpolicy policy check")
    return lock
