# SPDX-License-Identifier: Apache-2.0
"""Where signed lines stand in a release: one bundle per line, approvals named by their payload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.strictjson import BYTES_LIMIT
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.domain.manifest import EvidenceFile

RELEASE_FILE = ".hubpolicy/release.intoto.jsonl"
APPROVALS = ".hubpolicy/approvals/"
LINES_LIMIT = 4096
WHITE_LIMIT = 4096
"""Bytes of white space in one line: a bundle may be indented anew, but is no place to hide."""

_WHITE = (b" ", b"\t", b"\r")
_APPROVAL = re.compile(re.escape(APPROVALS) + r"([0-9a-f]{64})\.jsonl")


def approval_path(payload_sha256: str) -> str:
    """Where an approval goes: one file each, so that approvers never conflict."""
    return f"{APPROVALS}{payload_sha256}.jsonl"


def approval_name(path: str) -> str | None:
    """The payload digest that an approvals file is named by, or None for another file."""
    match = _APPROVAL.fullmatch(path)
    return None if match is None else match[1]


def lines(
    files: tuple[EvidenceFile, ...], found: list[Finding]
) -> Iterator[tuple[str, int, bytes]]:
    """(path, line number from 1, bytes) of every line, in the order of the paths.

    A file of another name among the approvals, or a file over the limits, is not read: that is
    an HP302 appended to ``found``.
    """
    for path, content in sorted(files):
        if path != RELEASE_FILE and not path.startswith(APPROVALS):
            continue
        if path != RELEASE_FILE and approval_name(path) is None:
            found.append(_unread(path, "<payload sha256>.jsonl"))
        elif len(content) > BYTES_LIMIT or content.count(b"\n") > LINES_LIMIT:
            found.append(_unread(path, f"at most {BYTES_LIMIT} bytes in {LINES_LIMIT} lines"))
        else:
            for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), start=1):
                if sum(map(line.count, _WHITE)) > WHITE_LIMIT:
                    expected = f"at most {WHITE_LIMIT} bytes of white space in a line"
                    found.append(_unread(path, expected, number))
                else:
                    yield path, number, line


def _unread(path: str, expected: str, number: int = 0) -> Finding:
    what, where = ("line", f"{path} line {number}") if number else ("file", path)
    message = f"got a {what} that is not read, expected {expected}, in {where}"
    hint = "hubpolicy attest PATH writes it anew"
    return Finding("HP302", Severity.ERROR, message, Location(path, number), hint)
