# SPDX-License-Identifier: Apache-2.0
"""``.gitattributes`` as the Hub will have it, so that what is judged is what will stand there.

The Hub stores large and binary files by Git LFS, and adds a line to ``.gitattributes`` for each
that no pattern covers. A release would then differ from what was signed by that one file; so the
lines are added before anything is signed. Patterns are git's own business: git is asked, in an
empty repository and without the user's configuration, which the Hub does not have either.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.core.evidence_files import RECORDS_FOLDER
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.manifest import (
    GIT_BLOB_LIMIT,
    MODEL_SIGNATURE,
    Entry,
    Manifest,
    git_blob_id,
    make_manifest,
)
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.ports import ReleaseReader

NAME = ".gitattributes"
_IGNORE = ".gitignore"
_LFS = "filter=lfs diff=lfs merge=lfs -text"
_RECORDS = f"{RECORDS_FOLDER}*.jsonl.gz"
_SMALL = 1024 * 1024
_NAMED = 150
"""Bytes of a file's digests in a statement, its path apart."""
_NOBODYS = ("-c", f"core.attributesFile={os.devnull}", "-c", f"core.excludesFile={os.devnull}")


class Completed:
    """A release whose ``.gitattributes`` says all that the Hub would add; nothing is written yet.

    Implements :class:`hubpolicy.ports.ReleaseReader`. ``content`` is what must be written to the
    folder before this is what stands there.
    """

    def __init__(self, reader: ReleaseReader, content: bytes) -> None:
        self._reader = reader
        self.content = content

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file, ``.gitattributes`` as it will be."""
        digest = hashlib.sha256(self.content).hexdigest()
        blob = git_blob_id(self.content) if len(self.content) <= GIT_BLOB_LIMIT else None
        others = [entry for entry in self._reader.manifest.entries if entry.path != NAME]
        return make_manifest([*others, Entry(NAME, len(self.content), digest, blob)])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of the folder."""
        return self._reader.findings

    def read(self, path: str) -> bytes:
        """A small file's content."""
        return self.content if path == NAME else self._reader.read(path)

    def head(self, path: str) -> bytes:
        """The first 512 bytes of a file."""
        return self.content[:512] if path == NAME else self._reader.head(path)

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        """Those of the folder."""
        return self._reader.evidence_files()


def completed(reader: ReleaseReader, default: bytes) -> Completed | None:
    """The release with the lines that the Hub would add, or None if none are missing.

    Nothing is added to nothing: an empty folder stays one. ``default`` is what the Hub puts into
    a new repository: it stands where there is no file yet.
    """
    if not reader.manifest.entries:
        return None
    here = any(entry.path == NAME for entry in reader.manifest.entries)
    content = reader.read(NAME) if here else default
    lines = missing_lines(reader, content)
    return Completed(reader, content + lines) if lines or not here else None


def missing_lines(reader: ReleaseReader, content: bytes) -> bytes:
    """The lines that the Hub would add to ``content`` for the files of this release."""
    binary = [
        entry.path
        for entry in reader.manifest.entries
        if entry.size > GIT_BLOB_LIMIT or _begins_binary(reader, entry.path)
    ]
    # The names of packed records are digests that change with every run: one pattern for all.
    packed = [f.path for f in reader.evidence_files() if is_binary(f.content[:512])]
    nested = {
        entry.path: reader.read(entry.path)
        for entry in reader.manifest.entries
        if entry.path.endswith(f"/{NAME}") and entry.size <= _SMALL
    }
    packed += [path for path in _large_evidence(reader) if path not in packed]
    tracked = _tracked({**nested, NAME: content}, [*binary, *packed])
    patterns = [_pattern(path) for path in binary if path not in tracked]
    patterns += [
        _RECORDS if path.startswith(RECORDS_FOLDER) else _pattern(path)
        for path in packed
        if path not in tracked
    ]
    present = set(content.splitlines())
    lines = [line for line in dict.fromkeys(f"{p} {_LFS}".encode() for p in patterns)
             if line not in present]  # fmt: skip
    separator = b"" if not content or content.endswith(b"\n") or not lines else b"\n"
    return separator + b"".join(line + b"\n" for line in lines)


def ignored(reader: ReleaseReader) -> tuple[str, ...]:
    """Files of the release that its own ``.gitignore`` leaves out: the Hub would not take them."""
    paths = [entry.path for entry in reader.manifest.entries]
    if _IGNORE not in paths:
        return ()
    with _scratch({_IGNORE: reader.read(_IGNORE)}) as git:
        try:
            out = git.run(
                *_NOBODYS, "check-ignore", "--no-index", "-z", "--stdin", stdin=_joined(paths)
            )
        except GitRefusedError as error:
            if error.code != 1:
                raise
            return ()
    return tuple(sorted(set(out.decode().split("\0")) - {""}))


def is_binary(head: bytes) -> bool:
    """True if the first bytes are no UTF-8 text; a character cut off at their end is no reason."""
    if b"\0" in head:
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"
    return False


def _large_evidence(reader: ReleaseReader) -> list[str]:
    """Evidence about very many files is more than git takes, and is not written yet.

    Reckoned from above: every line may name every file, in base64; three lines at most do so where
    it matters. A pattern that was not needed does no harm.
    """
    named = sum(len(entry.path.encode()) + _NAMED for entry in reader.manifest.entries) * 4 // 3
    large = [RELEASE_FILE] if 3 * named > GIT_BLOB_LIMIT else []
    return [*large, MODEL_SIGNATURE] if named > GIT_BLOB_LIMIT else large


def _begins_binary(reader: ReleaseReader, path: str) -> bool:
    """What is not at hand is in Git LFS already, so that it was large or binary."""
    try:
        return is_binary(reader.head(path))
    except ServiceError:
        return True


def _tracked(attributes: Mapping[str, bytes], paths: Sequence[str]) -> frozenset[str]:
    """Those paths that a tree with these attributes files hands to Git LFS."""
    if not paths:
        return frozenset()
    with _scratch(attributes) as git:
        out = git.run(*_NOBODYS, "check-attr", "-z", "--stdin", "filter", stdin=_joined(paths))
    fields = out.decode().split("\0")
    triples = zip(fields[0::3], fields[2::3], strict=False)
    return frozenset(path for path, value in triples if value == "lfs")


@contextmanager
def _scratch(files: Mapping[str, bytes]) -> Iterator[Git]:
    """An empty repository with these files in it, and nothing of the user's around it."""
    with tempfile.TemporaryDirectory(prefix="hubpolicy-attributes-") as folder:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        git = open_git(folder, kept)
        git.run("init", "--quiet", "--template=")
        for path, content in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield git


def _joined(paths: Sequence[str]) -> bytes:
    return "".join(f"{path}\0" for path in paths).encode()


def _pattern(path: str) -> str:
    """A pattern for exactly this path (gitattributes(5): quote what is not plain)."""
    escaped = "".join(f"\\{char}" if char in "*?[\\" else char for char in path)
    if escaped[0] in "#!":
        escaped = f"\\{escaped}"
    if not any(char.isspace() or char == '"' for char in escaped):
        return escaped
    body = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{body}"'
