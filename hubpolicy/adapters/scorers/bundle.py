# SPDX-License-Identifier: Apache-2.0
"""A scorer bundle on disk: ``model.onnx``, ``tokenizer.json`` and ``scorer.json`` in a folder.

Reads and identifies it; running it is :mod:`hubpolicy.adapters.scorers.session`'s work.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.scorers.description import Description, parse_description
from hubpolicy.domain.manifest import Entry, dir_hash
from hubpolicy.domain.statement import ScorerPin
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    import os

MODEL, TOKENIZER, DESCRIPTION = "model.onnx", "tokenizer.json", "scorer.json"
MAX_BYTES = 2 * 1024**3


class BundleFiles(NamedTuple):
    """The three files, read once: what is hashed is what is loaded."""

    model: bytes
    tokenizer: bytes
    description: bytes

    @property
    def sha256(self) -> str:
        """Hex dirHash over exactly these files."""
        contents = ((MODEL, self.model), (TOKENIZER, self.tokenizer))
        return dir_hash(
            tuple(
                Entry(name, len(content), hashlib.sha256(content).hexdigest())
                for name, content in (*contents, (DESCRIPTION, self.description))
            )
        )


def read_bundle(folder: str | os.PathLike[str]) -> BundleFiles:
    """Read the three files; others in the folder (a card, a licence) are not looked at.

    Raises:
        ServiceError: one is missing, unreadable or too large.

    """
    return BundleFiles(*(_read(Path(folder) / name) for name in (MODEL, TOKENIZER, DESCRIPTION)))


def bundle_pin(folder: str | os.PathLike[str]) -> ScorerPin:
    """Identity and digest of a bundle, without loading its model.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: its description is invalid.

    """
    files = read_bundle(folder)
    return make_pin(files, parse_description(files.description))


def make_pin(files: BundleFiles, description: Description) -> ScorerPin:
    """Identity and digest of a bundle that was read."""
    return ScorerPin(description.id, description.tier, files.sha256, description.precision)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        message = f"cannot read {path.name} of the scorer bundle {path.parent}: {error.strerror}"
        raise ServiceError(message, hint="install the scorer again: hubpolicy doctor") from error
    if size > MAX_BYTES:
        message = f"got {size} bytes, expected at most {MAX_BYTES}, in {path}"
        raise MalformedError(message)
    return content
