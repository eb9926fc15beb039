# SPDX-License-Identifier: Apache-2.0
"""The licence that a model carries before it is released: nobody may pass it on.

A model that waits in a private repository says so in its card, for everybody who has access and for
every copy that is made: ``license: other`` and ``license_name: pre-release-no-redistribution``.
"""

from __future__ import annotations

from hubpolicy.core.card.front_matter import parse_front_matter
from hubpolicy.core.card.metadata import text_of, texts_of
from hubpolicy.core.card.split import split

LICENSE = "other"
LICENSE_NAME = "pre-release-no-redistribution"


def is_embargoed(readme: bytes | None) -> bool:
    """True for a card (``README.md``) under that licence.

    A card that cannot be read is under none: the card rules refuse it.
    """
    front = None if readme is None else split(readme)
    if front is None or front.front is None:
        return False
    metadata = parse_front_matter(front.front, front.front_line).metadata
    if metadata is None:
        return False
    licences = {_plain(text.value) for text in texts_of(metadata, "license")}
    name = text_of(metadata, "license_name")
    return LICENSE in licences and name is not None and _plain(name.value) == LICENSE_NAME


def _plain(value: object) -> str:
    return str(value).strip().lower()
