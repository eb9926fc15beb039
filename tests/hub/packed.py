# SPDX-License-Identifier: Apache-2.0
"""Bare repositories written as one pack each, without a git process: thousands take seconds.

The pack and its index are git's own formats, version 2 (gitformat-pack(5)); nothing is a delta.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.commits import _CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_AUTHOR = "ada <ada@users.noreply.localhost>"
_CORE = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


class _Packed(NamedTuple):
    """An object as it stands in a pack: its id, and its header with the deflated content."""

    oid: str
    entry: bytes


@lru_cache(maxsize=4096)
def _packed(kind: str, content: bytes) -> _Packed:
    oid = hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()
    size, header = len(content) >> 4, [(_KINDS[kind] << 4) | (len(content) & 15)]
    while size:
        header[-1] |= 0x80
        header.append(size & 0x7F)
        size >>= 7
    return _Packed(oid, bytes(header) + zlib.compress(content, 1))


class Growing:
    """One repository while it is filled; ``write`` puts it where a hub finds it."""

    def __init__(self) -> None:
        self._entries: dict[str, bytes] = {}
        self.refs: dict[str, str] = {}

    def commit(
        self, files: Mapping[str, bytes], parents: Iterable[str], when: int, title: str = "x"
    ) -> str:
        """A commit whose tree is exactly these files; returns its id. No ref moves."""
        lines = [f"tree {self._tree(files)}", *(f"parent {parent}" for parent in parents)]
        lines += [f"{who} {_AUTHOR} {when} +0000" for who in ("author", "committer")]
        return self._put("commit", ("\n".join(lines) + f"\n\n{title}\n").encode())

    def annotated(self, name: str, commit: str, when: int) -> str:
        """An annotated tag of a commit; returns the id of the tag itself."""
        text = (
            f"object {commit}\ntype commit\ntag {name}\ntagger {_AUTHOR} {when} +0000\n\n{name}\n"
        )
        return self._put("tag", text.encode())

    def write(self, folder: Path) -> None:
        """The bare repository, in a folder that is not there yet."""
        entries = sorted(self._entries.items())
        body = b"PACK" + struct.pack(">2I", 2, len(entries)) + b"".join(e for _, e in entries)
        pack = body + hashlib.sha1(body).digest()
        place = folder / "objects" / "pack"
        place.mkdir(parents=True)
        (folder / "refs").mkdir()
        name = f"pack-{pack[-20:].hex()}"
        (place / f"{name}.pack").write_bytes(pack)
        (place / f"{name}.idx").write_bytes(_index(entries, pack[-20:]))
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / "config").write_text(_CORE + _CONFIG)
        refs = "".join(f"{oid} {ref}\n" for ref, oid in sorted(self.refs.items()))
        (folder / "packed-refs").write_text(f"# pack-refs with: \n{refs}")

    def _put(self, kind: str, content: bytes) -> str:
        found = _packed(kind, content)
        self._entries[found.oid] = found.entry
        return found.oid

    def _tree(self, files: Mapping[str, bytes]) -> str:
        here: dict[str, str] = {}
        below: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = content
            else:
                here[name] = self._put("blob", content)
        rows = [(name.encode(), b"100644", oid) for name, oid in here.items()]
        rows += [(f"{n}/".encode(), b"40000", self._tree(inner)) for n, inner in below.items()]
        content = b"".join(
            mode + b" " + name.rstrip(b"/") + b"\0" + bytes.fromhex(oid)
            for name, mode, oid in sorted(rows)
        )
        return self._put("tree", content)


def _index(entries: list[tuple[str, bytes]], pack: bytes) -> bytes:
    """The pack's index: how many ids begin with at most each byte, ids, CRCs, offsets."""
    counts = [0] * 256
    for oid, _ in entries:
        counts[int(oid[:2], 16)] += 1
    offsets = accumulate((len(entry) for _, entry in entries[:-1]), initial=12)
    body = b"".join((
        b"\xfftOc", struct.pack(">I", 2), struct.pack(">256I", *accumulate(counts)),
        *(bytes.fromhex(oid) for oid, _ in entries),
        *(struct.pack(">I", zlib.crc32(entry)) for _, entry in entries),
        *(struct.pack(">I", offset) for offset, _ in zip(offsets, entries, strict=True)),
        pack,
    ))  # fmt: skip
    return body + hashlib.sha1(body).digest()
