# SPDX-License-Identifier: Apache-2.0
"""What git says on the standard input of pre-push and pre-receive hooks (githooks(5))."""

from __future__ import annotations

import re

from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import MalformedError

_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")


_NAME = re.compile(r"refs/[!-~]+")
_NEVER = re.compile(r"[ ~^:?*\[\\]|//|/\.|\.\.|@\{|\.lock(?:/|$)|[./]$")


def is_ref_name(name: str) -> bool:
    """True for a full ref name that git takes (git-check-ref-format(1)), in printable ASCII.

    git itself looks at a name only after its pre-receive hook: who acts on one there asks here.
    """
    return _NAME.fullmatch(name) is not None and _NEVER.search(name) is None


class RefUpdate(NamedTuple):
    """One line: git's own four columns. Object ids are 40 or 64 hex digits."""

    local_ref: str
    local_oid: str
    remote_ref: str
    remote_oid: str

    @property
    def deletes(self) -> bool:
        """True if the remote ref would be removed."""
        return set(self.local_oid) == {"0"}

    @property
    def creates(self) -> bool:
        """True if the remote has no such ref yet."""
        return set(self.remote_oid) == {"0"}


class Push(NamedTuple):
    """All that one ``git push`` wants to do to one remote."""

    remote: str
    url: str
    updates: tuple[RefUpdate, ...]


def parse_push(remote: str, url: str, stdin: bytes) -> Push:
    """Parse every line of standard input.

    The local ref may hold spaces (``HEAD@{1 second ago}``), so lines are split from the right.

    Raises:
        MalformedError: a line does not have four columns with well-formed object ids.

    """
    text = stdin.decode("utf-8", errors="surrogateescape")
    lines = [line for line in text.split("\n") if line]
    return Push(remote, url, tuple(_parse_line(n, line) for n, line in enumerate(lines, start=1)))


def parse_received(stdin: bytes) -> Push:
    """What git says on a pre-receive hook's standard input: ``<old oid> <new oid> <ref>``.

    Raises:
        MalformedError: a line does not have three columns with well-formed object ids.

    """
    text = stdin.decode("utf-8", errors="surrogateescape")
    updates = []
    for number, line in enumerate((line for line in text.split("\n") if line), start=1):
        parts = line.split(" ", 2)
        if len(parts) != 3 or not all(_OID.fullmatch(part) for part in parts[:2]) or not parts[2]:
            message = f"got {line[:200]!r}, expected '<oid> <oid> <ref>', "
            raise MalformedError(message + f"in line {number} of git's pre-receive input")
        old, new, ref = parts
        updates.append(RefUpdate(ref, new, ref, old))
    return Push("", "", tuple(updates))


def _parse_line(number: int, line: str) -> RefUpdate:
    parts = line.rsplit(" ", 3)
    if len(parts) != 4 or not _OID.fullmatch(parts[1]) or not _OID.fullmatch(parts[3]):
        message = f"got {line[:200]!r}, expected '<local ref> <oid> <remote ref> <oid>', "
        raise MalformedError(message + f"in line {number} of git's pre-push input")
    return RefUpdate(*parts)
