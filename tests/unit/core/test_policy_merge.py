# SPDX-License-Identifier: Apache-2.0
"""Two policies become the stricter of both, or an error: whatever passes the join passes each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hubpolicy.core.judge import judge
from hubpolicy.core.merge_operators import Leaf, Sided
from hubpolicy.core.policy_merge import OPERATORS, Each, Part, changes, merge, shown
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    DegenerationGate,
    EvidenceItem,
    EvidenceMetric,
    Labelled,
    Policy,
    Reference,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
)
from hubpolicy.errors import ConfigError
from tests.golden.samples import SAMPLING, sha
from tests.unit.core.policy_values import (
    ENGLISH,
    GERMAN,
    MORE,
    MT_BENCH,
    SMALL,
    neighbours,
    policies,
    releases,
)
from tests.unit.core.release_world import POLICY, SAFETY

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

TOXICITY = POLICY.toxicity
FEW = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def test_every_key_of_a_policy_has_one_operator() -> None:
    """Whoever adds a key says here what a child may do with it."""
    reached: list[Any] = [Policy]
    for kind in reached:
        assert set(OPERATORS[kind]) == set(kind._fields), kind
        for _, operator in OPERATORS[kind].values():
            if isinstance(operator, (Part, Each)) and operator.of not in reached:
                reached.append(operator.of)
    assert set(reached) == set(OPERATORS)


def canonical(value: Any) -> Any:
    """A policy without the order of its lists, and numbers as numbers."""
    if isinstance(value, (Policy, *OPERATORS)):
        return {name: canonical(getattr(value, name)) for name in value._fields}  # type: ignore[attr-defined]
    if isinstance(value, (tuple, frozenset)):
        return sorted((canonical(each) for each in value), key=repr)
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return float(value)
    return value


def joined(*policies_: Policy) -> Any:
    """All of them, from left to right; None where there is no such policy."""
    whole = policies_[0]
    for policy in policies_[1:]:
        try:
            whole = merge(whole, policy)
        except ConfigError:
            return None
    return whole


@given(policies())
def test_a_policy_with_itself_is_itself(policy: Policy) -> None:
    assert merge(policy, policy) == policy
    assert changes(policy, policy) == ()


@given(policies(), policies())
def test_the_order_of_two_does_not_matter(one: Policy, other: Policy) -> None:
    assert canonical(joined(one, other)) == canonical(joined(other, one))


@given(policies(), policies(), policies())
def test_the_grouping_of_three_does_not_matter(one: Policy, two: Policy, three: Policy) -> None:
    right = joined(two, three)
    assert canonical(joined(one, two, three)) == canonical(
        None if right is None else joined(one, right)
    )


@given(policies(), policies())
def test_the_join_is_at_least_as_strict_as_each(one: Policy, other: Policy) -> None:
    both = joined(one, other)
    assume(both is not None)
    for policy in (one, other):
        assert {change.direction for change in changes(policy, both)} <= {"tightened"}
        assert canonical(merge(both, policy)) == canonical(both)


def allowed(evidence: Evidence, policy: Policy) -> bool:
    try:
        return judge(evidence._replace(policy=policy)).verdict == "passed"
    except ConfigError:
        return False  # it expired


@FEW
@given(neighbours(), neighbours(), st.sampled_from(range(15)))
def test_what_passes_the_join_passes_both(one: Policy, other: Policy, which: int) -> None:
    both = joined(one, other)
    assume(both is not None)
    evidence = releases()[which]
    if allowed(evidence, both):
        assert allowed(evidence, one)
        assert allowed(evidence, other)


def test_some_releases_pass_some_policies_and_none_passes_all() -> None:
    """Else the property above would hold of a judge that says no to everything."""
    loose = POLICY._replace(
        min_level=0, toxicity=TOXICITY._replace(max_attempts=2, confidence="0.9")
    )
    strict = merge(loose, loose._replace(roles=(*POLICY.roles, SAFETY)))
    passed = [sum(allowed(evidence, policy) for evidence in releases())
              for policy in (loose, POLICY, strict)]  # fmt: skip
    assert len(releases()) == 17
    assert passed[0] > passed[2] > 0
    assert len(releases()) > passed[0]


def toxic(**values: Any) -> Policy:
    return POLICY._replace(toxicity=TOXICITY._replace(**values))


def rule(severity: Severity, *, waivable: bool = False, name: str = "HP110") -> Policy:
    return POLICY._replace(rules=(RuleSetting(name, severity, waivable),))


def bound(value: str, **values: Any) -> Policy:
    first, *rest = TOXICITY.suites
    return toxic(suites=(first._replace(upper_bound_max=value, **values), *rest))


def role(requirement: RoleRequirement) -> Policy:
    others = tuple(r for r in POLICY.roles if r.role != requirement.role)
    return POLICY._replace(roles=(*others, requirement))


def at_most(threshold: str) -> EvidenceItem:
    metric = EvidenceMetric("toxic", (("task", "toxigen"),), "at most", threshold)
    return MT_BENCH._replace(metrics=(metric,))


STRICTER: dict[str, tuple[Policy, Policy]] = {
    "expires": (POLICY, POLICY._replace(expires="2026-12-31")),
    "targets.namespaces": (POLICY._replace(namespaces=()), POLICY),
    "targets.workspaces": (POLICY._replace(workspaces=("dev",)), POLICY),
    "targets.exempt": (POLICY._replace(exempt=("acme/x",)), POLICY),
    "files.weights": (POLICY, POLICY._replace(weights=("onnx",))),
    "publish.history": (POLICY._replace(history="tips"), POLICY),
    "files.allowed": (POLICY._replace(allowed_files=frozenset(("x.py",))), POLICY),
    "binding.min_level": (POLICY._replace(min_level=2), POLICY),
    "binding.serve_templates": (toxic(templates=frozenset((sha("t"),))), POLICY),
    "card.rules": (POLICY, POLICY._replace(card=POLICY.card._replace(
        rules=(*POLICY.card.rules, "HP113")))),
    "toxicity.suite.TX-1.gate.upper_bound_max": (POLICY, bound("0.01")),
    "toxicity.suite.TX-1.n": (POLICY, bound("0.02", n=700)),
    "toxicity.suite.TX-3": (POLICY, toxic(suites=(*TOXICITY.suites, ENGLISH))),
    "toxicity.require_tier": (POLICY, toxic(require_tier="detoxify")),
    "toxicity.scorer": (toxic(scorers=TOXICITY.scorers | {sha("other")}), POLICY),
    "toxicity.confidence": (POLICY, toxic(confidence="0.99")),
    "toxicity.max_age_days": (POLICY, toxic(max_age_days=30)),
    "toxicity.max_attempts": (POLICY, toxic(max_attempts=0)),
    "toxicity.degeneration": (POLICY, toxic(degeneration=DegenerationGate())),
    "toxicity.canaries.min_toxic_flagged": (POLICY, toxic(
        canaries=TOXICITY.canaries._replace(min_toxic_flagged="0.99"))),
    "toxicity.canaries.max_benign_flagged": (POLICY, toxic(
        canaries=TOXICITY.canaries._replace(max_benign_flagged="0.01"))),
    "roles.releaser.threshold": (POLICY, role(RoleRequirement("releaser", 2))),
    "roles.checker.distinct_from": (
        POLICY, role(RoleRequirement("checker", 1, distinct_from="releaser"))),
    "roles.approver.safety": (POLICY, POLICY._replace(roles=(*POLICY.roles, SAFETY))),
    "rules.HP110": (POLICY, rule(Severity.ERROR)),
    "rules.HP110.severity": (rule(Severity.WARNING), rule(Severity.ERROR)),
    "rules.HP110.waivable": (rule(Severity.ERROR, waivable=True), rule(Severity.ERROR)),
    "evidence.mt-bench.max_age_days": (
        POLICY._replace(evidence=(MT_BENCH,)),
        POLICY._replace(evidence=(MT_BENCH._replace(max_age_days=30),))),
    "evidence.mt-bench.metric.score.threshold": (
        POLICY._replace(evidence=(MT_BENCH,)),
        POLICY._replace(evidence=(MT_BENCH._replace(
            metrics=(MT_BENCH.metrics[0]._replace(threshold="7"),)),))),
    "evidence.mt-bench.metric.score.min_samples": (
        POLICY._replace(evidence=(MT_BENCH,)),
        POLICY._replace(evidence=(MT_BENCH._replace(
            metrics=(MT_BENCH.metrics[0]._replace(min_samples=80),)),))),
    "evidence.mt-bench.metric.toxic.threshold": (
        POLICY._replace(evidence=(at_most("0.10"),)), POLICY._replace(evidence=(at_most("0.05"),))),
    "toxicity.quantized_plan": (toxic(quantized=SMALL), POLICY),
    "toxicity.suite.TX-1.gate.corrected_upper_bound_max": (
        bound("0.02", corrected_max="0.1"), bound("0.02", corrected_max="0.05")),
    "toxicity.suite.TX-1.gate.difference_to_reference_max": (
        POLICY, bound("0.02", reference_max="0.05")),
    "toxicity.suite.TX-1.when": (bound("0.02", when="chat"), POLICY),
    "evidence.toxigen": (
        POLICY._replace(evidence=(MT_BENCH,)),
        POLICY._replace(evidence=(MT_BENCH, MT_BENCH._replace(name="toxigen")))),
}  # fmt: skip


@pytest.mark.parametrize("key", STRICTER)
def test_one_way_tightens_and_the_other_loosens(key: str) -> None:
    loose, strict = STRICTER[key]
    assert [(c.key, c.direction) for c in changes(loose, strict)] == [(key, "tightened")]
    assert [(c.key, c.direction) for c in changes(strict, loose)] == [(key, "loosened")]
    assert canonical(merge(loose, strict)) == canonical(strict)
    assert canonical(merge(strict, loose)) == canonical(strict)


ALONE = RoleRequirement("approver:safety", 1, "manifest")
APARTS: dict[str, tuple[Policy, Policy]] = {
    "id": (POLICY, POLICY._replace(id="evil/release")),
    "version": (POLICY, POLICY._replace(version=6)),
    "mode": (POLICY, POLICY._replace(mode="observe", observe_until="2026-12-01")),
    "targets.namespaces": (POLICY, POLICY._replace(namespaces=("evil",))),
    "files.weights": (
        POLICY._replace(weights=("onnx",)), POLICY._replace(weights=("gguf",))),
    "card.profile": (POLICY, POLICY._replace(card=POLICY.card._replace(profile="lax"))),
    "card.schema_sha256": (
        POLICY, POLICY._replace(card=POLICY.card._replace(schema_sha256=sha("lax")))),
    "toxicity.plan": (POLICY, toxic(plan="other", plan_sha256=sha("other"),
                                    suites=(TOXICITY.suites[0], ENGLISH))),
    "toxicity.scorer": (POLICY, toxic(scorers=frozenset((sha("blind"),)))),
    "toxicity.records": (POLICY, toxic(records="publish")),
    "toxicity.labelled": (POLICY, toxic(labelled=Labelled(4, 3, 4, 0))),
    "toxicity.reference": (
        toxic(reference=Reference("gpt2", sha("a"), sha("b"), ())),
        toxic(reference=Reference("gpt2", sha("c"), sha("b"), ()))),
    "toxicity.canaries.sha256": (
        POLICY, toxic(canaries=TOXICITY.canaries._replace(sha256=sha("easy")))),
    "toxicity.suite.TX-1.k": (POLICY, bound("0.02", k=10)),
    "toxicity.suite.TX-1.when": (bound("0.02", when="chat"), bound("0.02", when="declared")),
    "toxicity.suite.TX-1.prompts": (POLICY, bound("0.02", prompts_sha256=sha("easy"))),
    "toxicity.suite.TX-1.sampling": (
        POLICY, bound("0.02", sampling=SAMPLING._replace(temperature="0.1"))),
    "toxicity.suite.TX-DE": (POLICY, toxic(suites=(*TOXICITY.suites, GERMAN))),
    "roles.approver.safety": (POLICY, POLICY._replace(roles=(*POLICY.roles, ALONE))),
    "roles.approver.legal.binds": (
        role(RoleRequirement("approver:legal", 1, "card")),
        role(RoleRequirement("approver:legal", 1, "manifest"))),
    "rules.HP110.severity": (rule(Severity.INFO), rule(Severity.ERROR)),
    "rules.HP110": (POLICY, rule(Severity.INFO)),
    "evidence.mt-bench": (POLICY, POLICY._replace(evidence=(MT_BENCH,))),
    "evidence.mt-bench.metric.extra": (
        POLICY._replace(evidence=(MT_BENCH,)), POLICY._replace(evidence=(MORE,))),
    "evidence.mt-bench.metric.score.source": (
        POLICY._replace(evidence=(MT_BENCH,)),
        POLICY._replace(evidence=(MT_BENCH._replace(
            metrics=(MT_BENCH.metrics[0]._replace(source=(("task", "easy"),)),)),))),
}  # fmt: skip


@pytest.mark.parametrize("key", APARTS)
def test_what_is_neither_looser_nor_stricter_has_no_join(key: str) -> None:
    one, other = APARTS[key]
    for parent, child in ((one, other), (other, one)):
        with pytest.raises(ConfigError) as raised:
            merge(parent, child, where="the folder")
        assert raised.value.message.endswith("in the folder")
        assert f"got {key} " in raised.value.message
    assert "apart" in {change.direction for change in changes(one, other)}


@pytest.mark.parametrize("severity", [Severity.OFF, Severity.WARNING])
def test_of_a_rule_of_which_one_says_nothing_the_join_is_an_error(severity: Severity) -> None:
    """Nobody knows here which severities its findings have."""
    for one, other in ((POLICY, rule(severity)), (rule(severity, waivable=True), POLICY)):
        assert merge(one, other).rules == rule(Severity.ERROR).rules
        assert {change.direction for change in changes(one, other)} == {"changed"}


def test_names_of_which_some_are_shared_change() -> None:
    first, second = (POLICY._replace(namespaces=("shared", name)) for name in ("acme", "labs"))
    assert merge(first, second).namespaces == ("shared",)
    assert {change.direction for change in changes(first, second)} == {"changed"}


def test_a_plan_that_covers_the_other_is_the_stricter_one() -> None:
    large = toxic(plan="strict", plan_sha256=sha("strict"), suites=(*TOXICITY.suites, ENGLISH))
    both = merge(POLICY, large)
    assert (both.toxicity.plan, both.toxicity.plan_sha256) == ("strict", sha("strict"))
    assert canonical(merge(large, POLICY)) == canonical(both)
    assert [c.key for c in changes(POLICY, large)] == ["toxicity.plan", "toxicity.suite.TX-3"]


def test_the_digest_that_releases_name_stays_the_parents() -> None:
    assert merge(POLICY, POLICY._replace(sha256=sha("child"))).sha256 == POLICY.sha256


def test_a_suite_cannot_stand_in_for_one_in_another_language() -> None:
    """HP213 asks that a declared language was tested by suites that the policy names."""
    with_german = toxic(suites=(*TOXICITY.suites, GERMAN))
    easy = GERMAN._replace(id="TX-EASY", prompts_sha256=sha("easy"), when="always")
    with pytest.raises(ConfigError, match=r"TX-EASY"):
        merge(with_german, toxic(suites=(*with_german.toxicity.suites, easy)))
    always = toxic(suites=(*TOXICITY.suites, GERMAN._replace(when="always")))
    more = toxic(suites=(*always.toxicity.suites, easy))
    assert merge(always, more).toxicity.suites == more.toxicity.suites


LEAVES = sorted(
    {id(op): op for rows in OPERATORS.values() for _, op in rows.values()
     if isinstance(op, Leaf)}.values(),
    key=lambda leaf: leaf.name,
)  # fmt: skip


def test_each_operator_says_what_it_asks_of_a_child() -> None:
    assert all(leaf.words and leaf.name for leaf in LEAVES)
    sided = [op for rows in OPERATORS.values() for _, op in rows.values() if isinstance(op, Sided)]
    assert {side for op in sided for side in op.sides} == {"at least", "at most"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "nothing"),
        (None, "nothing"),
        (True, "true"),
        (Severity.ERROR, "error"),
        (("b", "a"), "[b, a]"),
        (frozenset(("b", "a")), "[a, b]"),
        (3, "3"),
        (DegenerationGate(), "{ min_mean_pieces = 6, max_repeated = 0.20 }"),
        (SAFETY, "{ role = approver:safety, threshold = 1, binds = closure }"),
    ],
)
def test_values_are_shown_as_they_are_written(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_suite_is_shown_by_the_names_in_the_file() -> None:
    suite = SuiteGate("TX-1", sha("p"), 600, 5, SAMPLING, "0.02")
    assert "gate.upper_bound_max = 0.02" in shown(suite)
