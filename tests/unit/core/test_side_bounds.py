# SPDX-License-Identifier: Apache-2.0
"""Bounds beside the first: golden values, how often they hold, and that they fail closed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from hubpolicy.core.difference import difference_bound
from hubpolicy.core.measure import measure
from hubpolicy.core.side_bounds import corrected_steps, reference_steps, refuse_labelled
from hubpolicy.core.statistics import STEPS, format_steps
from hubpolicy.domain.policy import Labelled, Reference, ReferenceCounts
from hubpolicy.errors import MalformedError
from tests.unit.rules.toxicity_values import GATE, POLICY, SUITE

SCORER = Labelled(toxic=400, toxic_flagged=300, benign=400, benign_flagged=10)


def counts(toxic: tuple[int, int], benign: tuple[int, int] = (9, 0)) -> Labelled:
    return Labelled(*toxic, *benign)


@pytest.mark.parametrize(
    ("hits", "n", "toxic"),
    [(3, 600, (400, 300)), (0, 300, (100, 37)), (12, 600, (1000, 999)), (1, 50, (16, 6))],
)
def test_it_is_the_quotient_of_two_exact_bounds(hits: int, n: int, toxic: tuple[int, int]) -> None:
    """Clopper and Pearson's quantiles by scipy, each at half of alpha."""
    tail = 0.025
    high = float(beta.ppf(1 - tail, hits + 1, n - hits))
    low = float(beta.ppf(tail, toxic[1], toxic[0] - toxic[1] + 1))
    found = corrected_steps(hits, n, counts(toxic), "0.95") / STEPS
    assert found == pytest.approx(high / low, rel=2e-5, abs=3e-6)


def test_garaks_detector_leaves_much_open() -> None:
    """evaluation.md: of a sensitivity of 0.375 an observed 1 % is a true 2.7 %; the bound is above."""
    few, many = Labelled(16, 6, 16, 0), Labelled(1600, 600, 16, 0)
    assert corrected_steps(10, 1000, many, "0.95") / STEPS == pytest.approx(0.0523, abs=5e-4)
    assert corrected_steps(10, 1000, few, "0.95") / STEPS > 0.1


def test_it_is_wrong_no_oftener_than_it_says() -> None:
    """Prompts of k answers, of which a toxic one is flagged with the scorer's sensitivity."""
    draw, runs, true, sensitivity, k = random.Random(7), 300, 0.03, 0.6, 5
    above = 0
    for _ in range(runs):
        hits = 0
        for _ in range(400):
            toxic = draw.randrange(1, k + 1) if draw.random() < true else 0
            hits += any(draw.random() < sensitivity for _ in range(toxic))
        flagged = sum(draw.random() < sensitivity for _ in range(150))
        bound = corrected_steps(hits, 400, Labelled(150, flagged, 1, 0), "0.9")
        above += bound >= true * STEPS
    assert above >= 0.9 * runs


SHARES = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(SHARES, SHARES)
def test_it_is_never_below_what_was_flagged_and_falls_with_sensitivity(
    flagged: tuple[int, int], toxic: tuple[int, int]
) -> None:
    n, hits = flagged
    bound = corrected_steps(hits, n, counts(toxic), "0.95")
    assert hits * STEPS <= bound * n <= n * STEPS
    better = counts((toxic[0], min(toxic[1] + 1, toxic[0])))
    assert corrected_steps(hits, n, better, "0.95") <= bound
    assert corrected_steps(min(hits + 1, n), n, counts(toxic), "0.95") >= bound


@pytest.mark.parametrize("labelled", [None, Labelled(50, 0, 50, 0)])
def test_of_a_scorer_of_which_nothing_is_known_everything_is_possible(
    labelled: Labelled | None,
) -> None:
    assert corrected_steps(0, 600, labelled, "0.95") == STEPS


@pytest.mark.parametrize(
    "labelled",
    [Labelled(0, 0, 5, 0), Labelled(5, 6, 5, 0), Labelled(5, 5, 5, 6), Labelled(5, -1, 5, 0),
     Labelled(5, 5, 0, 0)],
)  # fmt: skip
def test_impossible_labelled_sets_are_refused(labelled: Labelled) -> None:
    with pytest.raises(MalformedError, match="expected counts"):
        refuse_labelled(labelled)


def test_the_reference_counts_only_what_it_said() -> None:
    """A reference that says nothing usable would make room for whatever is compared with it."""
    clean, silent = ReferenceCounts("TX-1", 600, 6, 0), ReferenceCounts("TX-1", 600, 300, 294)
    one = reference_steps(12, 600, clean, "0.95")
    assert one == reference_steps(12, 600, silent, "0.95")
    assert format_steps(one) == difference_bound(12, 600, 6, 600, "0.95")
    assert reference_steps(0, 600, None, "0.95") == STEPS


def test_what_the_policy_knows_is_shown_and_what_it_limits_decides() -> None:
    reference = Reference("gpt2", "9" * 64, "8" * 64, (ReferenceCounts("TX-1", 600, 6, 0),))
    known = POLICY._replace(labelled=SCORER, reference=reference)
    (shown,) = measure((SUITE,), known)
    assert [(s.kind, s.limit, s.passed, s.of) for s in shown.beside] == [
        ("corrected", "", True, ""),
        ("reference", "", True, "gpt2"),
    ]
    assert shown.holds
    assert [side.what for side in shown.beside] == ["with the scorer's misses", "above gpt2"]
    for gate, kind in (("corrected_max", "corrected"), ("reference_max", "reference")):
        for limit, holds in (("0.0001", False), ("0.9", True)):
            bounds: dict[str, Any] = {gate: limit}
            asked = known._replace(suites=(GATE._replace(**bounds),))
            (measured,) = measure((SUITE,), asked)
            (side,) = (s for s in measured.beside if s.kind == kind)
            assert (side.limit, side.passed, measured.holds) == (limit, holds, holds)
            assert measured.passed
    assert measure((SUITE,), POLICY)[0].beside == ()


def test_other_kinds_have_no_second_bound() -> None:
    gate = GATE._replace(kind="refusal", corrected_max="0.5")
    suite = SUITE._replace(kind="refusal")
    assert measure((suite,), POLICY._replace(suites=(gate,), labelled=SCORER))[0].beside == ()
