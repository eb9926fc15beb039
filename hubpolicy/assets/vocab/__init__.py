# SPDX-License-Identifier: Apache-2.0
"""Dated copies of the Hub's vocabularies; each file names its source, licence and digest."""

from __future__ import annotations

from importlib.resources import files

_NAMES = ("licences", "pipeline-tags", "libraries", "languages")


def read() -> dict[str, bytes]:
    """Every file by name without suffix, for ``hubpolicy.core.card.vocabulary``."""
    folder = files(__name__)
    return {name: (folder / f"{name}.json").read_bytes() for name in _NAMES}
