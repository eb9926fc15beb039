# SPDX-License-Identifier: Apache-2.0
"""``.gitattributes`` as the Hub will have it, so that what is judged is what will stand there.

The Hub stores large and binary files by Git LFS, and adds a line to ``.gitattributes`` for each
that no pattern covers. A release would then differ from what was signed by that one file; so the
lines are added before anything is signed. Patterns are git's own business: git is asked.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_process import open_git
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.ports import ReleaseReader

NAME = ".gitattributes"
_LFS = "filter=lfs diff=lfs merge=lfs -text"


def missing_lines(reader: ReleaseReader, content: bytes) -> bytes:
    """The lines that the Hub would add to ``content`` for the files of this release."""
    binary = [
        entry.path
        for entry in reader.manifest.entries
        if entry.size > GIT_BLOB_LIMIT or is_binary(reader.head(entry.path))
    ]
    tracked = _tracked(content, binary)
    lines = [f"{_pattern(path)} {_LFS}\n" for path in binary if path not in tracked]
    separator = b"" if not content or content.endswith(b"\n") or not lines else b"\n"
    return separator + "".join(lines).encode()


def is_binary(head: bytes) -> bool:
    """True if the first bytes are no UTF-8 text; a character cut off at their end is no reason."""
    if b"\0" in head:
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(head) - 3 or error.reason != "unexpected end of data"
    return False


def _tracked(content: bytes, paths: Sequence[str]) -> frozenset[str]:
    """Those paths that a tree with this ``.gitattributes`` hands to Git LFS."""
    if not paths:
        return frozenset()
    with tempfile.TemporaryDirectory(prefix="hubpolicy-attributes-") as scratch:
        git = open_git(scratch, os.environ)
        git.run("init", "--quiet")
        (Path(scratch) / NAME).write_bytes(content)
        stdin = "".join(f"{path}\0" for path in paths).encode()
        fields = git.run("check-attr", "-z", "--stdin", "filter", stdin=stdin).decode().split("\0")
    triples = zip(fields[0::3], fields[2::3], strict=False)
    return frozenset(path for path, value in triples if value == "lfs")


def _pattern(path: str) -> str:
    """A pattern for exactly this path (gitattributes(5): quote what is not plain)."""
    escaped = "".join(f"\\{char}" if char in "*?[\\" else char for char in path)
    if escaped[0] in "#!":
        escaped = f"\\{escaped}"
    if not any(char.isspace() or char == '"' for char in escaped):
        return escaped
    body = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{body}"'
