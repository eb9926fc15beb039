# SPDX-License-Identifier: Apache-2.0
"""What a push says that it would do, read from its own bytes before git reads them.

git hands refs to hooks as lines, and looks at their names only after the hook: a name that holds a
newline would be two refs there, one with a colon something else in a refspec. So they are read
here where each has its length (gitprotocol-pack(5), "Reference Update Request"), and a hook's
question counts only where it says the same (``receiving.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.refs import RefUpdate, is_ref_name
from hubpolicy.errors import MalformedError
from hubpolicy.flows.gate_push import BAD_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MOST_REFS = 1000
"""Of one push: all of them become arguments of one command, twice, and names are this long:"""
_LONGEST = 250
MOST_BYTES = 4 * 1024 * 1024
"""Of all commands together, with what a shallow clone says of its history's end."""
_LINE = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0]+)", re.DOTALL)
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_FLUSH = b"0000"
_SHALLOW = b"shallow "
_SIDEBAND = b"side-band-64k"
_SHOWN = 900


class Announced(NamedTuple):
    """The refs of a push, and what is wrong with them: then nobody may act on any.

    ``names`` are their bytes as they came, ``capabilities`` what the pusher understands.
    """

    updates: tuple[RefUpdate, ...]
    names: tuple[bytes, ...]
    capabilities: frozenset[bytes]
    fault: str = ""


def read_commands(body: BinaryIO) -> Announced:
    """The commands at the beginning of a push.

    Never raises for what is sent: ``fault`` says what is wrong with it.
    """
    names: list[bytes] = []
    updates: list[RefUpdate] = []
    known: frozenset[bytes] = frozenset()
    fault = ""
    body.seek(0)
    try:
        for line in _lines(body):
            command, _, offered = line.partition(b"\0")
            known = known or frozenset(offered.split())  # git says them once; more would pile up
            if command.startswith(_SHALLOW):  # where the pusher's history ends
                continue
            update = _update(command, len(updates))
            names.append(update.remote_ref.encode("utf-8", "surrogateescape"))
            updates.append(update)
        fault = next(filter(None, map(_wrong, names)), "") or _doubled(names)
    except MalformedError as error:
        fault = error.message
    return Announced(tuple(updates), tuple(names), known, fault)


def refusal(announced: Announced, text: str) -> bytes:
    """What git shows a pusher of whom nothing is taken: ``text``, and a no for every ref."""
    ended = b"".join(_packet(b"ng %s refused\n" % _plain(name)) for name in announced.names)
    report = _packet(b"unpack ok\n") + ended + _FLUSH
    if _SIDEBAND not in announced.capabilities:
        return report
    told = text.encode()
    said = b"".join(_packet(b"\2" + told[at : at + _SHOWN]) for at in range(0, len(told), _SHOWN))
    parts = (report[at : at + 60_000] for at in range(0, len(report), 60_000))
    return said + b"".join(_packet(b"\1" + part) for part in parts) + _FLUSH


def _lines(body: BinaryIO) -> Iterator[bytes]:
    """Each packet up to the flush, without the newline that may end it (git takes off one)."""
    left = MOST_BYTES
    while (length := body.read(4)) != _FLUSH:
        size = int(length, 16) - 4 if _HEX.fullmatch(length) else 0
        line = body.read(size) if size > 0 else b""
        left -= len(length) + len(line)
        if left < 0:
            message = f"got more than {MOST_BYTES} bytes of git's commands, expected at most that"
            raise MalformedError(message, hint="push them in several parts")
        if size <= 0 or len(line) != size:
            message = "got something else than git's commands, or not all of them"
            raise MalformedError(message)
        yield line.removesuffix(b"\n")


def _update(command: bytes, before: int) -> RefUpdate:
    found = _LINE.fullmatch(command)
    if found is None:
        message = f"got {_shown(command)}, expected '<oid> <oid> <ref>', in git's command"
        raise MalformedError(message)
    if before >= MOST_REFS:
        message = f"got more than {MOST_REFS} refs, expected at most that in one push"
        raise MalformedError(message, hint="push them in several parts")
    old, new = found[1].decode("ascii"), found[2].decode("ascii")
    ref = found[3].decode("utf-8", "surrogateescape")
    return RefUpdate(ref, new, ref, old)


def _wrong(name: bytes) -> str:
    if not is_ref_name(name.decode("utf-8", "surrogateescape")):
        return f"got {_shown(name)}: {BAD_NAME}"
    if len(name) > _LONGEST:
        return f"got {_shown(name)}, expected a name of {_LONGEST} bytes at most"
    return ""


def _doubled(names: list[bytes]) -> str:
    return "got one ref twice, expected each once" if len(set(names)) != len(names) else ""


def _shown(raw: bytes) -> str:
    return repr(raw[:200])[1:]


def _plain(name: bytes) -> bytes:
    """So that a name ends no line of the report."""
    return name.replace(b"\n", b"?")[:1000]


def _packet(content: bytes) -> bytes:
    return b"%04x%s" % (len(content) + 4, content)
