# SPDX-License-Identifier: Apache-2.0
"""Evidence that is kept apart from the files that it is about: a folder, or one file of bundles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.files import MAX_READ, FolderRelease
from hubpolicy.core.evidence_lines import split_evidence
from hubpolicy.domain.manifest import EVIDENCE_FOLDER
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import EvidenceFile

_HINT = (
    "hf download NAMESPACE/NAME --include 'model.sig' '.hubpolicy/*' --local-dir DIR, or "
    "hubpolicy verify NAMESPACE/NAME --save-evidence FILE, where there is a network"
)


def read_evidence_at(path: str) -> tuple[EvidenceFile, ...]:
    """What stands at a path: a folder that holds evidence, or a file with one bundle per line.

    A folder has ``model.sig`` and ``.hubpolicy/`` in it; the latter itself will do.

    Raises:
        ConfigError: nothing is there, or a folder without evidence.
        MalformedError: a file that holds something else, or nothing.
        ServiceError: it cannot be read.

    """
    place = Path(path)
    if place.is_dir():
        inside = place.resolve().name == EVIDENCE_FOLDER.rstrip("/")
        found = FolderRelease(place.resolve().parent if inside else place).evidence_files()
        if found:
            return found
        message = f"got no evidence in {path}, expected model.sig and .hubpolicy/"
        raise ConfigError(message, hint=_HINT)
    try:
        with place.open("rb") as file:
            content = file.read(MAX_READ + 1)
    except OSError as error:
        message = f"cannot read the evidence at {path}: {error.strerror}"
        raise ConfigError(message, hint=_HINT) from error
    if len(content) > MAX_READ:
        message = f"got more than {MAX_READ} bytes, in {path}"
        raise ConfigError(message)
    try:
        return split_evidence(content, where=path)
    except MalformedError as error:
        message = f"this is no evidence: {error.message}"
        raise MalformedError(message, hint=f"take what one of these wrote: {_HINT}") from error
