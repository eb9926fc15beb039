# SPDX-License-Identifier: Apache-2.0
"""The trip ``test``: a closure comes in, an evaluation with integer counts goes out.

1. Table v1 says whether text can come out; if not, the files are loaded once to prove it.
2. Plan, closure and scorer give the nonce; the nonce gives prompts, order and seeds.
3. The generator answers in batches; each batch is scored together with canaries, and written.
4. The files are hashed again: what was run is what is there.
5. Records are counted, the ledger gets the run, the policy judges the counts.

Resumable: kill it anywhere, and the next call goes on after the last batch that was written. Not
responsible for signing: the caller signs what this returns, in the same process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import records as recording
from hubpolicy.core.applicability import Applies, decide
from hubpolicy.core.decoders import TABLE
from hubpolicy.core.ledger import Run, attempts_of, standing
from hubpolicy.core.rules import hp209
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.core.sampling import Tally, count_controls, render_texts, speaks, to_sample
from hubpolicy.core.secondary import Secondary, summarize
from hubpolicy.core.seeds import derive_nonce, plan_requests
from hubpolicy.domain.evaluation import Control, Record, Sample
from hubpolicy.domain.finding import Finding, Verdict, verdict_of
from hubpolicy.domain.statement import ApplicabilityResult, RecordsPin, ToxicityResult
from hubpolicy.errors import ServiceError, VerificationError
from hubpolicy.ports import RunHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.core.closure import Closure
    from hubpolicy.domain.evaluation import Canary, Completion, Measurement, Plan, Request, Score
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.ports import (
        Advance,
        AttemptLedger,
        Clock,
        ClosureLoader,
        Generator,
        Progress,
        RunLog,
        RunStore,
        Scorer,
    )

BATCH = 64
CANARIES_PER_BATCH = 4
LOADED_HERE = 4


class Bench(NamedTuple):
    """What a test needs from the world.

    ``changed`` hashes a closure's files again and names those that differ.
    """

    loader: ClosureLoader
    open_generator: Callable[[Closure], Generator]
    open_scorer: Callable[[], Scorer]
    runs: RunStore
    ledger: AttemptLedger
    clock: Clock
    progress: Progress
    changed: Callable[[Closure], tuple[str, ...]]


class Demand(NamedTuple):
    """What to run, and the policy that judges it. ``stop_early``: end once it cannot pass."""

    plan: Plan
    policy: ToxicityPolicy
    min_level: int
    stop_early: bool = False


class Evaluation(NamedTuple):
    """One closure, tested or proven not to generate text. Unsigned."""

    closure: Closure
    applies: Applies
    result: ToxicityResult | ApplicabilityResult
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    records: bytes
    texts_path: str

    @property
    def verdict(self) -> Verdict:
        """Under the policy that was given; a signed line holds only the counts."""
        return verdict_of(self.findings)

    @property
    def secondary(self) -> tuple[Secondary, ...]:
        """Expected maximum toxicity and toxic fraction per suite: shown, never decisive."""
        return summarize(recording.parse_records(self.records))


def run_tests(closures: Sequence[Closure], demand: Demand, bench: Bench) -> tuple[Evaluation, ...]:
    """Test every closure.

    Raises:
        ServiceError: there is none: nothing to test is not a test that passed.

    """
    if not closures:
        message = "got no files that can be loaded together, expected a model to test"
        raise ServiceError(message, hint="hubpolicy check PATH names what is missing")
    return tuple(run_test(closure, demand, bench) for closure in closures)


def run_test(closure: Closure, demand: Demand, bench: Bench) -> Evaluation:
    """Test one closure (steps 1-5 of the module's docstring).

    Raises:
        ServiceError: generator, scorer or disk failed; what was scored is kept.
        MalformedError: the closure, a kept run or the ledger is not what it should be.
        VerificationError: files changed while they were tested.
        UnsupportedError: what would run the closure is not installed.

    """
    applies = decide(bench.loader.facts(closure))
    if applies.decision != "generates-text":
        return _not_applicable(closure, applies, bench)
    if not demand.plan.suites:
        message = f"got plan {demand.plan.id!r} without suites, expected some"
        raise ServiceError(message)
    generator, scorer = bench.open_generator(closure), bench.open_scorer()
    nonce = derive_nonce(closure.digest, demand.plan.sha256, scorer.pin.sha256)
    header = RunHeader(
        closure=closure.digest,
        plan=demand.plan.sha256,
        scorer=scorer.pin.sha256,
        seed=nonce,
        generator=f"{generator.name}/{generator.binding_level}",
        runtime=(*generator.runtime, *scorer.runtime),
    )
    with bench.runs.open(header) as log:
        work = _Work(demand, bench, (generator, scorer), log, nonce)
        samples, controls = work.run()
        _refuse_changed(closure, bench)
        return _conclude(closure, applies, work, samples, controls)


def _not_applicable(closure: Closure, applies: Applies, bench: Bench) -> Evaluation:
    shape: tuple[int, ...] = ()
    runtime: tuple[tuple[str, str], ...] = ()
    if applies.decision == "no-generated-output":
        probe = bench.loader.probe(closure, applies)
        shape, runtime = probe.output_shape, probe.runtime
        _refuse_changed(closure, bench)
    result = ApplicabilityResult(
        decision=applies.decision,
        table=TABLE,
        architecture=applies.architecture,
        output_shape=shape,
        binding_level=LOADED_HERE,
        finished_on=bench.clock.now(),
        runtime=runtime,
    )
    findings = hp209.check(result, safety_approved=False)
    return Evaluation(closure, applies, result, (), findings, b"", "")


class _Work:
    """The loop of one run: what is left to do, in batches."""

    def __init__(
        self,
        demand: Demand,
        bench: Bench,
        tested: tuple[Generator, Scorer],
        log: RunLog,
        nonce: str,
    ) -> None:
        self.demand, self.bench, self.log, self.nonce = demand, bench, log, nonce
        self.generator, self.scorer = tested
        self.requests = plan_requests(demand.plan, nonce)

    def run(self) -> tuple[tuple[Sample, ...], tuple[Control, ...]]:
        """Samples and controls of this process and of those before."""
        samples, controls = list(self.log.samples), list(self.log.controls)
        done = {recording.key_of(sample.record) for sample in samples}
        left = [request for request in self.requests if recording.key_of(request) not in done]
        tally = Tally(self.demand.plan, self.demand.policy)
        tally.add(samples)
        advance = self.bench.progress.start("testing", len(self.requests), "samples")
        advance(len(done))
        controls += self._control(self.demand.plan.canaries)
        for number, start in enumerate(range(0, len(left), BATCH)):
            if self.demand.stop_early and tally.lost:
                self.bench.progress.note(f"suite {tally.lost} cannot pass any more: stopped")
                break
            batch = left[start : start + BATCH]
            new, seen = self._batch(batch, self._slice(number), advance)
            tally.add(new)
            samples += new
            controls += seen
        controls += self._control(self.demand.plan.canaries)
        return tuple(samples), tuple(controls)

    def _batch(
        self, batch: Sequence[Request], canaries: Sequence[Canary], advance: Advance
    ) -> tuple[list[Sample], list[Control]]:
        answers = self._answers(batch, advance)
        texts = tuple(answer.text for answer in answers.values() if speaks(answer.text))
        # Canaries stand between the model's texts, so that the scorer cannot tell them apart.
        stream = _interleave(texts, tuple(canary.text for canary in canaries))
        scores = dict(zip(stream, self._scores(stream), strict=True))
        samples = []
        for request in batch:
            answer = answers.get(recording.key_of(request))
            score = scores.get(answer.text) if answer is not None else None
            samples.append(to_sample(request, answer, score, self.demand.plan, self.log.secret))
        controls = [Control(canary.id, scores[canary.text].toxic) for canary in canaries]
        self.log.append(samples, controls)
        return samples, controls

    def _answers(
        self, batch: Sequence[Request], advance: Advance
    ) -> dict[recording.Key, Completion]:
        asked = {recording.key_of(request) for request in batch}
        answers: dict[recording.Key, Completion] = {}
        for request, completion in self.generator.complete(batch, self.demand.plan.sampling):
            key = recording.key_of(request)
            if key not in asked or key in answers:
                message = f"got an answer for {key} from {self.generator.name}, expected each once"
                raise ServiceError(message)
            answers[key] = completion
            advance(1)
        return answers

    def _scores(self, texts: Sequence[str]) -> list[Score]:
        scores = list(self.scorer.score(texts))
        if len(scores) != len(texts):
            message = f"got {len(scores)} scores for {len(texts)} texts from {self.scorer.pin.id}"
            raise ServiceError(message)
        return scores

    def _control(self, canaries: Sequence[Canary]) -> list[Control]:
        scores = self._scores([canary.text for canary in canaries])
        pairs = zip(canaries, scores, strict=True)
        controls = [Control(canary.id, score.toxic) for canary, score in pairs]
        self.log.append((), controls)
        return controls

    def _slice(self, number: int) -> tuple[Canary, ...]:
        canaries = self.demand.plan.canaries
        first = number * CANARIES_PER_BATCH
        chosen = [canaries[(first + i) % len(canaries)] for i in range(CANARIES_PER_BATCH)]
        return tuple(dict.fromkeys(chosen))


def _conclude(
    closure: Closure,
    applies: Applies,
    work: _Work,
    samples: tuple[Sample, ...],
    controls: tuple[Control, ...],
) -> Evaluation:
    demand, bench, plan = work.demand, work.bench, work.demand.plan
    missing = _missing(work.requests, samples, plan)
    content = recording.render_records([*(sample.record for sample in samples), *missing])
    pin = recording.pin_records(content)
    result = ToxicityResult(
        plan=plan.id,
        plan_sha256=plan.sha256,
        opens_gate=plan.opens_gate,
        scorer=work.scorer.pin,
        generator=work.generator.name,
        binding_level=work.generator.binding_level,
        suites=recording.count(recording.parse_records(content), plan, work.nonce),
        canaries=count_controls(plan, controls),
        records=pin,
        ledger_head="",
        attempts=attempts_of(bench.ledger.read(), closure.digest),
        seed=work.nonce,
        finished_on=bench.clock.now(),
        runtime=(*work.generator.runtime, *work.scorer.runtime),
    )
    result = _enter(result, closure, demand, bench, pin)
    measurements, findings = _judge(result, demand)
    texts = render_texts(samples, work.log.secret)
    path = work.log.finish(content, texts)
    return Evaluation(closure, applies, result, measurements, findings, content, path)


def _enter(
    result: ToxicityResult, closure: Closure, demand: Demand, bench: Bench, pin: RecordsPin
) -> ToxicityResult:
    """Put the run into the ledger; a repeated command finds it there and changes nothing."""
    verdict = verdict_of(_judge(result, demand)[1])
    run = Run(
        closure=closure.digest,
        plan=result.plan_sha256,
        scorer=result.scorer.sha256,
        seed=result.seed,
        records=pin.sha256,
        outcome=verdict,
        finished_on=result.finished_on,
    )
    ledger, entered = bench.ledger.add(run)
    head, attempts = standing(ledger, entered)
    return result._replace(ledger_head=head, attempts=attempts, finished_on=entered.finished_on)


def _judge(
    result: ToxicityResult, demand: Demand
) -> tuple[tuple[Measurement, ...], tuple[Finding, ...]]:
    return recompute(
        result,
        demand.policy,
        min_level=demand.min_level,
        released_on=result.finished_on,
    )


def _missing(requests: Sequence[Request], samples: Sequence[Sample], plan: Plan) -> list[Record]:
    done = {recording.key_of(sample.record) for sample in samples}
    return [
        to_sample(request, None, None, plan, b"").record
        for request in requests
        if recording.key_of(request) not in done
    ]


def _refuse_changed(closure: Closure, bench: Bench) -> None:
    changed = bench.changed(closure)
    if changed:
        shown = ", ".join(changed[:3])
        message = f"{len(changed)} files changed while they were tested: {shown}"
        raise VerificationError(message, hint="leave the folder alone, then: hubpolicy test")


def _interleave(texts: tuple[str, ...], canaries: tuple[str, ...]) -> tuple[str, ...]:
    step = max(1, len(texts) // (len(canaries) + 1))
    stream: list[str] = []
    for at, canary in enumerate(canaries):
        stream += [*texts[at * step : (at + 1) * step], canary]
    return (*stream, *texts[len(canaries) * step :])
