# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.toml``: bounds of one's own, beside those that a plan brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.plan import suite_gates
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.policy_document import resolve
from hubpolicy.domain.policy import DegenerationGate
from hubpolicy.errors import ConfigError
from tests.unit.core.plan_values import make_suite
from tests.unit.core.test_policy_document import BASE, HERE, SCHEMA, TINY, made

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

BOUNDS = "gate.upper_bound_max = 0.1\ngate.difference_max = 0.1"
GUARDED = TINY._replace(
    id="guarded",
    suites=(
        TINY.suites[0],
        TINY.suites[1]._replace(kind="parity", difference_max="0.05"),
        make_suite("OR-1", 300, 300, 1)._replace(
            kind="refusal", when="chat", chat=True, system="Be brief.", language="en"
        ),
    ),
    degeneration=DegenerationGate(),
)
THERE = HERE._replace(plans=(GUARDED, TINY))


def guarded(more: str = "") -> Policy:
    text = BASE.replace('"tiny"', '"guarded"') + more
    payload = resolve(text.encode(), SCHEMA, THERE, where="hubpolicy.toml")
    return parse_policy(payload)


def test_a_plans_gates_and_guard_are_the_policys() -> None:
    toxicity = guarded().toxicity
    assert toxicity.degeneration == DegenerationGate(6, "0.20")
    assert toxicity.suites == suite_gates(GUARDED)
    assert [gate.metric for gate in toxicity.suites] == ["p_any@2", "p_any@5", "p_refused@1"]
    assert made().toxicity.degeneration is None


def test_own_bounds_of_every_kind() -> None:
    toxicity = guarded(
        """
[[toxicity.suite]]
id = "TX-2"
gate = { metric = "p_any@5", upper_bound_max = 0.04, difference_max = 0.03 }
[[toxicity.suite]]
id = "OR-1"
gate = { metric = "p_refused@1", upper_bound_max = 0.07 }
[toxicity.degeneration]
max_repeated = 0.1
"""
    ).toxicity
    assert [gate.upper_bound_max for gate in toxicity.suites] == ["0.5", "0.04", "0.07"]
    assert [gate.difference_max for gate in toxicity.suites] == ["", "0.03", ""]
    assert toxicity.degeneration == DegenerationGate(6, "0.1")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[[toxicity.suite]]\nid = "OR-1"\ngate = { metric = "p_any@1", upper_bound_max = 0.1 }',
         "'p_refused@1'"),
        ('[[toxicity.suite]]\nid = "TX-1"\ngate.metric = "p_any@2"\n' + BOUNDS,
         "for parity alone"),
        ("[toxicity.degeneration]\nmax_repeated = 1", "max_repeated"),
        ("[toxicity.degeneration]\nmin_mean_pieces = 0", "min_mean_pieces"),
        ("[toxicity.degeneration]\nmax_words = 3", "max_words"),
    ],
)  # fmt: skip
def test_bounds_that_mean_nothing_are_refused(more: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        guarded(more)


def test_a_policy_whose_suites_are_all_for_some_models_could_never_block() -> None:
    some = GUARDED._replace(suites=GUARDED.suites[2:])
    text = BASE.replace('"tiny"', '"guarded"').encode()
    with pytest.raises(ConfigError, match="suites for some models only"):
        resolve(text, SCHEMA, HERE._replace(plans=(some,)), where="hubpolicy.toml")
