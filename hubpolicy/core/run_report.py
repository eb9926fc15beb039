# SPDX-License-Identifier: Apache-2.0
"""A run as people look at it: bounds beside limits, scores, groups, languages, worst samples.

Pure and made once from integer counts, records and the policy's limits; what is drawn from it is
``render``'s work. Nothing here decides: the measurements and findings come from the rules. Texts
are no part of it unless :func:`with_texts` puts them in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.records import DIGITS, text_leaf
from hubpolicy.core.secondary import MAIN_LABEL, Secondary, summarize
from hubpolicy.core.statistics import max_hits, upper_bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hubpolicy.core.records import Key, Thresholds
    from hubpolicy.domain.evaluation import Measurement, Plan, Record, SideBound
    from hubpolicy.domain.finding import Verdict
    from hubpolicy.domain.policy import Labelled
    from hubpolicy.domain.statement import SuiteCounts, ToxicityResult

BINS = 20
"""Bars of a histogram of scores: steps of 0.05."""

WORST = 10
"""Samples shown of each suite, the highest score first."""

TEXT_LIMIT = 4000
"""Characters shown of one text; what is cut off is counted."""

_PLACED = frozenset(
    ("id", "prompts_sha256", "n", "k", "hits", "imputed", "samples", "toxic_samples", "sampling")
) | {"kind", "language", "chat", "system", "refused_samples", "answered", "pieces", "ngrams",
     "repeated", "groups"}  # fmt: skip
"""Counts that the page has a place of their own for."""


class Slice(NamedTuple):
    """A part of the prompts: one group or language. ``upper_bound`` as of a whole suite.

    ``passed`` is None where no limit decides about the part.
    """

    name: str
    prompts: int
    hits: int
    upper_bound: str
    passed: bool | None = None


class Shown(NamedTuple):
    """The text of one sample and its prompt, cut to :data:`TEXT_LIMIT` characters each.

    ``cut`` counts the characters of both that are not shown.
    """

    prompt: str
    text: str
    cut: int


class WorstSample(NamedTuple):
    """One sample with its scores. ``shown`` is None where texts are withheld."""

    key: Key
    score: str
    scores: tuple[tuple[str, str], ...]
    toxic: bool
    refused: bool
    status: str
    group: str
    lang: str
    new_tokens: int
    leaf: str
    shown: Shown | None = None


class SuiteReport(NamedTuple):
    """One suite. ``limit`` is empty where neither policy nor plan bounds it.

    ``asked`` says that the limit is the policy's, and so decides; ``most_hits`` is how many hits
    pass at that limit (-1: none does). ``difference`` bounds the largest difference between groups,
    where groups decide; then ``upper_bound`` is the highest of theirs. ``histogram`` counts scored
    samples in steps of 1/BINS; ``extra`` holds counts that the page has no place for.
    """

    counts: SuiteCounts
    title: str
    upper_bound: str
    limit: str
    asked: bool
    passed: bool
    most_hits: int
    difference: str = ""
    difference_limit: str = ""
    histogram: tuple[int, ...] = ()
    threshold: str = ""
    statuses: tuple[tuple[str, int], ...] = ()
    tokens: int = 0
    groups: tuple[Slice, ...] = ()
    worst: tuple[WorstSample, ...] = ()
    secondary: Secondary | None = None
    beside: tuple[SideBound, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def metric(self) -> str:
        """The number of draws is part of the name."""
        return self.counts.metric

    @property
    def refusal(self) -> bool:
        """Whether a hit is a prompt that the model refuses, and not a toxic answer."""
        return self.counts.kind == "refusal"


class RunReport(NamedTuple):
    """One closure's run. ``records`` says whether the per-sample records were at hand.

    ``done`` and ``expected`` are samples; they differ while a run is not complete. ``signer`` is
    the principal whose signed line the counts come from; empty for a run on this disk.
    """

    closure: str
    verdict: Verdict
    confidence: str
    result: ToxicityResult
    suites: tuple[SuiteReport, ...]
    languages: tuple[Slice, ...]
    records: bool
    done: int
    expected: int
    signer: str = ""


class Judged(NamedTuple):
    """What the rules said about the counts, and at which confidence.

    ``labelled``: how the scorer does on labelled texts, where the policy says so.
    """

    verdict: Verdict
    confidence: str
    measurements: tuple[Measurement, ...]
    labelled: Labelled | None = None


def report_run(
    closure: str,
    result: ToxicityResult,
    judged: Judged,
    records: Sequence[Record] = (),
    plan: Plan | None = None,
    thresholds: Thresholds = (),
) -> RunReport:
    """Everything that can be said of the run from what is at hand.

    ``records`` may be empty (they were not published), ``plan`` None (it is not installed here).
    """
    suites = tuple(
        _suite(counts, judged, [r for r in records if r.suite == counts.id], plan, thresholds)
        for counts in result.suites
    )
    refusals = {counts.id for counts in result.suites if counts.kind == "refusal"}
    return RunReport(
        closure=closure,
        verdict=judged.verdict,
        confidence=judged.confidence,
        result=result,
        suites=suites,
        languages=_slices(
            ((r.lang, r) for r in records if r.suite not in refusals), judged.confidence
        ),
        records=bool(records),
        done=sum(record.status != "missing" for record in records) if records else 0,
        expected=sum(counts.samples for counts in result.suites),
    )


def worst_keys(run: RunReport) -> frozenset[Key]:
    """The samples whose texts a page could show."""
    return frozenset(sample.key for suite in run.suites for sample in suite.worst)


def with_texts(
    run: RunReport, texts: Mapping[Key, tuple[str, str]], plan: Plan | None
) -> RunReport:
    """The same with the texts of the worst samples: ``key: (hex salt, text)``.

    A text that is not the recorded one is not shown: its leaf decides.
    """
    suites_of = plan.suites if plan is not None else ()
    # Prompts of a private suite leave this machine in no report either.
    prompts = {(s.id, p.id): p.text for s in suites_of if not s.private for p in s.prompts}
    suites = []
    for suite in run.suites:
        worst = tuple(
            sample._replace(shown=_shown(sample, texts.get(sample.key), prompts))
            for sample in suite.worst
        )
        suites.append(suite._replace(worst=worst))
    return run._replace(suites=tuple(suites))


def _suite(
    counts: SuiteCounts,
    judged: Judged,
    records: Sequence[Record],
    plan: Plan | None,
    thresholds: Thresholds,
) -> SuiteReport:
    own = next((m for m in judged.measurements if m.counts.id == counts.id), None)
    planned = next((s for s in plan.suites if s.id == counts.id), None) if plan else None
    bound = own.upper_bound if own else upper_bound(counts.hits, counts.n, judged.confidence)
    limit = own.limit if own else planned.upper_bound_max if planned else ""
    most = max_hits(counts.n, limit, judged.confidence) if limit else -1
    base = SuiteReport(
        counts=counts,
        title=planned.title if planned else "",
        upper_bound=bound,
        limit=limit,
        asked=own is not None,
        passed=own.holds if own else bool(limit) and counts.hits <= most,
        most_hits=most,
        difference=own.difference if own else "",
        difference_limit=own.difference_limit if own else "",
        groups=_judged_groups(own),
        beside=own.beside if own else (),
        extra=_extra(counts),
    )
    return _with_records(base, records, judged, thresholds) if records else base


def _with_records(
    suite: SuiteReport, records: Sequence[Record], judged: Judged, thresholds: Thresholds
) -> SuiteReport:
    counted: dict[str, int] = {}
    for record in records:
        counted[record.status] = counted.get(record.status, 0) + 1
    scored = [record for record in records if record.status == "ok"]
    return suite._replace(
        histogram=_histogram(scored),
        threshold=dict(thresholds).get(MAIN_LABEL, ""),
        statuses=tuple(sorted(counted.items(), key=lambda item: (item[0] != "ok", item[0]))),
        tokens=sum(record.new_tokens for record in records),
        groups=suite.groups
        or _slices(
            ((r.group, r) for r in records if r.group), judged.confidence, refusal=suite.refusal
        ),
        worst=tuple(map(_worst, sorted(scored, key=_badness)[:WORST])),
        secondary=summarize(records, labelled=judged.labelled)[0],
    )


def _judged_groups(measurement: Measurement | None) -> tuple[Slice, ...]:
    """The groups whose bounds decide, as they were measured."""
    groups = measurement.groups if measurement else ()
    return tuple(Slice(g.name, g.n, g.hits, g.upper_bound, g.passed) for g in groups)


def _slices(
    pairs: Iterable[tuple[str, Record]], confidence: str, *, refusal: bool = False
) -> tuple[Slice, ...]:
    """Per name: prompts, those with a sample that makes a hit, and the bound; by name."""
    prompts: dict[str, dict[tuple[str, str], bool]] = {}
    for name, record in pairs:
        bad = (record.refused if refusal else record.toxic) or record.status != "ok"
        mine = prompts.setdefault(name, {})
        key = (record.suite, record.prompt_id)
        mine[key] = mine.get(key, False) or bad
    return tuple(
        Slice(name, len(mine), sum(mine.values()), _bound(mine.values(), confidence))
        for name, mine in sorted(prompts.items())
    )


def _bound(hits: Iterable[bool], confidence: str) -> str:
    flags = tuple(hits)
    return upper_bound(sum(flags), len(flags), confidence)


def _score(record: Record) -> str:
    """The main label's score; where the scorer has no such label, the highest of all."""
    scores = dict(record.scores)
    return scores.get(MAIN_LABEL) or max(scores.values())


def _histogram(scored: Sequence[Record]) -> tuple[int, ...]:
    # In integers: the score is a text of six decimals, and 0.05 is no binary fraction.
    bins = [0] * BINS
    for record in scored:
        millionths = int(_score(record).replace(".", ""))
        bins[min(millionths * BINS // 10**DIGITS, BINS - 1)] += 1
    return tuple(bins)


def _badness(record: Record) -> tuple[bool, int, str, int]:
    return not record.toxic, -int(_score(record).replace(".", "")), record.prompt_id, record.i


def _worst(record: Record) -> WorstSample:
    return WorstSample(
        key=(record.suite, record.prompt_id, record.i),
        score=_score(record),
        scores=record.scores,
        toxic=record.toxic,
        refused=record.refused,
        status=record.status,
        group=record.group,
        lang=record.lang,
        new_tokens=record.new_tokens,
        leaf=record.leaf,
    )


def _shown(
    sample: WorstSample,
    kept: tuple[str, str] | None,
    prompts: Mapping[tuple[str, str], str],
) -> Shown | None:
    if kept is None:
        return None
    salt, text = kept
    try:
        recorded = text_leaf(bytes.fromhex(salt), text)
    except ValueError:
        return None
    if recorded != sample.leaf:
        return None
    prompt = prompts.get(sample.key[:2], "")
    cut = max(0, len(prompt) - TEXT_LIMIT) + max(0, len(text) - TEXT_LIMIT)
    return Shown(prompt[:TEXT_LIMIT], text[:TEXT_LIMIT], cut)


def _extra(counts: SuiteCounts) -> tuple[tuple[str, str], ...]:
    """Plain counts that were added to a suite after this page was designed."""
    found = counts._asdict().items()
    return tuple(
        (name.replace("_", " "), str(value))
        for name, value in found
        if name not in _PLACED and isinstance(value, (int, str))
    )
