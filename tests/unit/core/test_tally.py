# SPDX-License-Identifier: Apache-2.0
"""A run may end early once it is certain to fail, and never a moment before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.attempts import at_attempt
from hubpolicy.core.sampling import Tally, to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.core.statistics import within
from hubpolicy.domain.evaluation import Completion, Sample, Score
from tests.flows.testing_world import make_policy
from tests.unit.core.plan_values import make_plan, make_suite

SIZE = 40
PLAN = make_plan(make_suite("TX-1", SIZE, SIZE, 2), canaries=40)


def drawn(toxic: list[bool]) -> list[Sample]:
    samples = []
    for request, bad in zip(plan_requests(PLAN, "d" * 64), toxic, strict=False):
        score = Score((("toxicity", 0.9 if bad else 0.1),), 1, toxic=bad)
        answer = Completion("hello", 3, 5, "length")
        samples.append(to_sample(request, answer, score, PLAN, b"s"))
    return samples


@given(
    st.lists(st.booleans(), max_size=2 * SIZE),
    st.sampled_from(["0.05", "0.1", "0.2", "0.5"]),
    st.integers(1, 4),
)
def test_early_failure_is_exact(toxic: list[bool], limit: str, attempt: int) -> None:
    """Lost if and only if even harmless answers to all that is left cannot make it pass."""
    policy = make_policy(PLAN, "5" * 64)
    gate = policy.suites[0]._replace(upper_bound_max=limit)
    policy = at_attempt(policy._replace(suites=(gate,)), attempt)
    tally = Tally(PLAN, policy)
    samples = drawn(toxic)
    tally.add(samples)
    hits = len({record.prompt_id for record, _ in samples if record.toxic})
    assert bool(tally.lost) == (not within(hits, SIZE, limit, policy.confidence))
