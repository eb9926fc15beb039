# SPDX-License-Identifier: Apache-2.0
"""HP403: two names that are one file on a case-insensitive or normalising file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp401 import HFS_IGNORED
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP403"
TITLE = "no two paths are one name"
SEVERITY = Severity.ERROR


def twins(paths: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of names that fold to one (NFC + casefold), sorted; each later name comes once.

    Folders count: ``a/x`` and ``A/y`` meet in one folder, reported as ``("A", "a")``. A pair of
    equal names is a path that is listed twice, or that is a file and a folder at once.
    """
    listed = tuple(paths)
    files = set(listed)
    twice: set[str] = set()
    if len(files) < len(listed):
        seen: set[str] = set()
        for path in listed:
            (twice if path in seen else seen).add(path)
    folders = _folders(files)
    if not twice and files.isdisjoint(folders) and _are_plainly_distinct(files | folders):
        return ()
    first_of: dict[str, str] = {}
    pairs = [(name, name) for name in twice | (files & folders)]
    for name in sorted(files | folders):
        first = first_of.setdefault(fold(name), name)
        if first != name:
            pairs.append((first, name))
    return tuple(sorted(pairs))


def _are_plainly_distinct(names: set[str]) -> bool:
    return "".join(names).isascii() and len(set(map(str.lower, names))) == len(names)


def fold(name: str) -> str:
    """The key under which two names are twins (Unicode D145: canonical caseless matching)."""
    if name.isascii():
        return name.lower()
    # Most releases are ASCII; the hook's path should not load the Unicode tables for them.
    import unicodedata

    plain = unicodedata.normalize("NFD", name.translate(HFS_IGNORED))
    return unicodedata.normalize("NFC", plain.casefold())


def check(paths: Iterable[str]) -> tuple[Finding, ...]:
    """One finding per pair of twins."""
    return tuple(_finding(first, second) for first, second in twins(paths))


def _folders(files: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in {path.rpartition("/")[0] for path in files}:
        parent = path
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


def _finding(first: str, second: str) -> Finding:
    if first == second:
        message = f"{first!r} is listed twice or is a file and a folder at once"
    else:
        message = f"{first!r} and {second!r} are twins: one name where case or Unicode form is lost"
    return Finding(ID, SEVERITY, message, Location(second), "rename or remove one of them")
