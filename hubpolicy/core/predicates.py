# SPDX-License-Identifier: Apache-2.0
"""The wire form of each predicate, made and strictly parsed (docs/formats.md).

Unknown fields are refused in our own predicates. In foreign ones (test-result, VSA) they are
ignored, as in-toto's parsing rules ask: an extension must not change the meaning of other fields.
Counts are checked against each other here; whether they are good enough is a rule's work.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, cast

from hubpolicy.core.fields import COUNT_LIMIT, Fields
from hubpolicy.core.toxicity_predicate import (
    MAX_LEVEL,
    make_runtime,
    make_toxicity_predicate,
    parse_moment,
    parse_runtime,
    parse_toxicity_predicate,
)
from hubpolicy.domain.statement import (
    APPLICABILITY,
    APPROVAL,
    TEST_RESULT,
    TOXICITY,
    VSA,
    WAIVER,
    Applicability,
    ApplicabilityResult,
    Approval,
    CardResult,
    FirstRelease,
    ReleaseSummary,
    Waiver,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.statement import ForeignEvidence, Predicate

VERIFIER_ID = "https://hubpolicy.dev"
RELEASE_LEVEL = "HUBPOLICY_RELEASE"
SLSA_VERSION = "1.0"
CARD_SCHEMA_PREFIX = "card-profile/"
EVIDENCE_PREFIX = "evidence/"
LANGUAGES = "hubpolicy.languages"
"""Annotation of the card profile: what the card declares that the model speaks."""

__all__ = [
    "make_applicability_predicate",
    "make_approval_predicate",
    "make_card_predicate",
    "make_release_predicate",
    "make_toxicity_predicate",
    "make_waiver_predicate",
    "parse_predicate",
]

FIRST_TIME, FIRST_LINE = "hubpolicy.firstReleased", "hubpolicy.firstRelease"
"""Annotations of an input: the instant of a run's first release, and that line's payload digest."""

_RULE = re.compile(r"HP[0-9]{3}")
_APPROVER = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MAX_LIST = 10_000


def parse_predicate(predicate_type: str, value: object, *, where: str) -> Predicate | None:
    """The typed predicate, or None for a type that is not in the closed table.

    Raises:
        MalformedError: the object is not what its type says, or contradicts itself.

    """
    parse = _PARSERS.get(predicate_type)
    return None if parse is None else parse(Fields(value, f"the predicate of {where}"))


# --- test-result/v0.1 about the card -------------------------------------------------------


def make_card_predicate(result: CardResult, *, tool_version: str) -> dict[str, object]:
    """in-toto test-result v0.1, with the schema by digest and the tool by package URL."""
    return {
        "result": _card_word(result.warned, result.failed),
        "configuration": [
            {
                "name": CARD_SCHEMA_PREFIX + result.profile,
                "digest": {"sha256": result.schema_sha256},
                "annotations": {LANGUAGES: list(result.languages)},
            },
            {"name": "hubpolicy", "uri": f"pkg:pypi/hubpolicy@{tool_version}"},
        ],
        "passedTests": list(result.passed),
        "warnedTests": list(result.warned),
        "failedTests": list(result.failed),
    }


def _parse_test_result(fields: Fields) -> CardResult | ForeignEvidence:
    """Two kinds of test results, told apart by the one entry that names what was tested."""
    configuration = fields.objects("configuration")
    profiles = [item for item in configuration if _is_named(item, CARD_SCHEMA_PREFIX)]
    foreign = [item for item in configuration if _is_named(item, EVIDENCE_PREFIX)]
    if len(profiles) + len(foreign) != 1:
        either = f"exactly one entry named {CARD_SCHEMA_PREFIX}<profile> or {EVIDENCE_PREFIX}<name>"
        fields.refuse("configuration", either)
    if profiles:
        return _parse_card(fields, profiles[0])
    from hubpolicy.core.foreign_predicate import parse_foreign_predicate  # few pushes need it

    return parse_foreign_predicate(fields, foreign[0])


def _parse_card(fields: Fields, entry: Fields) -> CardResult:
    profile = entry.words("name").removeprefix(CARD_SCHEMA_PREFIX)
    names = ("passedTests", "warnedTests", "failedTests")
    passed, warned, failed = (_rules(fields, name) for name in names)
    every = passed + warned + failed
    if not every:
        fields.refuse("passedTests", "at least one rule: an empty rule set proves nothing")
    if len(set(every)) != len(every):
        fields.refuse("passedTests", "each rule in exactly one of the three lists")
    if fields.one_of("result", ("PASSED", "WARNED", "FAILED")) != _card_word(warned, failed):
        fields.refuse("result", f"{_card_word(warned, failed)}, which the lists say")
    languages = entry.object("annotations").texts(LANGUAGES)
    if list(languages) != sorted({word for word in languages if word.isalpha()}):
        fields.refuse("configuration", f"{LANGUAGES}: ISO 639 codes, sorted, each once")
    return CardResult(profile, entry.digest(), passed, warned, failed, languages)


def _is_named(item: Fields, prefix: str) -> bool:
    name = item.raw("name")
    return isinstance(name, str) and name.startswith(prefix)


def _card_word(warned: tuple[str, ...], failed: tuple[str, ...]) -> str:
    if failed:
        return "FAILED"
    return "WARNED" if warned else "PASSED"


def _rules(fields: Fields, name: str) -> tuple[str, ...]:
    rules = fields.array(name)
    words = tuple(rule for rule in rules if isinstance(rule, str) and _RULE.fullmatch(rule))
    if len(words) != len(rules) or list(words) != sorted(set(words)):
        fields.refuse(name, "rule ids like HP101, sorted, each once")
    return words


# --- applicability/v0.1, waiver/v0.1, approval/v0.1 ----------------------------------------


def make_applicability_predicate(result: ApplicabilityResult) -> dict[str, object]:
    """Our own applicability v0.1."""
    return {
        "decision": result.decision,
        "table": result.table,
        "architecture": result.architecture,
        "outputShape": list(result.output_shape),
        "bindingLevel": result.binding_level,
        "runtime": make_runtime(result.runtime),
        "finishedOn": result.finished_on,
    }


def _parse_applicability(fields: Fields) -> ApplicabilityResult:
    words = ("generates-text", "no-generated-output", "generates-other")
    shape = fields.array("outputShape")
    if not all(type(size) is int and 0 <= size <= COUNT_LIMIT for size in shape):
        fields.refuse("outputShape", "an array of sizes")
    result = ApplicabilityResult(
        decision=cast("Applicability", fields.one_of("decision", words)),
        table=fields.words("table"),
        architecture=fields.words("architecture"),
        output_shape=tuple(cast("list[int]", shape)),
        binding_level=fields.count("bindingLevel", high=MAX_LEVEL),
        finished_on=parse_moment(fields, "finishedOn"),
        runtime=parse_runtime(fields),
    )
    fields.done()
    return result


def make_waiver_predicate(waiver: Waiver) -> dict[str, object]:
    """Our own waiver v0.1."""
    return {"rule": waiver.rule, "who": waiver.who, "why": waiver.why, "until": waiver.until}


def _parse_waiver(fields: Fields) -> Waiver:
    rule = fields.words("rule")
    if not _RULE.fullmatch(rule):
        fields.refuse("rule", "a rule id like HP203")
    waiver = Waiver(rule, fields.words("who"), fields.words("why"), fields.date("until"))
    fields.done()
    return waiver


def make_approval_predicate(approval: Approval) -> dict[str, object]:
    """Our own approval v0.1."""
    return {
        "role": approval.role,
        "decision": approval.decision,
        "reason": approval.reason,
        "binds": approval.binds,
        "evidence": [{"digest": {"sha256": sha256}} for sha256 in approval.evidence],
        "notAfter": approval.not_after,
        **({"approver": approval.approver} if approval.approver else {}),
    }


def _parse_approval(fields: Fields) -> Approval:
    role = fields.words("role")
    if not _APPROVER.fullmatch(role):
        fields.refuse("role", "an approver's role such as safety")
    decision = fields.one_of("decision", ("approve", "reject"))
    binds = fields.one_of("binds", ("closure", "card", "manifest"))
    evidence = fields.objects("evidence")
    approval = Approval(
        role=role,
        decision=cast("Literal['approve', 'reject']", decision),
        reason=fields.words("reason") if decision == "reject" else fields.text("reason"),
        binds=cast("Literal['closure', 'card', 'manifest']", binds),
        evidence=tuple(item.digest() for item in evidence),
        not_after=parse_moment(fields, "notAfter"),
        approver=fields.words("approver") if fields.has("approver") else "",
    )
    for item in (*evidence, fields):
        item.done()
    return approval


# --- verification_summary/v1 ---------------------------------------------------------------


def make_release_predicate(
    summary: ReleaseSummary, inputs: tuple[tuple[str, str], ...]
) -> dict[str, object]:
    """SLSA verification summary v1. ``inputs`` are (uri, payload sha256) pairs."""
    policy = summary.policy_sha256
    return {
        "verifier": {
            "id": summary.verifier_id,
            "version": {"hubpolicy": summary.verifier_version},
        },
        "timeVerified": summary.time_verified,
        "resourceUri": summary.resource_uri,
        "policy": {"uri": f".hubpolicy/policy/{policy}.json", "digest": {"sha256": policy}},
        "inputAttestations": [_make_input(uri, digest, summary) for uri, digest in inputs],
        "verificationResult": summary.result,
        "verifiedLevels": [RELEASE_LEVEL if summary.result == "PASSED" else "FAILED"],
        "slsaVersion": SLSA_VERSION,
    }


def _make_input(uri: str, digest: str, summary: ReleaseSummary) -> dict[str, object]:
    """in-toto ResourceDescriptor; its annotations say when a run was first released, and where."""
    made: dict[str, object] = {"uri": uri, "digest": {"sha256": digest}}
    for first in summary.first_released:
        if first.run == digest:
            made["annotations"] = {FIRST_TIME: first.time, FIRST_LINE: first.release}
    return made


def _first_releases(items: list[Fields], time_verified: str) -> tuple[FirstRelease, ...]:
    found = []
    for item in items:
        if not item.has("annotations"):
            continue
        notes = item.object("annotations")
        if not notes.has(FIRST_TIME) and not notes.has(FIRST_LINE):
            continue
        first = FirstRelease(item.digest(), notes.instant(FIRST_TIME), notes.hexdigest(FIRST_LINE))
        if first.time > time_verified:
            notes.refuse(FIRST_TIME, f"no instant after timeVerified, {time_verified}")
        found.append(first)
    return tuple(found)


def _parse_release(fields: Fields) -> ReleaseSummary:
    verifier = fields.object("verifier")
    result = fields.one_of("verificationResult", ("PASSED", "FAILED"))
    levels = fields.array("verifiedLevels")
    if (result == "PASSED") != (RELEASE_LEVEL in levels):
        fields.refuse("verifiedLevels", f"{RELEASE_LEVEL} if and only if the result is PASSED")
    items = fields.objects("inputAttestations")
    inputs = tuple(item.digest() for item in items)
    if len(set(inputs)) != len(inputs) or len(inputs) > _MAX_LIST:
        fields.refuse("inputAttestations", "each payload digest once")
    time_verified = fields.instant("timeVerified")
    return ReleaseSummary(
        verifier_id=verifier.one_of("id", (VERIFIER_ID,)),
        verifier_version=verifier.object("version").words("hubpolicy"),
        resource_uri=fields.words("resourceUri"),
        policy_sha256=fields.object("policy").digest(),
        time_verified=time_verified,
        inputs=inputs,
        result=cast("Literal['PASSED', 'FAILED']", result),
        first_released=_first_releases(items, time_verified),
    )


_PARSERS: dict[str, Callable[[Fields], Any]] = {
    TEST_RESULT: _parse_test_result,
    TOXICITY: parse_toxicity_predicate,
    APPLICABILITY: _parse_applicability,
    WAIVER: _parse_waiver,
    APPROVAL: _parse_approval,
    VSA: _parse_release,
}
