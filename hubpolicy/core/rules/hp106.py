# SPDX-License-Identifier: Apache-2.0
"""HP106: the licence is one that the Hub knows, or is named and its text is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.links import Relative, places, target_of
from hubpolicy.core.card.metadata import text_of, texts_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.card import MetaScalar
    from hubpolicy.domain.finding import Finding

ID = "HP106"
TITLE = "the licence is known"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")

_LIST = "https://huggingface.co/docs/hub/repositories-licenses"


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Unknown ids, ``other`` without a name or a text, links to nothing, ``unknown``."""
    return tuple(_findings(evidence))


def _findings(evidence: CardEvidence) -> Iterator[Finding]:
    licences = texts_of(card_of(evidence).metadata, "license")
    for licence in licences:
        if licence.text not in evidence.vocabularies.licences:
            yield _unknown(evidence, licence)
        elif licence.text == "unknown":
            message = "the licence is `unknown`, so nobody knows what they may do"
            fix = "ask the rights holder, or choose a licence"
            yield finding(RULE, message, licence.at, fix, Severity.WARNING)
        elif licence.text == "other":
            yield from _other(evidence, licence)
    yield from _link(evidence)


def _unknown(evidence: CardEvidence, licence: MetaScalar) -> Finding:
    vocabularies = evidence.vocabularies
    meant = vocabularies.suggest(licence.text, vocabularies.licences)
    message = f"the Hub does not know the licence {quoted(licence.text)} (vocabulary "
    message += f"of {vocabularies.dated})"
    fix = f"license: {meant}" if meant else "license: other, with license_name and license_link"
    return finding(RULE, message, licence.at, f"{fix} (ids: {_LIST})")


def _other(evidence: CardEvidence, licence: MetaScalar) -> Iterator[Finding]:
    metadata = card_of(evidence).metadata
    if text_of(metadata, "license_name") is None:
        message = "the licence is `other` and has no `license_name`"
        yield finding(RULE, message, licence.at, "add: license_name: my-licence")
    if text_of(metadata, "license_link") is None and not evidence.facts.has_license_file:
        message = "the licence is `other` and its text is nowhere: no `license_link`, no LICENSE"
        yield finding(RULE, message, licence.at, "add a file LICENSE and: license_link: LICENSE")


def _link(evidence: CardEvidence) -> Iterator[Finding]:
    link = text_of(card_of(evidence).metadata, "license_link")
    if link is None:
        return
    target = target_of(link.text)
    if isinstance(target, Relative) and not target.leads_into(places(evidence.facts.paths)):
        message = f"`license_link` leads to {quoted(link.text)}, which is not in the release"
        fix = f"add the file {clean(target.path, 60)}, or write an https:// address"
        yield finding(RULE, message, link.at, fix)
    elif not isinstance(target, Relative) and target != "web":
        message = f"`license_link` is {quoted(link.text)}, which others cannot open"
        yield finding(RULE, message, link.at, "add a file LICENSE and: license_link: LICENSE")
