# SPDX-License-Identifier: Apache-2.0
"""What a link of a card points at: the web, a file of the release, or the author's own machine."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple
from urllib.parse import unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_LOCAL_HOST = re.compile(
    r"https?://(?:localhost|127(?:\.[0-9]{1,3}){3}|0\.0\.0\.0|\[::1\])(?:[:/]|$)", re.IGNORECASE
)
_HOMES = ("/home/", "/users/", "/root/", "/mnt/", "/tmp/", "/content/", "~/")  # noqa: S108
_OPENABLE = ("http:", "https:", "mailto:", "ftp:", "doi:", "tel:", "hf:")


class Relative(NamedTuple):
    """A path from the release's root. Empty for a place in the card itself."""

    path: str

    def leads_into(self, places: frozenset[str]) -> bool:
        """True for one of the places, or for a heading of the card itself."""
        return not self.path or self.path in places


Target = Relative | Literal["web", "site", "local", "script"]
"""``site`` is an absolute path on the Hub; ``script`` any scheme that no reader opens."""


def places(paths: frozenset[str]) -> frozenset[str]:
    """All files of the release and all folders that hold one."""
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    return paths | folders


def target_of(link: str) -> Target:
    """What a link's target means when README.md stands at the release's root."""
    lower = link.strip().lower()
    if _LOCAL_HOST.match(lower) or _DRIVE.match(link) or lower.startswith(("file:", *_HOMES)):
        return "local"
    if lower.startswith("//") or lower.startswith(_OPENABLE):
        return "web"
    if _SCHEME.match(lower):
        return "script"
    if lower.startswith("/"):
        return "site"
    return Relative(_resolved(link))


def _resolved(link: str) -> str:
    path = unquote(re.split(r"[?#]", link, maxsplit=1)[0], errors="replace")
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
