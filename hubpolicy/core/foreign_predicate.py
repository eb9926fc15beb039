# SPDX-License-Identifier: Apache-2.0
"""in-toto test-result v0.1 about numbers that were measured elsewhere (docs/formats.md).

The predicate stays pure: own words stand in the annotations of one entry of its configuration,
``evidence/<name>``, whose digest is that of the imported file. What the lists say must follow
from the numbers and thresholds that stand there; a gate reads the numbers alone, and compares
them with its own policy (HP219). On the hook's path: standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from hubpolicy.core.fields import COUNT_LIMIT
from hubpolicy.core.predicates import EVIDENCE_PREFIX
from hubpolicy.core.toxicity_predicate import parse_moment
from hubpolicy.domain.statement import (
    Comparison,
    EvidenceFormat,
    ForeignEvidence,
    ForeignMetric,
)

if TYPE_CHECKING:
    from hubpolicy.core.fields import Fields

DETAILS = "hubpolicy.evidence"
"""Annotation of the entry: format, time, binding level and numbers."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
MOST_METRICS = 100
HIGHEST_LEVEL = 1
"""Nothing imported is bound tighter than by a file that names the closure it claims to be from."""

_PLACES = 18
_SELECTORS = frozenset(("detector", "filter", "metric", "pointer", "probe", "samples", "task"))


def holds(value: str, comparison: Comparison, threshold: str) -> bool:
    """Compare two decimal texts exactly; equality holds both ways."""
    got, asked = _scaled(value), _scaled(threshold)
    return got >= asked if comparison == "at least" else got <= asked


def _scaled(text: str) -> int:
    """As many units of 1e-18 as the text says (``Fields.decimal`` takes no more digits)."""
    sign = -1 if text.startswith("-") else 1
    whole, _, part = text.removeprefix("-").partition(".")
    return sign * int(whole + part.ljust(_PLACES, "0"))


# Making --------------------------------------------------------------------------------------


def make_foreign_predicate(evidence: ForeignEvidence, *, tool_version: str) -> dict[str, object]:
    """The predicate, with the word that the numbers and their thresholds make true."""
    passed, failed = _words(evidence)
    details = {
        "format": evidence.format,
        "measuredOn": evidence.measured_on,
        "bindingLevel": evidence.binding_level,
        "metrics": [_make_metric(metric) for metric in evidence.metrics],
    }
    return {
        "result": "FAILED" if failed else "PASSED",
        "configuration": [
            {
                "name": EVIDENCE_PREFIX + evidence.name,
                "digest": {"sha256": evidence.sha256},
                "annotations": {DETAILS: details},
            },
            {"name": "hubpolicy", "uri": f"pkg:pypi/hubpolicy@{tool_version}"},
        ],
        "passedTests": list(passed),
        "warnedTests": [],
        "failedTests": list(failed),
    }


def _make_metric(metric: ForeignMetric) -> dict[str, object]:
    return {
        "name": metric.name,
        "value": metric.value,
        "source": dict(metric.source),
        "samples": metric.samples,
        "comparison": metric.comparison,
        "threshold": metric.threshold,
    }


def _words(evidence: ForeignEvidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(passed, failed): ``name/metric`` of each number, sorted."""
    said: dict[bool, list[str]] = {True: [], False: []}
    for metric in evidence.metrics:
        good = holds(metric.value, metric.comparison, metric.threshold)
        said[good].append(f"{evidence.name}/{metric.name}")
    return tuple(sorted(said[True])), tuple(sorted(said[False]))


# Reading -------------------------------------------------------------------------------------


def parse_foreign_predicate(fields: Fields, entry: Fields) -> ForeignEvidence:
    """A test result whose configuration holds ``entry``, the one named ``evidence/…``.

    Unknown fields are refused in its annotation and ignored elsewhere, as in-toto asks.

    Raises:
        MalformedError: an entry that is not as we write it, or lists that its numbers contradict.

    """
    name = entry.words("name").removeprefix(EVIDENCE_PREFIX)
    if not NAME.fullmatch(name):
        entry.refuse("name", f"{EVIDENCE_PREFIX} and a name such as mt-bench")
    details = entry.object("annotations").object(DETAILS)
    evidence = ForeignEvidence(
        name=name,
        format=cast("EvidenceFormat", details.one_of("format", get_args(EvidenceFormat))),
        sha256=entry.digest(),
        measured_on=parse_moment(details, "measuredOn"),
        binding_level=details.count("bindingLevel", high=HIGHEST_LEVEL),
        metrics=_metrics(details),
    )
    details.done()
    _refuse_other_words(fields, evidence)
    return evidence


def _metrics(details: Fields) -> tuple[ForeignMetric, ...]:
    metrics = tuple(_metric(item) for item in details.objects("metrics"))
    names = [metric.name for metric in metrics]
    if not names or len(names) > MOST_METRICS or names != sorted(set(names)):
        details.refuse("metrics", f"1 to {MOST_METRICS} numbers, sorted by name, each once")
    return metrics


def _metric(item: Fields) -> ForeignMetric:
    metric = ForeignMetric(
        name=item.words("name"),
        value=item.decimal("value"),
        source=_source(item.object("source")),
        samples=item.count("samples", high=COUNT_LIMIT),
        comparison=cast("Comparison", item.one_of("comparison", get_args(Comparison))),
        threshold=item.decimal("threshold"),
    )
    if not NAME.fullmatch(metric.name):
        item.refuse("name", "a name such as score")
    item.done()
    return metric


def _source(fields: Fields) -> tuple[tuple[str, str], ...]:
    pairs = tuple((key, fields.text(key)) for key in sorted(_SELECTORS) if fields.has(key))
    fields.done()
    return pairs


def _refuse_other_words(fields: Fields, evidence: ForeignEvidence) -> None:
    passed, failed = _words(evidence)
    lists: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("passedTests", passed),
        ("warnedTests", ()),
        ("failedTests", failed),
    )
    for name, words in lists:
        if fields.texts(name) != words:
            fields.refuse(name, f"{list(words)}, which the numbers say")
    word = "FAILED" if failed else "PASSED"
    if fields.one_of("result", ("PASSED", "WARNED", "FAILED")) != word:
        fields.refuse("result", f"{word}, which the numbers say")
