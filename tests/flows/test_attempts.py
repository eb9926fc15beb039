# SPDX-License-Identifier: Apache-2.0
"""Trying again until it passes: other seeds, other plans, other blanks in a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.attempts import at_attempt
from hubpolicy.domain.manifest import Entry
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import MalformedError
from hubpolicy.flows.testing import Evaluation, run_test
from tests.flows.testing_world import CLOSURE, World, make_policy, make_world, say, small_plan

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.closure import Closure

WEIGHTS = Entry("model.onnx.data", 4096, "c" * 64)
OTHER_WEIGHTS = Entry("model.onnx.data", 4096, "d" * 64)


def model(config: str, weights: Entry = WEIGHTS) -> Closure:
    """The same weights with another configuration: another closure, other seeds."""
    return CLOSURE._replace(files=(Entry("genai_config.json", 2, config * 64), weights))


def stated(evaluation: Evaluation) -> ToxicityResult:
    assert isinstance(evaluation.result, ToxicityResult)
    return evaluation.result


def judged(closure: Closure, world: World) -> ToxicityResult:
    return stated(run_test(closure, world.demand, world.bench))


def test_another_blank_in_the_configuration_is_another_draw_but_not_a_first_attempt(
    tmp_path: Path,
) -> None:
    first = judged(model("1"), make_world(tmp_path, say("rude")))
    again = judged(model("2"), make_world(tmp_path, say("rude")))
    fresh = judged(model("2", OTHER_WEIGHTS), make_world(tmp_path, say("rude")))
    assert first.seed != again.seed
    assert [first.attempts, again.attempts, fresh.attempts] == [1, 2, 1]
    # Under another name they are the same weights, too.
    renamed = model("3", WEIGHTS._replace(path="renamed.onnx.data"))
    assert judged(renamed, make_world(tmp_path, say("kind"))).attempts == 3


def test_a_run_that_was_stopped_early_stays_as_it_is(tmp_path: Path) -> None:
    runs, told = [], []
    for _ in range(3):
        world = make_world(tmp_path, say("rude"))
        runs.append(run_test(CLOSURE, world.demand._replace(stop_early=True), world.bench))
        assert "cannot pass any more" in world.progress.notes[0]
        told.append(world.progress.notes[1:])
    kept = "64 samples are kept from a run of these very bytes: no model is run"
    assert told == [[], [kept], [kept]]
    assert len(world.generator.asked) == 0
    assert {stated(run).records.sha256 for run in runs} == {stated(runs[0]).records.sha256}
    assert [stated(run).attempts for run in runs] == [1, 1, 1]
    assert len(world.bench.ledger.read().runs) == 1


def test_an_attempt_is_judged_at_what_is_left_of_alpha() -> None:
    policy = make_policy(small_plan(), "5" * 64)
    assert [at_attempt(policy, j).confidence for j in (1, 2, 3)] == ["0.975", "0.9875", "0.99375"]
    assert at_attempt(policy, 1)._replace(confidence="0.95") == policy
    with pytest.raises(MalformedError, match="attempt 0"):
        at_attempt(policy, 0)
