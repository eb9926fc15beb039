# SPDX-License-Identifier: Apache-2.0
"""Evidence that goes to a write gateway ahead of its bytes: sizes of all files, and evidence files.

One JSON document. Nothing in it is believed: signatures are verified, and the release is judged,
whenever it is used (``flows/gating.py``).
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.fields import Fields
from hubpolicy.domain.manifest import EvidenceFile, is_evidence_path
from hubpolicy.errors import MalformedError

SCHEMA = "hubpolicy/submission/1"
LIMIT = 64 * 1024 * 1024
"""Bytes of a submission."""

_MOST_FILES = 200_000


class Submission(NamedTuple):
    """Path and size in bytes of every file of a release, and its evidence files."""

    sizes: tuple[tuple[str, int], ...]
    files: tuple[EvidenceFile, ...]


def make_submission(submission: Submission) -> bytes:
    """The document that is sent."""
    files = {path: base64.b64encode(content).decode() for path, content in submission.files}
    return strictjson.canonical({"schema": SCHEMA, "sizes": dict(submission.sizes), "files": files})


def parse_submission(raw: bytes) -> Submission:
    """Read one.

    Raises:
        MalformedError: it is not as :func:`make_submission` writes it.

    """
    what = "the submission"
    fields = Fields(strictjson.parse(raw, what=what, limit=LIMIT), what)
    fields.one_of("schema", (SCHEMA,))
    sizes, files = fields.object("sizes"), fields.object("files")
    fields.done()
    if max(len(sizes.names), len(files.names)) > _MOST_FILES:
        message = f"got more than {_MOST_FILES} files, in {what}"
        raise MalformedError(message)
    return Submission(
        tuple((path, sizes.count(path)) for path in sizes.names),
        tuple(EvidenceFile(path, _content(files, path)) for path in files.names),
    )


def _content(files: Fields, path: str) -> bytes:
    text = files.raw(path)
    if not is_evidence_path(path) or not isinstance(text, str):
        files.refuse(path, "an evidence file in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        files.refuse(path, "base64")
