# SPDX-License-Identifier: Apache-2.0
"""``check_card``: README.md's bytes, a profile and the Hub's vocabularies in; findings out.

Not responsible for reading any of them from a disk, nor for what a policy makes of the findings.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.card.boilerplate import BOILERPLATE
from hubpolicy.core.card.front_matter import parse_front_matter
from hubpolicy.core.card.languages import declared_languages
from hubpolicy.core.card.locate import locate
from hubpolicy.core.card.markdown import parse_body
from hubpolicy.core.card.registry import RULES
from hubpolicy.core.card.results import reported
from hubpolicy.core.card.rule import PER_RULE, CardEvidence, CardRule
from hubpolicy.core.card.schema import parse_schema, violations
from hubpolicy.core.card.split import CARD_LIMIT, LFS_POINTER, split
from hubpolicy.core.card.vocabulary import Vocabularies
from hubpolicy.domain.card import Card, RepoFacts, to_document
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.core.card.schema import CardSchema, Violation

__all__ = [
    "CardCheck",
    "CardRule",
    "Profile",
    "RepoFacts",
    "Vocabularies",
    "card_rules",
    "check_card",
]

_EARLY = frozenset({"bytes", "halves", "text"})
_FALLBACK = "HP105"
_NO_OVERRIDES: Mapping[str, Severity] = MappingProxyType({})


class Profile(NamedTuple):
    """A JSON Schema 2020-12 document by name; ``also`` are schemas that its ``$ref`` may name."""

    name: str
    schema: bytes
    also: tuple[bytes, ...] = ()


class CardCheck(NamedTuple):
    """What the rules found. Each rule that was judged is in exactly one of the three tuples.

    A rule that could not be judged is in ``failed``. A rule that the policy turned off, or of which
    the profile's schema does not speak, is in none. ``languages`` are those that the card declares.
    """

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    profile: str
    schema_sha256: str
    languages: tuple[str, ...] = ()


def card_rules() -> tuple[CardRule, ...]:
    """All card rules, sorted by id."""
    return tuple(module.RULE for module in RULES)


def check_card(
    readme: bytes | None,
    facts: RepoFacts,
    profile: Profile,
    vocabularies: Vocabularies,
    severities: Mapping[str, Severity] = _NO_OVERRIDES,
) -> CardCheck:
    """Judge a card. Whatever the bytes are, the answer is findings.

    Raises:
        ConfigError: the profile's schema cannot be used, a vocabulary is empty, or ``severities``
            lowers a rule without which the others judge nothing.

    """
    schema = parse_schema(profile.schema, profile.also)
    _refuse_settings(vocabularies, severities)
    evidence = read_card(readme, facts, vocabularies)
    found = _schema_findings(evidence.card, schema) if evidence.card else {}
    outcomes: dict[str, str] = {}
    findings: list[Finding] = []
    for module in RULES:
        rule = module.RULE
        if severities.get(rule.id) is Severity.OFF or _silent(rule, schema):
            continue
        own: tuple[Finding, ...] | None = None
        if _readable(rule, evidence):
            own = _weighed((*module.check(evidence), *found.get(rule.id, ())), rule, severities)
        judged = rule.needs in _EARLY or evidence.card is not None
        outcomes[rule.id] = _outcome(own) if own is not None and judged else "failed"
        findings.extend(_shortened(own or (), rule))
    return CardCheck(
        findings=tuple(sorted(findings, key=_order)),
        passed=_with("passed", outcomes),
        warned=_with("warned", outcomes),
        failed=_with("failed", outcomes),
        profile=profile.name,
        schema_sha256=schema.sha256,
        languages=declared_languages(evidence.card),
    )


def read_card(readme: bytes | None, facts: RepoFacts, vocabularies: Vocabularies) -> CardEvidence:
    """Read as far as the bytes allow; parts that could not be read are None."""
    nothing = CardEvidence(readme, facts, vocabularies)
    if readme is None or not readme.strip() or readme.startswith(LFS_POINTER):
        return nothing
    halves = split(readme)
    if halves.front is None:
        return nothing._replace(halves=halves)
    if len(readme) > CARD_LIMIT:
        return nothing
    front = parse_front_matter(halves.front, halves.front_line)
    if front.metadata is None:
        return nothing._replace(halves=halves, front=front)
    sections = parse_body(halves.body, halves.body_line, BOILERPLATE)
    card = Card(front.metadata, sections, reported(front.metadata), facts)
    return CardEvidence(readme, facts, vocabularies, halves, front, card)


def _refuse_settings(vocabularies: Vocabularies, severities: Mapping[str, Severity]) -> None:
    sets = vocabularies.licences, vocabularies.pipeline_tags, vocabularies.libraries
    if not all((*sets, vocabularies.languages)):
        message = "got an empty vocabulary, expected licences, tasks, libraries and languages"
        raise ConfigError(message, hint="install hubpolicy again")
    rules = {rule.id: rule for rule in card_rules()}
    for rule_id, severity in severities.items():
        if rule_id not in rules:
            continue
        if rules[rule_id].fixed and severity < rules[rule_id].severity:
            message = f"got severity {severity.word} for {rule_id}, expected error: without it the "
            raise ConfigError(message + "other card rules judge nothing", hint="remove that line")


def _silent(rule: CardRule, schema: CardSchema) -> bool:
    return rule.needs == "schema" and rule.id not in schema.rules


def _readable(rule: CardRule, evidence: CardEvidence) -> bool:
    match rule.needs:
        case "bytes":
            return True
        case "halves":
            return evidence.halves is not None
        case "text":
            return evidence.halves is not None and len(evidence.readme or b"") <= CARD_LIMIT
        case "front":
            return evidence.front is not None
        case _:
            return evidence.card is not None


def _schema_findings(card: Card, schema: CardSchema) -> dict[str, list[Finding]]:
    rules = {rule.id: rule for rule in card_rules()}
    found: dict[str, list[Finding]] = {}
    for violation in violations(schema, to_document(card)):
        rule = rules.get(violation.rule) or rules[_FALLBACK]
        found.setdefault(rule.id, []).append(_located(violation, rule, card))
    return found


def _located(violation: Violation, rule: CardRule, card: Card) -> Finding:
    severity = rule.severity if violation.severity is None else violation.severity
    at = locate(card, violation.path, violation.missing)
    return Finding(rule.id, severity, violation.message, at, violation.fix)


def _weighed(
    found: Iterable[Finding], rule: CardRule, severities: Mapping[str, Severity]
) -> tuple[Finding, ...]:
    severity = severities.get(rule.id)
    unique = dict.fromkeys(found)
    if severity is None:
        return tuple(unique)
    return tuple(
        each if each.severity is Severity.INFO else each._replace(severity=severity)
        for each in unique
    )


def _outcome(findings: tuple[Finding, ...]) -> str:
    worst = max((each.severity for each in findings), default=Severity.INFO)
    return {Severity.ERROR: "failed", Severity.WARNING: "warned"}.get(worst, "passed")


def _shortened(findings: tuple[Finding, ...], rule: CardRule) -> tuple[Finding, ...]:
    if len(findings) <= PER_RULE:
        return findings
    worst_first = sorted(findings, key=lambda each: -each.severity)
    kept, rest = worst_first[:PER_RULE], worst_first[PER_RULE:]
    message = f"and {len(rest)} more findings of {rule.id}"
    return (*kept, Finding(rule.id, rest[0].severity, message, rest[0].location, kept[0].fix))


def _order(finding: Finding) -> tuple[int, int, str]:
    location = finding.location
    line, column = (location.line, location.column) if location else (0, 0)
    return line, column, finding.rule


def _with(outcome: str, outcomes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(rule for rule, each in outcomes.items() if each == outcome))
