# SPDX-License-Identifier: Apache-2.0
"""Which paths a commit may hold."""

from __future__ import annotations

from hubpolicy.demo.hub.wire import bad_request

MAX_PATH_BYTES = 1024


def checked_path(path: object) -> str:
    """Return the path.

    Raises:
        HubError: 400 for what git or a client's file system could not hold safely.
    """
    if not isinstance(path, str) or not path or len(path.encode(errors="replace")) > MAX_PATH_BYTES:
        msg = f"got {path!r}, expected a path, in path"
        raise bad_request(msg)
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        msg = f"got {path!r}, expected a relative path without . .. or .git, in path"
        raise bad_request(msg)
    if "\\" in path or any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in path):
        msg = f"got {path!r}, expected no backslash or control character, in path"
        raise bad_request(msg)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in path):
        msg = f"got {path!r}, expected valid Unicode, in path"
        raise bad_request(msg)
    return path
