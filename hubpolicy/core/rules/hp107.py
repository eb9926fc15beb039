# SPDX-License-Identifier: Apache-2.0
"""HP107: languages are codes that every reader understands (BCP 47 over ISO 639)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import texts_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.core.card.vocabulary import Vocabularies
    from hubpolicy.domain.card import MetaScalar
    from hubpolicy.domain.finding import Finding

ID = "HP107"
TITLE = "the languages are codes"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")

# RFC 5646 §2.1, without extensions, private use and grandfathered tags: language, script, region,
# variants.
_TAG = re.compile(
    r"[a-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,4}"
)


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Names instead of codes, unknown codes, malformed tags; upper-case codes are a warning."""
    languages = texts_of(card_of(evidence).metadata, "language")
    found = (_judge(evidence.vocabularies, each) for each in languages)
    return tuple(each for each in found if each)


def _judge(vocabularies: Vocabularies, language: MetaScalar) -> Finding | None:
    tag = language.text.strip()
    known = vocabularies.languages
    if tag in known or (_TAG.fullmatch(tag) and tag.partition("-")[0] in known):
        return None
    lower = tag.partition("-")[0].lower() + tag[len(tag.partition("-")[0]) :]
    if lower in known or (_TAG.fullmatch(lower) and lower.partition("-")[0] in known):
        message = f"the language {quoted(tag)} is not in lower case"
        return finding(RULE, message, language.at, f"language: {lower}", Severity.WARNING)
    meant = (
        vocabularies.suggest(tag, known)
        if len(tag) != 2 or not tag.isalpha()
        else _old(vocabularies, tag)
    )
    message = f"the language {quoted(tag)} is no ISO 639 code"
    fix = f"language: {meant}" if meant else "write a code such as en, pt-BR, zh-Hant, multilingual"
    return finding(RULE, message, language.at, fix)


def _old(vocabularies: Vocabularies, code: str) -> str:
    former = dict(vocabularies.renamed).get(code.lower(), "")
    return former if former in vocabularies.languages else ""
