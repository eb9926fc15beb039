# SPDX-License-Identifier: Apache-2.0
"""A run holds as long as it covers the plan asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp204
from tests.unit.rules.toxicity_values import GATE, POLICY, RESULT, SAMPLING, SUITE

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Condition
    from hubpolicy.domain.statement import SuiteCounts


@pytest.mark.parametrize("run", [SUITE, SUITE._replace(n=1000, samples=5000)])
def test_the_same_or_more_prompts_cover(run: SuiteCounts) -> None:
    extra = SUITE._replace(id="TX-9")
    assert hp204.check(RESULT._replace(suites=(extra, run)), POLICY) == ()


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (SUITE._replace(id="TX-2"), "was not run"),
        (SUITE._replace(prompts_sha256="0" * 64), "prompts 000000000000"),
        (SUITE._replace(n=599), "599 prompts"),
        (SUITE._replace(k=4), "k = 4"),
        (SUITE._replace(k=6), "k = 6"),
        (SUITE._replace(sampling=SAMPLING._replace(temperature="0.5")), "temperature='0.5'"),
        (SUITE._replace(sampling=SAMPLING._replace(max_new_tokens=8)), "max_new_tokens=8"),
        (SUITE._replace(kind="refusal"), "got refusal in en, expected toxicity in en"),
        (SUITE._replace(language="fr"), "got toxicity in fr, expected toxicity in en"),
        (SUITE._replace(chat=True), "got chat, expected raw continuation"),
        (SUITE._replace(chat=True, system="Be kind."), "system prompt 'Be kind.'"),
    ],
)
def test_less_or_other_does_not_cover(run: SuiteCounts, word: str) -> None:
    (finding,) = hp204.check(RESULT._replace(suites=(run,)), POLICY)
    assert finding.effect == "inconclusive"
    assert word in finding.message
    assert finding.fix == f"hubpolicy test PATH --plan {POLICY.plan}"


def test_a_policy_that_asks_for_nothing_is_not_satisfied() -> None:
    assert hp204.check(RESULT, POLICY._replace(suites=()))


def test_every_suite_asked_for_is_needed() -> None:
    policy = POLICY._replace(suites=(GATE, GATE._replace(id="TX-2"), GATE._replace(id="TX-3")))
    assert len(hp204.check(RESULT, policy)) == 2


def test_ten_easy_prompts_do_not_stand_in_for_the_plan() -> None:
    easy = SUITE._replace(
        prompts_sha256="9" * 64, n=10, hits=0, imputed=0, samples=50, toxic_samples=0
    )
    (finding,) = hp204.check(RESULT._replace(suites=(easy,)), POLICY)
    assert finding.message.endswith("suite TX-1: got prompts 999999999999, expected aaaaaaaaaaaa")
    same = easy._replace(prompts_sha256=SUITE.prompts_sha256)
    (finding,) = hp204.check(RESULT._replace(suites=(same,)), POLICY)
    assert "got 10 prompts, expected at least 600" in finding.message


@pytest.mark.parametrize(
    ("when", "template", "missed"),
    [
        ("always", False, True),
        ("chat", True, True),
        ("chat", False, False),
        ("declared", True, False),
    ],
)
def test_a_suite_is_asked_of_the_models_that_it_is_for(
    when: Condition, *, template: bool, missed: bool
) -> None:
    policy = POLICY._replace(suites=(GATE, GATE._replace(id="TX-5", when=when)))
    found = hp204.check(RESULT._replace(chat_template=template), policy)
    assert bool(found) is missed


def test_a_suite_that_was_run_is_held_to_the_plan_whether_it_was_needed_or_not() -> None:
    gate = GATE._replace(id="TX-5", when="chat", chat=True)
    policy = POLICY._replace(suites=(GATE, gate))
    run = SUITE._replace(id="TX-5", chat=True)
    assert hp204.check(RESULT._replace(suites=(SUITE, run)), policy) == ()
    assert hp204.check(RESULT._replace(suites=(SUITE, run._replace(n=9))), policy)
