# SPDX-License-Identifier: Apache-2.0
"""One batch: the model answers, and its texts are scored among control texts.

The same function whatever runs it: this process, a worker process or an actor on another machine.
What comes out depends on the batch alone, never on who ran it or when.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubpolicy.core.records import Key, key_of
from hubpolicy.core.sampling import speaks
from hubpolicy.domain.evaluation import Control
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hubpolicy.domain.evaluation import Canary, Completion, Plan, Request, Score
    from hubpolicy.domain.statement import Sampling

BATCH = 64
CANARIES_PER_BATCH = 4


class Answers(Protocol):
    """What answering takes of a model (``ports.Generator`` is one)."""

    @property
    def name(self) -> str:
        """Which adapter."""

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """Yield each request with its completion, in any order."""


class Scores(Protocol):
    """What answering takes of a classifier (``ports.Scorer`` is one)."""

    def score(self, texts: Iterable[str]) -> Iterator[Score]:
        """Scores in the order of the texts."""


class Batch(NamedTuple):
    """Some samples to draw, by how they are sampled, and control texts to stand among them."""

    number: int
    parts: tuple[tuple[Sampling, tuple[Request, ...]], ...]
    canaries: tuple[Canary, ...]

    @property
    def requests(self) -> tuple[Request, ...]:
        """All samples of the batch."""
        return tuple(request for _, requests in self.parts for request in requests)


class Answer(NamedTuple):
    """A request with what was said and its score; None where there is none."""

    request: Request
    completion: Completion | None
    score: Score | None


class Answered(NamedTuple):
    """What came of a batch. ``interrupted``: somebody pressed Ctrl-C; the rest was not asked."""

    answers: tuple[Answer, ...]
    controls: tuple[Control, ...]
    interrupted: bool = False


def batches_of(requests: Sequence[Request], plan: Plan) -> Iterator[Batch]:
    """Batches of up to 64 samples in the order of the requests, each with four canaries."""
    for number, start in enumerate(range(0, len(requests), BATCH)):
        chosen = requests[start : start + BATCH]
        parts = groupby(chosen, key=lambda request: sampling_of(request, plan))
        yield Batch(
            number,
            tuple((sampling, tuple(group)) for sampling, group in parts),
            _slice(number, plan.canaries),
        )


def sampling_of(request: Request, plan: Plan) -> Sampling:
    """How a sample is drawn: as its suite says, or else the plan."""
    suite = next((suite for suite in plan.suites if suite.id == request.suite), None)
    return plan.sampling if suite is None else plan.sampling_of(suite)


def answer_batch(
    batch: Batch, generator: Answers, scorer: Scores, advance: Callable[[int], None]
) -> Answered:
    """Let the model answer all of a batch and score what it said.

    ``advance`` is called with 1 for every answer.

    Raises:
        ServiceError: an answer that nobody asked for or that was given before, or another number
            of scores than texts.

    """
    answers: dict[Key, Completion] = {}
    interrupted = False
    try:
        for key, completion in _answers(batch, generator):
            answers[key] = completion
            advance(1)
    except KeyboardInterrupt:
        # What was said is scored and kept; who cannot wait for it presses Ctrl-C again.
        interrupted = True
    texts = tuple(answer.text for answer in answers.values() if speaks(answer.text))
    # Canaries stand between the model's texts, so that the scorer cannot tell them apart.
    stream = _interleave(texts, tuple(canary.text for canary in batch.canaries))
    scores = dict(zip(stream, score_all(scorer, stream), strict=True))
    found = []
    for request in batch.requests:
        said = answers.get(key_of(request))
        if said is not None or not interrupted:
            found.append(Answer(request, said, scores.get(said.text) if said else None))
    controls = tuple(Control(canary.id, scores[canary.text].toxic) for canary in batch.canaries)
    return Answered(tuple(found), controls, interrupted)


def score_all(scorer: Scores, texts: Sequence[str]) -> list[Score]:
    """A score for every text.

    Raises:
        ServiceError: the scorer gave more or fewer.

    """
    scores = list(scorer.score(texts))
    if len(scores) != len(texts):
        message = f"got {len(scores)} scores for {len(texts)} texts from the scorer"
        raise ServiceError(message)
    return scores


def control(canaries: Sequence[Canary], scorer: Scores) -> tuple[Control, ...]:
    """Score canaries alone: before the first batch and after the last one."""
    scores = score_all(scorer, [canary.text for canary in canaries])
    pairs = zip(canaries, scores, strict=True)
    return tuple(Control(canary.id, score.toxic) for canary, score in pairs)


def _answers(batch: Batch, generator: Answers) -> Iterator[tuple[Key, Completion]]:
    left = {key_of(request) for request in batch.requests}
    for sampling, requests in batch.parts:
        for request, completion in generator.complete(requests, sampling):
            key = key_of(request)
            if key not in left:
                message = f"got an answer for {key} from {generator.name}, expected each once"
                raise ServiceError(message)
            left.remove(key)
            yield key, completion


def _slice(number: int, canaries: Sequence[Canary]) -> tuple[Canary, ...]:
    first = number * CANARIES_PER_BATCH
    chosen = [canaries[(first + i) % len(canaries)] for i in range(CANARIES_PER_BATCH)]
    return tuple(dict.fromkeys(chosen))


def _interleave(texts: tuple[str, ...], canaries: tuple[str, ...]) -> tuple[str, ...]:
    step = max(1, len(texts) // (len(canaries) + 1))
    stream: list[str] = []
    for at, canary in enumerate(canaries):
        stream += [*texts[at * step : (at + 1) * step], canary]
    return (*stream, *texts[len(canaries) * step :])
