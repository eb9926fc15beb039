# SPDX-License-Identifier: Apache-2.0
"""What another policy means for releases: key by key, and release by release."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.core.judge import judge
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.policy_diff import NEEDS, WORDS, diff, needs, needs_of
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.policy import Policy, RoleRequirement, RuleSetting
from tests.golden.samples import sha
from tests.unit.core.policy_values import ENGLISH, MT_BENCH, policies, releases
from tests.unit.core.release_world import POLICY, SAFETY

TOXICITY = POLICY.toxicity
OTHER = POLICY._replace(sha256=sha("another policy"))


def toxic(**values: object) -> Policy:
    return OTHER._replace(toxicity=TOXICITY._replace(**values))  # type: ignore[arg-type]


CASES = {
    "nothing": (OTHER, ()),
    "version": (OTHER._replace(version=8), ("signature",)),
    "expires": (OTHER._replace(expires="2027-12-31"), ("signature",)),
    "looser": (toxic(max_attempts=5), ("signature",)),
    "looser bytes": (OTHER._replace(allowed_files=frozenset(("x.py",))), ("signature",)),
    "fewer weights": (OTHER._replace(weights=("onnx",)), ("signature", "bytes")),
    "bound": (
        toxic(suites=(TOXICITY.suites[0]._replace(upper_bound_max="0.01"), TOXICITY.suites[1])),
        ("signature", "recount"),
    ),
    "attempts": (toxic(max_attempts=1), ("signature", "recount")),
    "confidence": (toxic(confidence="0.99"), ("signature", "recount")),
    "suite": (toxic(suites=(*TOXICITY.suites, ENGLISH)), ("signature", "run")),
    "scorer": (toxic(scorers=frozenset((sha("new"),))), ("signature", "run")),
    "records": (toxic(records="publish"), ("signature",)),
    "level": (OTHER._replace(min_level=4), ()),
    "approver": (OTHER._replace(roles=(*POLICY.roles, SAFETY)), ("signature", "approval")),
    "releasers": (
        OTHER._replace(roles=(RoleRequirement("releaser", 2), POLICY.roles[1])),
        ("signature",),
    ),
    "checkers": (
        OTHER._replace(roles=(POLICY.roles[0], RoleRequirement("checker", 2))),
        ("signature", "run"),
    ),
    "card": (
        OTHER._replace(card=POLICY.card._replace(schema_sha256=sha("new"))),
        ("signature", "card"),
    ),
    "card rule": (
        OTHER._replace(rules=(RuleSetting("HP110", Severity.ERROR, waivable=False),)),
        ("signature", "card"),
    ),
    "evidence": (OTHER._replace(evidence=(MT_BENCH,)), ("signature", "evidence")),
}


@pytest.mark.parametrize("name", CASES)
def test_what_changes_says_what_releases_need(name: str) -> None:
    new, wanted = CASES[name]
    assert needs(diff(POLICY, new)) == wanted
    assert set(wanted) <= set(WORDS)


def test_what_was_tightened_is_loosened_the_other_way_round() -> None:
    new = toxic(max_attempts=1, confidence="0.99")
    there = {one.key: (one.direction, one.old, one.new) for one in diff(POLICY, new)}
    back = {one.key: (one.direction, one.new, one.old) for one in diff(new, POLICY)}
    assert there == {
        "toxicity.confidence": ("tightened", "0.95", "0.99"),
        "toxicity.max_attempts": ("tightened", "2", "1"),
    }
    assert back == {key: ("loosened", *values[1:]) for key, values in there.items()}


@given(policies(), policies())
def test_policies_that_differ_in_what_is_signed_differ_here(one: Policy, other: Policy) -> None:
    same = policy_payload(one) == policy_payload(other)
    found = diff(one, other)
    if not found:
        assert same or one.toxicity != other.toxicity  # 0.02 and 0.020 are one bound
    if same:
        assert found == ()


def test_every_key_has_a_need() -> None:
    assert NEEDS[-1] == ("", "signature")
    assert len({start for start, _ in NEEDS}) == len(NEEDS)


FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(policies(), st.sampled_from(range(15)))
def test_a_release_needs_nothing_exactly_if_it_passes(policy: Policy, which: int) -> None:
    decision = judge(releases()[which]._replace(policy=policy))
    standing = needs_of(decision.findings, held=True)
    assert (standing.verdict == "valid") == (decision.verdict == "passed")
    assert (standing.needs == () and standing.others == ()) == (decision.verdict == "passed")


def test_another_digest_alone_is_a_signature() -> None:
    decision = judge(releases()[0]._replace(policy=OTHER))
    standing = needs_of(decision.findings, held=True)
    assert (standing.needs, standing.others, standing.findings) == (("signature",), (), ())
    assert standing.verdict == "signature"


STANDINGS = {
    "fewer hits": (0, toxic(confidence="0.99"), ("signature",), ()),
    "a worse answer": (3, toxic(confidence="0.99"), ("signature",), ("HP203",)),
    "a missing suite": (0, toxic(suites=(*TOXICITY.suites, ENGLISH)), ("signature", "run"), ()),
    "nobody agreed": (
        0, OTHER._replace(roles=(*POLICY.roles, SAFETY)), ("signature", "approval"), ()),
    "an unchecked rule": (
        0, OTHER._replace(card=POLICY.card._replace(rules=("HP101", "HP119"))),
        ("signature", "card"), ()),
    "a format": (0, OTHER._replace(weights=("onnx",)), ("signature", "bytes"), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDINGS)
def test_what_one_release_needs(name: str) -> None:
    which, policy, wanted, others = STANDINGS[name]
    standing = needs_of(judge(releases()[which]._replace(policy=policy)).findings, held=True)
    assert (standing.needs, standing.others) == (wanted, others)
    assert standing.verdict == ("blocked" if others else wanted[-1])


def test_what_nothing_mends_blocks() -> None:
    finding = Finding("HP703", Severity.ERROR, "revoked")
    standing = needs_of((finding,), held=False)
    assert (standing.verdict, standing.others, standing.held) == ("blocked", ("HP703",), False)
    warning = finding._replace(severity=Severity.WARNING)
    assert needs_of((warning,), held=True).verdict == "valid"
