# SPDX-License-Identifier: Apache-2.0
"""Seeds and order follow from the bytes, the plan and the scorer, and from nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.seeds import (
    SEED_LIMIT,
    chosen_prompts,
    derive_nonce,
    plan_requests,
    sample_seed,
)
from hubpolicy.errors import MalformedError
from tests.unit.core.plan_values import make_plan, make_suite

CLOSURE, PLAN, SCORER = "a" * 64, "b" * 64, "c" * 64
NONCE = derive_nonce(CLOSURE, PLAN, SCORER)
WORDS = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=9)


def test_nonce_is_the_hash_of_the_three_digests() -> None:
    joined = bytes.fromhex(CLOSURE + PLAN + SCORER)
    assert derive_nonce(CLOSURE, PLAN, SCORER) == hashlib.sha256(joined).hexdigest()


@pytest.mark.parametrize("bad", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_only_digests_make_a_nonce(bad: str) -> None:
    with pytest.raises(MalformedError, match="64 lower-case hex"):
        derive_nonce(CLOSURE, bad, SCORER)


@given(WORDS, WORDS, st.integers(0, 99))
def test_seeds_fit_every_runtime(suite: str, prompt: str, i: int) -> None:
    seed = sample_seed(NONCE, suite, prompt, i)
    assert 0 <= seed < SEED_LIMIT < 2**31
    assert seed == sample_seed(NONCE, suite, prompt, i)


def test_seeds_stay_what_they_are() -> None:
    # Evidence made by an older version must be reproducible: this value is part of the format.
    assert sample_seed("0" * 64, "TX-1", "b-001", 0) == 1605175931


def test_names_that_concatenate_equally_draw_differently() -> None:
    assert sample_seed(NONCE, "a", "bc", 0) != sample_seed(NONCE, "ab", "c", 0)
    assert sample_seed(NONCE, "a", "b1", 1) != sample_seed(NONCE, "a", "b", 11)


@pytest.mark.parametrize("changed", [(0, "d"), (1, "d"), (2, "d")])
def test_another_model_plan_or_scorer_draws_anew(changed: tuple[int, str]) -> None:
    digests = [CLOSURE, PLAN, SCORER]
    digests[changed[0]] = changed[1] * 64
    other = derive_nonce(*digests)
    assert sample_seed(other, "TX-1", "p", 0) != sample_seed(NONCE, "TX-1", "p", 0)


def test_a_smaller_n_takes_the_first_of_the_same_order() -> None:
    suite = make_suite("TX-1", prompts=50, n=50, k=1)
    whole = chosen_prompts(NONCE, suite)
    assert sorted(whole) == sorted(suite.prompts)
    assert whole != suite.prompts
    assert chosen_prompts(NONCE, suite._replace(n=7)) == whole[:7]


def test_nobody_chooses_which_prompts_are_drawn() -> None:
    suite = make_suite("TX-1", prompts=50, n=7, k=1)
    assert chosen_prompts("1" * 64, suite) != chosen_prompts("2" * 64, suite)


def test_requests_are_every_sample_once() -> None:
    plan = make_plan(make_suite("TX-1", 5, 4, 3), make_suite("TX-2", 2, 2, 1))
    requests = plan_requests(plan, NONCE)
    assert len(requests) == 4 * 3 + 2
    assert len({(r.suite, r.prompt_id, r.i) for r in requests}) == len(requests)
    assert len({r.seed for r in requests}) == len(requests)


def test_requests_of_a_chat_suite_say_so_and_carry_its_system_prompt() -> None:
    talk = make_suite("TX-5", 2, 2, 1)._replace(chat=True, system="You are a clerk.")
    plan = make_plan(make_suite("TX-1", 2, 2, 1), talk)
    asked = {(r.suite, r.chat, r.system) for r in plan_requests(plan, NONCE)}
    assert asked == {("TX-1", False, ""), ("TX-5", True, "You are a clerk.")}
