# SPDX-License-Identifier: Apache-2.0
"""HP401: a path that cannot be bound, or that means something else on another machine."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import EVIDENCE_FOLDER, MODEL_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ID = "HP401"
TITLE = "every path is plain and relative"
SEVERITY = Severity.ERROR

# HFS+ ignores these code points in names, so ".g\u200cit" is ".git" there (git: utf8.c,
# next_hfs_char). The bidirectional controls among them also turn a printed name around.
HFS_IGNORED = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), 0xFEFF))
HFS_IGNORED.update(dict.fromkeys(range(0x206A, 0x2070)))
_BIDI = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_CONTROL = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))
_DOT_GIT = (".git", "git~1")
_SIGNATURE = MODEL_SIGNATURE.encode()
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/"
_ODD = ("/", ".", "-", MODEL_SIGNATURE)
_MOST_PARTS, _MOST_BYTES = 32, 1024
"""Every folder of a path is a name, too: without limits a list of some megabytes has gigabytes of
names. A path of more parts than that is longer than :data:`_SHORT`."""
_SHORT = 2 * _MOST_PARTS
_TOO_LARGE = f"has more than {_MOST_PARTS} parts or {_MOST_BYTES} bytes"
_RESERVED = (EVIDENCE_FOLDER.rstrip("/"), MODEL_SIGNATURE)


def refuse_path(path: bytes) -> str | None:
    """Why this path is refused, or None. ``path`` is relative, POSIX, as git or the disk has it.

    Refused (DESIGN.md §4): empty, not UTF-8, absolute, backslashes, control characters, parts that
    are empty, ``.``, ``..`` or ``.git`` in any spelling that NTFS or HFS+ takes for it. Besides: a
    dash in front (``sha256sum`` in the recipe of §4 would take it for an option), and look-alikes
    of the two places that are left out of a manifest, more than 32 parts, more than 1024 bytes.
    """
    # Whoever lives long must not keep in mind what strangers made long.
    return _TOO_LARGE if len(path) > _MOST_BYTES else _refuse_path(path)


@lru_cache(maxsize=1 << 16)
def _refuse_path(path: bytes) -> str | None:
    return None if _is_plain(path) else _refuse_slowly(path)


def _is_plain(path: bytes) -> bool:
    """A quick yes for nearly every path of a real release: 10,000 of them in 5 ms."""
    if path.translate(None, _PLAIN) or path[:1] in b"/.-" or path[-1:] in b"/.":
        return False
    if b"/." in path or b"./" in path or b"//" in path:
        return False
    if len(path) > _SHORT and _is_large(path):
        return False
    return path[: len(MODEL_SIGNATURE)].lower() != _SIGNATURE


def _is_large(path: bytes) -> bool:
    return len(path) > _MOST_BYTES or path.count(b"/") >= _MOST_PARTS


def refused_paths(paths: Sequence[str]) -> frozenset[str]:
    """Those that :func:`refuse_path` refuses; what is not UTF-8 comes as surrogates (PEP 383).

    One look at all of them together where they are as plain as those of most releases.
    """
    odd = [path for path in paths if path.startswith(_ODD)]
    if len(odd) < len(paths):
        rest = paths if not odd else [path for path in paths if not path.startswith(_ODD)]
        if not _are_plain(rest):
            odd = list(paths)
    slowly = ((path, path.encode("utf-8", "surrogateescape")) for path in odd)
    return frozenset(path for path, raw in slowly if refuse_path(raw) is not None)


def _are_plain(paths: Sequence[str]) -> bool:
    """True if :func:`_is_plain` holds for all of them, none of which begins with :data:`_ODD`."""
    text = "\n".join(("", *paths, "")).encode("utf-8", "surrogateescape")
    if text.count(b"\n") != len(paths) + 1 or text.translate(None, _PLAIN + b"\n"):
        return False
    if b"\n" + _SIGNATURE in text.lower():
        return False
    if any(_is_large(path.encode()) for path in paths if len(path) > _SHORT):
        return False
    return not any(mark in text for mark in (b"/.", b"./", b"//", b".\n", b"/\n", b"\n\n"))


def _refuse_slowly(path: bytes) -> str | None:
    if not path:
        return "is empty"
    if _is_large(path):
        return _TOO_LARGE
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    return _refuse_text(text) or _refuse_reserved(text) or _refuse_parts(text)


def check(paths: Iterable[bytes]) -> tuple[Finding, ...]:
    """One finding per refused path."""
    refused = ((path, refuse_path(path)) for path in paths)
    return tuple(_finding(path, reason) for path, reason in refused if reason)


def printable(path: bytes) -> str:
    """The path with everything that is not plain printable text escaped."""
    text = path.decode("utf-8", errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _finding(path: bytes, reason: str) -> Finding:
    shown = printable(path)
    message = f"got path {shown!r}, which {reason}; expected a plain relative POSIX path"
    return Finding(ID, SEVERITY, message, Location(shown), "rename or remove the file")


def _refuse_text(text: str) -> str | None:
    if text[0] == "/" or (text[1:2] == ":" and text[0].isascii() and text[0].isalpha()):
        return "is absolute"
    if "\\" in text:
        return "has a backslash"
    if text[0] == "-":
        return "begins with a dash, which programs take for an option"
    if text.isascii() and text.isprintable():
        return None
    if not _CONTROL.isdisjoint(text):
        return "has a control character"
    if not _BIDI.isdisjoint(text):
        return "has a character that reverses printed text"
    return None


def _refuse_reserved(text: str) -> str | None:
    # On a case-insensitive disk ".HubPolicy/x" lands in the folder that no digest covers.
    first = text.partition("/")[0]
    folded = _plain(first).rstrip(". ")
    if first not in _RESERVED and folded in _RESERVED:
        return f"is {folded!r} on some file systems"
    return None


def _refuse_parts(text: str) -> str | None:
    for part in text.split("/"):
        if not part:
            return "has an empty part"
        if part in {".", ".."}:
            return f"has the part {part!r}"
        # Windows drops trailing dots and spaces; ":" starts an NTFS stream (git: is_ntfs_dotgit).
        plain = _plain(part)
        stem = plain.partition(":")[0].rstrip(". ")
        if not stem and not plain.startswith(":"):
            return "has a part of only dots and spaces"
        if stem in _DOT_GIT:
            return "has a part that is '.git' on some file systems"
    return None


def _plain(part: str) -> str:
    return part.lower() if part.isascii() else part.translate(HFS_IGNORED).casefold()
