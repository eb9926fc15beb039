# SPDX-License-Identifier: Apache-2.0
"""A scorer bundle on disk: ``model.onnx``, ``tokenizer.json`` and ``scorer.json`` in a folder.

A fourth file, ``full.onnx``, is there if the description has a ``recheck``: the same network in
fp32, asked where the int8 score is too near a threshold to decide. Reads and identifies a bundle;
running it is :mod:`hubpolicy.adapters.scorers.session`'s work.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.scorers.description import Description, parse_description
from hubpolicy.adapters.scorers.private_copy import PrivateCopy, copy_privately
from hubpolicy.domain.manifest import Entry, dir_hash
from hubpolicy.domain.statement import ScorerPin
from hubpolicy.errors import MalformedError, ServiceError, VerificationError

if TYPE_CHECKING:
    import os

MODEL, TOKENIZER, DESCRIPTION = "model.onnx", "tokenizer.json", "scorer.json"
FULL = "full.onnx"
MAX_BYTES = 2 * 1024**3


class GraphFile(NamedTuple):
    """A graph: hashed when the bundle is read, and again when it is loaded.

    Between the two nothing of it is held: a graph in fp32 has half a gigabyte or more, and
    ``full.onnx`` is loaded only if a text asks for it.
    """

    path: Path
    size: int
    sha256: str

    def read(self) -> PrivateCopy:
        """Its content, if that is still what was hashed, where nobody else can change it.

        Raises:
            ServiceError: it cannot be read any more.
            VerificationError: it is not what it was.

        """
        try:
            with self.path.open("rb", buffering=0) as file:
                copy, digest = copy_privately(file, self.size)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if digest != self.sha256:
            name = self.path.name
            message = f"got another {name} than at the start, expected {self.sha256[:12]}"
            raise VerificationError(message, hint="leave the scorer alone while a test runs")
        return copy


class BundleFiles(NamedTuple):
    """The files: what is hashed is what is loaded."""

    model: GraphFile
    tokenizer: bytes
    description: bytes
    full: GraphFile | None = None

    @property
    def sha256(self) -> str:
        """Hex dirHash over exactly these files."""
        contents = ((TOKENIZER, self.tokenizer), (DESCRIPTION, self.description))
        small = (
            Entry(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in contents
        )
        graphs = ((MODEL, self.model), (FULL, self.full))
        large = (Entry(name, file.size, file.sha256) for name, file in graphs if file is not None)
        return dir_hash((*small, *large))

    def describe(self) -> Description:
        """What the bundle says about itself.

        Raises:
            MalformedError: it is invalid, or one of ``recheck`` and ``full.onnx`` is missing.

        """
        description = parse_description(self.description)
        if bool(description.recheck) is not (self.full is not None):
            has = FULL if self.full is not None else f"no {FULL}"
            says = "a recheck" if description.recheck else "no recheck"
            message = f"got {has} and {says} in {DESCRIPTION}, expected both or neither"
            raise MalformedError(message, hint="hubpolicy scorer export NAME writes both")
        return description


def read_bundle(folder: str | os.PathLike[str]) -> BundleFiles:
    """Read the files; others in the folder (a card, a licence) are not looked at.

    Raises:
        ServiceError: one is missing, unreadable or too large.

    """
    above = Path(folder)
    tokenizer, description = (_read(above / name) for name in (TOKENIZER, DESCRIPTION))
    # A dangling link is not "no file".
    there = (above / FULL).is_symlink() or (above / FULL).exists()
    full = _look_at(above / FULL) if there else None
    return BundleFiles(_look_at(above / MODEL), tokenizer, description, full)


def bundle_pin(folder: str | os.PathLike[str]) -> ScorerPin:
    """Identity and digest of a bundle, without loading its model.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: its description is invalid.

    """
    files = read_bundle(folder)
    return make_pin(files, files.describe())


def make_pin(files: BundleFiles, description: Description) -> ScorerPin:
    """Identity and digest of a bundle that was read."""
    # As cards are read: ``pt`` of ``pt-BR``.
    languages = tuple(sorted({tag.lower().partition("-")[0] for tag in description.languages}))
    return ScorerPin(
        description.id, description.tier, files.sha256, description.precision, languages
    )


def _look_at(path: Path) -> GraphFile:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise _unreadable(path, error) from error
    _refuse_large(path, size)
    return GraphFile(path, size, digest)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise _unreadable(path, error) from error
    _refuse_large(path, size)
    return content


def _unreadable(path: Path, error: OSError) -> ServiceError:
    message = f"cannot read {path.name} of the scorer bundle {path.parent}: {error.strerror}"
    return ServiceError(message, hint="install the scorer again: hubpolicy doctor")


def _refuse_large(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        message = f"got {size} bytes, expected at most {MAX_BYTES}, in {path}"
        raise MalformedError(message)
