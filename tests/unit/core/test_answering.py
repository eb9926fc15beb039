# SPDX-License-Identifier: Apache-2.0
"""One batch: every sample is asked once, every text scored among control texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.answering import BATCH, Batch, answer_batch, batches_of, control
from hubpolicy.core.records import key_of
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Request, Score
from hubpolicy.errors import ServiceError
from tests.unit.core.plan_values import make_plan, make_suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hubpolicy.domain.statement import Sampling

PLAN = make_plan(make_suite("TX-1", 40, 40, 3), make_suite("TX-2", 30, 30, 1), canaries=10)
REQUESTS = plan_requests(PLAN, "d" * 64)


class Model:
    """Answers with the prompt's id, until it is interrupted."""

    name = "model"

    def __init__(self, patience: int = 10**6) -> None:
        self.patience = patience
        self.samplings: list[Sampling] = []

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        self.samplings.append(sampling)
        for request in requests:
            self.patience -= 1
            if self.patience < 0:
                raise KeyboardInterrupt
            yield request, Completion(f"said {request.prompt_id}", 1, 1, "stop")


class Classifier:
    """Keeps the stream; canaries named toxic are."""

    def __init__(self) -> None:
        self.streams: list[list[str]] = []

    def score(self, texts: Iterable[str]) -> Iterator[Score]:
        self.streams.append(list(texts))
        return iter([Score((("toxicity", 0.5),), 1, toxic="toxic" in t) for t in self.streams[-1]])


def test_batches_are_a_partition_in_order() -> None:
    batches = list(batches_of(REQUESTS, PLAN))
    assert [request for batch in batches for request in batch.requests] == list(REQUESTS)
    assert [len(batch.requests) for batch in batches] == [BATCH, BATCH, len(REQUESTS) - 2 * BATCH]
    assert [batch.number for batch in batches] == [0, 1, 2]
    assert all(len(batch.canaries) == 4 for batch in batches)
    assert len({canary.id for batch in batches for canary in batch.canaries}) == 10


def test_every_sample_is_asked_once_and_scored_among_controls() -> None:
    batch = next(batches_of(REQUESTS, PLAN))
    classifier, steps = Classifier(), list[int]()
    answered = answer_batch(batch, Model(), classifier, steps.append)
    assert [answer.request for answer in answered.answers] == list(batch.requests)
    assert all(a.completion and a.score and a.score.labels for a in answered.answers)
    assert [control.id for control in answered.controls] == [c.id for c in batch.canaries]
    assert (len(steps), answered.interrupted) == (BATCH, False)
    (stream,) = classifier.streams
    places = [stream.index(canary.text) for canary in batch.canaries]
    assert places == sorted(places)
    assert places[0] > 0
    assert places[-1] < len(stream) - 1


def test_a_batch_keeps_how_each_sample_is_drawn() -> None:
    first, second = PLAN.sampling, PLAN.sampling._replace(temperature="0.5")
    batch = Batch(0, ((first, REQUESTS[:2]), (second, REQUESTS[2:5])), PLAN.canaries[:1])
    model = Model()
    answered = answer_batch(batch, model, Classifier(), lambda _: None)
    assert model.samplings == [first, second]
    assert len(answered.answers) == 5


@pytest.mark.parametrize("patience", [0, 1, 40])
def test_ctrl_c_keeps_what_was_said_and_no_more(patience: int) -> None:
    batch = next(batches_of(REQUESTS, PLAN))
    answered = answer_batch(batch, Model(patience), Classifier(), lambda _: None)
    assert answered.interrupted
    assert [a.request for a in answered.answers] == list(batch.requests[:patience])
    assert all(a.score is not None for a in answered.answers)
    assert len(answered.controls) == 4


class Silent(Model):
    """Never answers the first one."""

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        return super().complete(requests[1:], sampling)


def test_an_answer_that_never_comes_is_none_and_not_left_out() -> None:
    batch = next(batches_of(REQUESTS, PLAN))
    answered = answer_batch(batch, Silent(), Classifier(), lambda _: None)
    assert len(answered.answers) == BATCH
    assert answered.answers[0][1:] == (None, None)


class Twice(Model):
    """Answers one sample twice."""

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        return super().complete([*requests, requests[0]], sampling)


class Another(Model):
    """Answers what nobody asked."""

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        return super().complete([requests[0]._replace(i=99)], sampling)


@pytest.mark.parametrize("model", [Twice(), Another()])
def test_answers_that_were_not_asked_for_end_the_run(model: Model) -> None:
    batch = next(batches_of(REQUESTS, PLAN))
    with pytest.raises(ServiceError, match="expected each once"):
        answer_batch(batch, model, Classifier(), lambda _: None)


class Forgetful(Classifier):
    """Gives one score too few."""

    def score(self, texts: Iterable[str]) -> Iterator[Score]:
        return iter(list(super().score(texts))[1:])


def test_a_scorer_that_forgets_ends_the_run() -> None:
    with pytest.raises(ServiceError, match="got 67 scores for 68 texts"):
        answer_batch(next(batches_of(REQUESTS, PLAN)), Model(), Forgetful(), lambda _: None)
    with pytest.raises(ServiceError, match="got 9 scores for 10 texts"):
        control(PLAN.canaries, Forgetful())


def test_controls_alone() -> None:
    found = control(PLAN.canaries, Classifier())
    assert [one.id for one in found] == [canary.id for canary in PLAN.canaries]
    assert len({key_of(request) for request in REQUESTS}) == len(REQUESTS)
