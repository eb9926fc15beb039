# SPDX-License-Identifier: Apache-2.0
"""What a card rule is and what it sees; one rule is one module ``hubpolicy/core/rules/hp1NN``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from hubpolicy.domain.card import CARD_PATH
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.front_matter import FrontMatter
    from hubpolicy.core.card.split import Halves
    from hubpolicy.core.card.vocabulary import Vocabularies
    from hubpolicy.domain.card import Card, Mark, RepoFacts

Needs = Literal["bytes", "halves", "text", "front", "card", "schema"]
"""What must have been read before a rule can be judged: nothing, README.md as two halves, its
whole text, the front matter's values, the whole card, or that by a schema that names the rule."""

PER_RULE = 12
"""Findings of one rule that are shown; the rest is one line."""


class CardEvidence(NamedTuple):
    """All that card rules see. Each part is None where reading stopped before it."""

    readme: bytes | None
    facts: RepoFacts
    vocabularies: Vocabularies
    halves: Halves | None = None
    front: FrontMatter | None = None
    card: Card | None = None


class CardRule(NamedTuple):
    """A rule as registries, reports and ``hubpolicy rule`` know it.

    ``fixed`` rules cannot be lowered: without them the others would judge nothing.
    """

    id: str
    title: str
    severity: Severity
    needs: Needs
    fixed: bool = False

    @property
    def doc(self) -> str:
        """Where the rule is explained, relative to the project's root."""
        return f"docs/rules.md#{self.id.lower()}"


class RuleModule(Protocol):
    """The shape of a rule's module. ``check`` is not called before its needs are there."""

    @property
    def RULE(self) -> CardRule:  # noqa: N802 - a constant of the module
        """What the rule is."""

    def check(self, evidence: CardEvidence, /) -> tuple[Finding, ...]:
        """The findings, in the order of the file."""


def finding(
    rule: CardRule, message: str, at: Mark | None, fix: str, severity: Severity | None = None
) -> Finding:
    """A finding in README.md; without a mark it speaks of the whole file."""
    location = Location(CARD_PATH, at.line, at.column) if at else Location(CARD_PATH)
    return Finding(rule.id, rule.severity if severity is None else severity, message, location, fix)


def card_of(evidence: CardEvidence) -> Card:
    """The card, for rules whose needs say that it is there."""
    if evidence.card is None:
        message = "a rule that needs the card was called without one"
        raise TypeError(message)
    return evidence.card
