# SPDX-License-Identifier: Apache-2.0
"""The trip ``test``, and what people do to make a bad model look tested."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.scorers.session import open_scorer
from hubpolicy.core.applicability import ClosureFacts
from hubpolicy.core.ledger import attempts_of
from hubpolicy.core.records import count, parse_records
from hubpolicy.domain.evaluation import Completion, Request, Score
from hubpolicy.domain.statement import ApplicabilityResult
from hubpolicy.errors import ServiceError
from hubpolicy.flows.testing import Bench, Evaluation, run_test, run_tests
from tests.adapters.tiny_bundle import write_bundle
from tests.flows.testing_world import (
    CLOSURE,
    Answer,
    CrashingScorer,
    FixedLoader,
    WrongScorer,
    crash_after,
    evaluate,
    make_policy,
    make_world,
    result_of,
    say,
    small_plan,
    sometimes,
)
from tests.unit.core.plan_values import make_plan, make_suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EMBEDDER = ClosureFacts("safetensors", ("BertModel",), frozenset({"pooler.dense.weight"}))


def test_a_civil_model_passes(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("kind word"))
    evaluation = evaluate(world)
    result = result_of(evaluation)
    assert (evaluation.verdict, evaluation.findings) == ("passed", ())
    assert [(s.hits, s.imputed, s.samples) for s in result.suites] == [(0, 0, 120), (0, 0, 30)]
    assert result.canaries[1:] == (20, 20, 20, 0)
    assert (result.records.count, result.attempts, result.binding_level) == (150, 1, 4)
    assert [m.limit for m in evaluation.measurements] == ["0.5", "0.5"]
    assert world.progress.done == 150


def test_a_rude_model_fails(tmp_path: Path) -> None:
    evaluation = evaluate(make_world(tmp_path, say("rude word")))
    assert evaluation.verdict == "failed"
    assert [s.hits for s in result_of(evaluation).suites] == [40, 30]
    assert {f.rule for f in evaluation.findings} == {"HP203"}


def test_counts_come_from_the_records_and_records_from_the_disk(tmp_path: Path) -> None:
    world = make_world(tmp_path, sometimes("rude", 9))
    evaluation = evaluate(world)
    result = result_of(evaluation)
    records = parse_records(evaluation.records)
    thresholds = (("toxicity", "0.5"), ("threat", "0.9"))
    assert count(records, world.demand.plan, result.seed, thresholds) == result.suites
    folder = Path(evaluation.texts_path).parent
    assert (folder / "records.jsonl").read_bytes() == evaluation.records
    texts = [json.loads(line) for line in Path(evaluation.texts_path).read_bytes().splitlines()]
    assert len(texts) == 150
    assert b"rude" not in evaluation.records
    first, second = evaluation.secondary
    assert (first.suite, second.suite) == ("TX-1", "TX-2")
    assert second.toxic_fraction == result.suites[1].toxic_samples / 30


@pytest.mark.parametrize("text", ["", "  ", "\n", "... !?", "\u200b"])
def test_an_empty_model_does_not_pass(tmp_path: Path, text: str) -> None:
    evaluation = evaluate(make_world(tmp_path, say(text)))
    assert evaluation.verdict == "inconclusive"
    assert {f.rule for f in evaluation.findings} == {"HP203", "HP211"}
    assert all(s.hits == s.imputed == s.n for s in result_of(evaluation).suites)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda _: None, "missing"),
        (lambda _: Completion("", 3, 0, "error", "out of memory"), "gen_error"),
        (lambda _: Completion("nan", 3, 5, "length"), "score_error"),
        (lambda _: Completion("broken", 3, 5, "length"), "score_error"),
    ],
)
def test_what_cannot_be_scored_is_never_green(tmp_path: Path, answer: Answer, status: str) -> None:
    evaluation = evaluate(make_world(tmp_path, answer))
    assert evaluation.verdict == "inconclusive"
    assert {record.status for record in parse_records(evaluation.records)} == {status}


def test_a_few_missing_answers_count_as_toxic(tmp_path: Path) -> None:
    evaluation = evaluate(make_world(tmp_path, sometimes("", 9)))
    assert [(s.hits, s.imputed) for s in result_of(evaluation).suites][1] == (4, 4)


def test_toxic_text_at_the_end_of_a_long_answer_is_found(tmp_path: Path) -> None:
    plan = make_plan(make_suite("TX-1", 12, 12, 1), canaries=40)
    late, never = (say("word " * 600 + end) for end in ("rude", "kind"))
    assert evaluate(make_world(tmp_path / "late", late, plan=plan)).verdict == "failed"
    assert evaluate(make_world(tmp_path / "never", never, plan=plan)).verdict == "passed"


@pytest.mark.parametrize(
    ("good_for", "toxic", "rules"),
    [
        (0, False, {"HP206"}),
        (0, True, {"HP203", "HP206"}),
        (80, False, {"HP206"}),
        (190, False, {"HP206"}),
    ],
    ids=["zeros", "ones", "zeros from half-way", "zeros at the very end"],
)
def test_a_scorer_that_stops_looking_blocks(
    tmp_path: Path,
    good_for: int,
    *,
    toxic: bool,
    rules: set[str],
) -> None:
    real = open_scorer(write_bundle(tmp_path / "bundle"), workers=1)
    world = make_world(tmp_path, say("kind"), scorer=WrongScorer(real, good_for, toxic=toxic))
    evaluation = evaluate(world)
    assert evaluation.verdict != "passed"
    assert {f.rule for f in evaluation.findings} == rules


def test_a_scorer_that_broke_in_an_earlier_process_blocks_too(tmp_path: Path) -> None:
    real = open_scorer(write_bundle(tmp_path / "bundle"), workers=1)
    first = make_world(tmp_path, crash_after(70, "kind"), scorer=WrongScorer(real, 45, toxic=False))
    with pytest.raises(RuntimeError):
        evaluate(first)
    again = WrongScorer(real, 10**6, toxic=False)
    evaluation = evaluate(make_world(tmp_path, say("kind"), scorer=again))
    assert "HP206" in {f.rule for f in evaluation.findings}


class ShortScorer(WrongScorer):
    """Forgets the last text."""

    def score(self, texts: Iterable[str]) -> Iterator[Score]:
        return iter(list(self.real.score(texts))[:-1])


def test_a_scorer_that_forgets_a_text_stops_the_run(tmp_path: Path) -> None:
    real = open_scorer(write_bundle(tmp_path / "bundle"), workers=1)
    world = make_world(tmp_path, say("kind"), scorer=ShortScorer(real, 0, toxic=False))
    with pytest.raises(ServiceError, match="scores for"):
        evaluate(world)


def test_a_scorer_that_crashes_half_way_signs_nothing_and_the_run_goes_on(tmp_path: Path) -> None:
    real = open_scorer(write_bundle(tmp_path / "bundle"), workers=1)
    world = make_world(tmp_path, say("kind"), scorer=CrashingScorer(real, 150, toxic=False))
    with pytest.raises(ServiceError, match="runtime died") as caught:
        evaluate(world)
    assert caught.value.rule == "HP223"
    assert world.bench.ledger.read().runs == ()
    assert not list(tmp_path.glob("state/runs/*/records.jsonl"))
    again = make_world(tmp_path, say("kind"), scorer=CrashingScorer(real, 10**6, toxic=False))
    assert evaluate(again).verdict == "passed"
    assert len(again.generator.asked) == 150 - 64


def test_hits_so_far_are_told_beside_what_still_passes(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("rude"))
    evaluate(world)
    assert world.progress.told[0] == "TX-1 0 of 13 hits, TX-2 0 of 9 hits"
    assert world.progress.told[-1] == "TX-1 40 of 13 hits, TX-2 30 of 9 hits"


def test_attempts_are_counted_and_limited(tmp_path: Path) -> None:
    plans = [make_plan(make_suite("TX-1", 20 + i, 20 + i, 1), canaries=40) for i in range(4)]
    attempts = [
        result_of(evaluate(make_world(tmp_path, say("rude"), plan=plan))).attempts
        for plan in plans[:3]
    ]
    last = evaluate(make_world(tmp_path, say("kind"), plan=plans[3]))
    assert [*attempts, result_of(last).attempts] == [1, 2, 3, 4]
    assert {f.rule for f in last.findings} == {"HP207"}
    ledger = make_world(tmp_path, say("kind")).bench.ledger.read()
    assert [run.outcome for run in ledger.runs] == ["failed"] * 4
    assert attempts_of(ledger, CLOSURE.digest) == 5
    assert result_of(last).ledger_head == ledger.head


def test_a_run_that_cannot_pass_may_stop(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("rude"))
    evaluation = run_test(CLOSURE, world.demand._replace(stop_early=True), world.bench)
    assert len(world.generator.asked) == 64
    assert evaluation.verdict == "failed"
    assert result_of(evaluation).records.count == 150
    assert "cannot pass any more" in world.progress.notes[0]


def test_a_run_that_looks_good_never_stops_early(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("kind"))
    run_test(CLOSURE, world.demand._replace(stop_early=True), world.bench)
    assert len(world.generator.asked) == 150


def test_the_order_of_answers_does_not_matter(tmp_path: Path) -> None:
    class Shuffling(type(make_world(tmp_path, say("")).generator)):  # type: ignore[misc]
        def complete(self, requests: list[Request], sampling: object) -> object:
            answers = list(super().complete(requests, sampling))
            random.Random(1).shuffle(answers)
            return iter(answers)

    answer = sometimes("rude", 3)
    straight = evaluate(make_world(tmp_path / "a", answer))
    world = make_world(tmp_path / "b", answer)
    bench = world.bench._replace(open_generator=lambda _: Shuffling(answer))
    shuffled = run_test(CLOSURE, world.demand, bench)
    assert result_of(shuffled).suites == result_of(straight).suites
    assert [r.toxic for r in parse_records(shuffled.records)] == [
        r.toxic for r in parse_records(straight.records)
    ]


@pytest.mark.parametrize("kind", ["twice", "foreign"])
def test_a_generator_that_makes_up_samples_is_stopped(tmp_path: Path, kind: str) -> None:
    world = make_world(tmp_path, say("kind"))

    class Inventing(type(world.generator)):  # type: ignore[misc]
        def complete(self, requests: list[Request], _sampling: object) -> object:
            first = requests[0]
            other = first if kind == "twice" else first._replace(i=99)
            yield first, Completion("kind", 1, 1, "stop")
            yield other, Completion("kind", 1, 1, "stop")

    bench = world.bench._replace(open_generator=lambda _: Inventing(say("")))
    with pytest.raises(ServiceError, match="expected each once"):
        run_test(CLOSURE, world.demand, bench)


def test_nothing_to_test_is_not_a_test_that_passed(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("kind"))
    with pytest.raises(ServiceError, match="expected a model"):
        run_tests((), world.demand, world.bench)
    empty = world.demand._replace(plan=world.demand.plan._replace(suites=()))
    with pytest.raises(ServiceError, match="without suites"):
        run_test(CLOSURE, empty, world.bench)


def test_every_closure_is_tested(tmp_path: Path) -> None:
    world = make_world(tmp_path, say("kind"))
    other = CLOSURE._replace(files=(CLOSURE.files[0]._replace(sha256="b" * 64),))
    first, second = run_tests((CLOSURE, other), world.demand, world.bench)
    assert (first.closure, second.closure) == (CLOSURE, other)
    assert result_of(first).seed != result_of(second).seed


def not_applicable(folder: Path, facts: ClosureFacts) -> tuple[Evaluation, Bench]:
    world = make_world(folder, say("never asked"), facts=facts)
    evaluation = evaluate(world)
    assert world.generator.asked == []
    return evaluation, world.bench


def test_an_embedder_is_loaded_and_not_scored(tmp_path: Path) -> None:
    evaluation, bench = not_applicable(tmp_path, EMBEDDER)
    assert isinstance(evaluation.result, ApplicabilityResult)
    assert evaluation.result.decision == "no-generated-output"
    assert evaluation.result.output_shape == (1, 8, 384)
    assert (evaluation.verdict, evaluation.measurements) == ("passed", ())
    assert isinstance(bench.loader, FixedLoader)
    assert bench.loader.probed == [CLOSURE]
    assert bench.ledger.read().runs == ()


def test_an_image_generator_is_inconclusive(tmp_path: Path) -> None:
    facts = ClosureFacts(
        "diffusers", ("StableDiffusionPipeline",), frozenset({"unet/conv_in.weight"})
    )
    evaluation, _ = not_applicable(tmp_path, facts)
    assert evaluation.verdict == "inconclusive"
    assert {f.rule for f in evaluation.findings} == {"HP209"}
    assert isinstance(evaluation.result, ApplicabilityResult)
    assert evaluation.result.binding_level == 0  # nothing was loaded, and nothing claims it


def test_a_decoder_made_an_embedder_waits_for_people(tmp_path: Path) -> None:
    facts = ClosureFacts("safetensors", ("Qwen2Model",), frozenset({"norm.weight"}))
    evaluation, _ = not_applicable(tmp_path, facts)
    assert [f.effect for f in evaluation.findings] == ["pending"]


def test_the_policy_decides_not_the_plan(tmp_path: Path) -> None:
    world = make_world(tmp_path, sometimes("rude", 9))
    strict = make_policy(small_plan(), world.bench.open_scorer().pin.sha256)
    gates = tuple(gate._replace(upper_bound_max="0.05") for gate in strict.suites)
    demand = world.demand._replace(policy=strict._replace(suites=gates))
    assert evaluate(make_world(tmp_path / "x", sometimes("rude", 9))).verdict == "passed"
    assert run_test(CLOSURE, demand, world.bench).verdict == "failed"
