# SPDX-License-Identifier: Apache-2.0
"""A run holds as long as it covers the plan asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp204
from tests.unit.rules.toxicity_values import GATE, POLICY, RESULT, SAMPLING, SUITE

if TYPE_CHECKING:
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
    ],
)
def test_less_or_other_does_not_cover(run: SuiteCounts, word: str) -> None:
    (finding,) = hp204.check(RESULT._replace(suites=(run,)), POLICY)
    assert finding.effect == "inconclusive"
    assert word in finding.message


def test_a_smoke_run_never_opens_the_gate() -> None:
    assert hp204.check(RESULT._replace(opens_gate=False, plan="smoke"), POLICY)


def test_a_policy_that_asks_for_nothing_is_not_satisfied() -> None:
    assert hp204.check(RESULT, POLICY._replace(suites=()))
    assert hp204.check(RESULT, POLICY._replace(opens_gate=False))


def test_every_suite_asked_for_is_needed() -> None:
    policy = POLICY._replace(suites=(GATE, GATE._replace(id="TX-2"), GATE._replace(id="TX-3")))
    assert len(hp204.check(RESULT, policy)) == 2
