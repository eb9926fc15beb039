# SPDX-License-Identifier: Apache-2.0
"""Several child policies at once: their order and number say nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.judge import judge
from hubpolicy.core.policy import is_card_rule
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.errors import ConfigError
from tests.unit.core.policy_values import releases
from tests.unit.core.test_policy_child import PARENT, TIGHTER, under

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

CHILDREN = [*TIGHTER, '[roles]\napprover.legal = { threshold = 2, binds = "card" }']


@given(st.lists(st.sampled_from(CHILDREN), max_size=4))
def test_neither_order_nor_number_of_children_matters(texts: list[str]) -> None:
    policies = {
        repr(_sorted(under(*order))) for order in itertools.islice(itertools.permutations(texts), 6)
    }
    twice = repr(_sorted(under(*texts, *texts)))
    assert policies == {twice}


def _sorted(policy: Policy) -> tuple[object, ...]:
    plain = policy._replace(tightened=(), roles=(), rules=(), allowed_files=frozenset())
    roles, rules = sorted(policy.roles), sorted(policy.rules)
    return plain, roles, rules, sorted(policy.allowed_files)


def test_two_children_are_compared_with_the_governing_policy_and_not_with_each_other() -> None:
    strict, mild = "[toxicity]\nmax_age_days = 10", "[toxicity]\nmax_age_days = 20"
    for texts in ((strict, mild), (mild, strict)):
        policy = under(*texts)
        assert policy.toxicity.max_age_days == 10
        assert {(one.now, one.where) for one in policy.tightened} == {
            ("10", f"{texts.index(strict)}.toml"), ("20", f"{texts.index(mild)}.toml"),
        }  # fmt: skip


def test_children_that_cannot_be_met_together_are_an_error() -> None:
    one, other = (f'[targets]\nnamespaces = ["{name}"]' for name in ("acme", "acme-labs"))
    with pytest.raises(ConfigError, match=r"targets\.namespaces \[acme-labs\].*1\.toml"):
        under(one, other)


@given(st.sampled_from(CHILDREN), st.sampled_from(range(15)))
def test_whatever_passes_with_a_child_passes_without(text: str, which: int) -> None:
    evidence = releases()[which]
    if judge(evidence._replace(policy=under(text))).verdict == "passed":
        assert judge(evidence._replace(policy=PARENT)).verdict == "passed"


def test_a_child_adds_roles_and_rules_to_those_that_stand() -> None:
    policy = under('[roles]\napprover.legal = { threshold = 1, binds = "card" }')
    assert policy.roles == (*PARENT.roles, RoleRequirement("approver:legal", 1, "card"))
    assert all(is_card_rule(s.rule) or s.severity is Severity.ERROR for s in policy.rules)
