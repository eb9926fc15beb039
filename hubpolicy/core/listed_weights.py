# SPDX-License-Identifier: Apache-2.0
"""Whether a file publishes weights, as far as a listing tells of what nobody opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.filetypes import classify
from hubpolicy.core.rules.hp412 import evidence_kind

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import ListedFile


def publishes_weights(file: ListedFile) -> bool:
    """Weight-like by name or size, or a large object of no inert type; records are evidence.

    A listing has no contents. What stands there by Git LFS was too large or too binary for git: a
    file without a known name is taken for weights.
    """
    if evidence_kind(file.path) is not None and file.size <= RECORDS_LIMIT:
        return False
    kind = classify(file.path, file.size, None)
    by_lfs = file.sha256 is not None and file.git_blob is None
    return kind in {"weight", "pickle"} or (by_lfs and kind == "unknown")
