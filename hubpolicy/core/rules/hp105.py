# SPDX-License-Identifier: Apache-2.0
"""HP105: the card fits the profile's schema, and no key is a misspelling of a known one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP105"
TITLE = "the card fits the profile's schema"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")

KEYS = (
    "language",
    "license",
    "license_name",
    "license_link",
    "library_name",
    "pipeline_tag",
    "tags",
    "datasets",
    "buckets",
    "metrics",
    "base_model",
    "base_model_relation",
    "new_version",
    "thumbnail",
    "model-index",
    "co2_eq_emissions",
    "widget",
    "inference",
)
"""Keys that the Hub reads (hub-docs, modelcard.md)."""

_KNOWN_TWINS = {
    "licence": "license",
    "lang": "language",
    "library": "library_name",
    "task": "pipeline_tag",
    "model_index": "model-index",
    "dataset": "datasets",
}
_CUTOFF = 0.85


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """A warning for each key that looks like a known one; what the schema says is added to it."""
    metadata = card_of(evidence).metadata
    present = {entry.key for entry in metadata.entries}
    found = []
    for entry in metadata.entries:
        meant = "" if entry.key in KEYS else _meant(entry.key)
        if meant and meant not in present:
            message = f"the Hub does not know the key {quoted(entry.key)}, it reads `{meant}`"
            fix = f"rename `{clean(entry.key)}` to `{meant}`"
            found.append(finding(RULE, message, entry.at, fix, Severity.WARNING))
    return tuple(found)


def _meant(key: str) -> str:
    plain = key.lower()[:64]
    if plain in _KNOWN_TWINS:
        return _KNOWN_TWINS[plain]
    close = get_close_matches(plain, KEYS, n=1, cutoff=_CUTOFF)
    return close[0] if close else ""
