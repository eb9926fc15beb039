# SPDX-License-Identifier: Apache-2.0
"""Writes evidence into a model folder: ``model.sig`` and ``.hubpolicy/``.

The only other file that is ever written is the ``.gitattributes`` that the evidence is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.domain.manifest import is_evidence_path
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path


_ATTRIBUTES = ".gitattributes"


class EvidenceFolder:
    """Implements :class:`hubpolicy.ports.EvidenceWriter` for one folder.

    ``attributes``, where given, is the ``.gitattributes`` that the evidence is about: it is written
    before any evidence is, and not at all where none is written.
    """

    def __init__(self, folder: Path, *, attributes: bytes | None = None) -> None:
        self._folder = folder
        self._attributes = attributes

    def write(self, path: str, content: bytes) -> None:
        """Write whole or not at all; unchanged content is left alone."""
        target = self._target(path)
        if self._attributes is not None:
            write_atomic(self._folder / _ATTRIBUTES, self._attributes)
            self._attributes = None
        try:
            if not target.is_symlink() and target.is_file() and target.read_bytes() == content:
                return
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}"
            raise ServiceError(message, hint="what stood there still stands") from error
        write_atomic(target, content)

    def remove(self, path: str) -> None:
        """Remove one evidence file; absent is fine."""
        target = self._target(path)
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            message = f"cannot remove {path}: {error.strerror}"
            raise ServiceError(message) from error

    def _target(self, path: str) -> Path:
        if not is_evidence_path(path) or ".." in path.split("/"):
            message = f"got {path!r}, expected model.sig or a path below .hubpolicy/"
            raise ValueError(message)
        target = self._folder / path
        for parent in target.parents:
            if parent == self._folder:
                break
            if parent.is_symlink():
                message = f"{parent} is a symbolic link: evidence is not written through links"
                raise ServiceError(message, hint=f"rm {parent}")
        return target
