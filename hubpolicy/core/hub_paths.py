# SPDX-License-Identifier: Apache-2.0
"""The path of a request to a hub: split first, decoded once, and then plain, or refused.

Two servers that read one path differently are how a gate is walked around (RFC 3986 §3.3, §6.2.2):
what is empty, a dot, encoded twice, or has a slash where a name must stand, is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoType

KINDS: dict[str, RepoType] = {"models": "model", "datasets": "dataset", "spaces": "space"}

_RAW = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_REVISION = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\@{};]+(?:@[^\x00-\x20\x7f~^:?*\[\\@{};]+)*")
_PATH_LIMIT = 8192


def segments(path: str) -> tuple[str, ...]:
    """The parts of a percent-encoded path, each decoded once.

    Raises:
        MalformedError: the path could mean two things.

    """
    if len(path) > _PATH_LIMIT or not _RAW.fullmatch(path):
        message = "the path is too long, or has characters that no path has"
        raise MalformedError(message)
    if path == "/":
        return ()
    return tuple(_decoded(part) for part in path[1:].split("/"))


def _decoded(part: str) -> str:
    if "%" not in part and part not in {"", ".", ".."}:  # what _RAW allows is plain already
        return part
    if part.count("%") != len(_ENCODED.findall(part)):
        message = f"got {part[:80]!r}, whose percent signs encode nothing, in the path"
        raise MalformedError(message)
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        message = f"got {part[:80]!r}, which is no UTF-8, in the path"
        raise MalformedError(message) from None
    pieces = text.split("/")
    plain = not _CONTROL.search(text) and not _ENCODED.search(text)
    if not plain or any(piece in {"", ".", ".."} for piece in pieces):
        message = f"got {part[:80]!r}, expected a plain part, in the path"
        raise MalformedError(message)
    return text


def match(pattern: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, str] | None:
    """Named parts of a path that has this pattern, else None. Both have as many parts.

    ``{rev}`` may hold slashes (they were encoded); every other ``{name}`` is one plain part.
    ``{name}.git`` takes the ending off.
    """
    found = {}
    for want, part in zip(pattern, parts, strict=True):
        if not want.startswith("{"):
            if want != part:
                return None
            continue
        name, _, ending = want[1:].partition("}")
        if not part.endswith(ending) or ("/" in part and name != "rev"):
            return None
        found[name] = part.removesuffix(ending)
    return found


def revision(text: str) -> str:
    """A revision that git could have (``git-check-ref-format``), and no expression.

    Raises:
        MalformedError: it is none.

    """
    if not _REVISION.fullmatch(text) or ".." in text or text.endswith((".lock", "/", ".")):
        message = f"got revision {text[:80]!r}, expected a branch, tag, ref or commit"
        raise MalformedError(message)
    return text


def repo_of(parts: tuple[str, ...], endpoint: str) -> RepoId | None:
    """The repository that a path is about, if it names one as the hub's own pages do."""
    kind, rest = "models", parts
    if parts[:1] == ("api",):
        kind, rest = (parts[1], parts[2:]) if len(parts) > 3 else ("", ())
    elif parts and parts[0] in KINDS:
        kind, rest = parts[0], parts[1:]
    return _named(rest, kind, endpoint) if len(rest) > 1 and kind in KINDS else None


def _named(rest: tuple[str, ...], kind: str, endpoint: str) -> RepoId | None:
    try:
        name = rest[1].removesuffix(".git")
        return parse_repo_id(f"{rest[0]}/{name}", endpoint=endpoint, repo_type=KINDS[kind])
    except MalformedError:
        return None
