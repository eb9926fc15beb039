# SPDX-License-Identifier: Apache-2.0
"""HP115: links of the card lead somewhere that others can open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.links import Relative, places, target_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.card import Link
    from hubpolicy.domain.finding import Finding

ID = "HP115"
TITLE = "links lead somewhere"
SEVERITY = Severity.WARNING
RULE = CardRule(ID, TITLE, SEVERITY, "card")


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Relative links to files that are not in the release; links to the author's own machine."""
    links = (link for section in card_of(evidence).sections for link in section.links)
    known = places(evidence.facts.paths)
    found = (_judge(link, known) for link in links)
    return tuple(each for each in found if each)


def _judge(link: Link, known: frozenset[str]) -> Finding | None:
    target = target_of(link.target)
    what = "the image" if link.image else "the link"
    if target == "local":
        message = f"{what} {quoted(link.target)} leads to the author's own machine"
        return finding(RULE, message, link.at, "put the file into the release, or remove the link")
    if target == "script":
        message = f"{what} {quoted(link.target)} is no address that the Hub shows"
        return finding(RULE, message, link.at, "write an https:// address")
    if isinstance(target, Relative) and not target.leads_into(known):
        message = f"{what} {quoted(link.target)} leads to no file of the release"
        fix = f"add {clean(target.path, 60)}, or correct the link"
        return finding(RULE, message, link.at, fix)
    return None
