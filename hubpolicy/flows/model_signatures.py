# SPDX-License-Identifier: Apache-2.0
"""The ``model.sig`` of a release: one that holds already, one that others made, or a new one.

A signature by ``model_signing`` is as good as ours, whatever form its maker chose, if a releaser
of the trust root made it over exactly these files; then it stays as it is, byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import IGNORED, oms_statement
from hubpolicy.core.verify import verify_model_signature
from hubpolicy.domain.manifest import MODEL_SIGNATURE, EvidenceFile
from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import Manifest
    from hubpolicy.flows.kept import Desk

_HINT = "a releaser signs exactly these files: model_signing sign key|certificate"


def with_given(
    files: tuple[EvidenceFile, ...], given: bytes | None, manifest: Manifest, desk: Desk, now: str
) -> tuple[EvidenceFile, ...]:
    """The evidence files, with a model signature made elsewhere in place of what stands there.

    Raises:
        VerificationError: it is not a releaser's, or not about these files.
        MalformedError: it is no Model Signing v1.0 bundle.

    """
    if given is None:
        return files
    try:
        verify_model_signature(given, desk.trust, manifest, now=now)
    except MalformedError as error:
        raise MalformedError(error.message, hint=error.hint or _HINT) from error
    others = tuple(file for file in files if file.path != MODEL_SIGNATURE)
    return (*others, EvidenceFile(MODEL_SIGNATURE, given))


def standing_signature(
    files: tuple[EvidenceFile, ...], manifest: Manifest, name: str, desk: Desk, now: str
) -> bytes | None:
    """The ``model.sig`` that stands there, if it holds for exactly these files.

    One that we would write byte for byte but for its ``name`` is written anew.
    """
    content = next((file.content for file in files if file.path == MODEL_SIGNATURE), None)
    if content is None:
        return None
    try:
        found = verify_model_signature(content, desk.trust, manifest, now=now)
    except (VerificationError, MalformedError):
        return None
    said = found.content
    ours = found.keyid == desk.signer.keyid and said.ignore_paths == IGNORED
    return None if ours and said.name != name else content


def new_signature(manifest: Manifest, name: str, desk: Desk) -> bytes:
    """A ``model.sig`` by the key at hand. ``name`` is only shown."""
    return make_bundle(oms_statement(manifest, name), desk.signer)
