# SPDX-License-Identifier: Apache-2.0
"""Somebody else's result file to the numbers that a policy asks for (``attest --evidence``).

Nothing is guessed: a number that is absent or not finite is an error, never a zero. The file is
strict JSON; a number with more digits than the signed form takes is rounded to the side on which
it is harder to pass.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import times
from hubpolicy.core.foreign_garak import GarakReport
from hubpolicy.core.foreign_json import MappedJson
from hubpolicy.core.foreign_lm_eval import LmEvalResults
from hubpolicy.core.foreign_readings import decimal_text
from hubpolicy.domain.statement import ForeignEvidence, ForeignMetric
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.foreign_readings import Results
    from hubpolicy.domain.policy import EvidenceItem, EvidenceMetric, Policy
    from hubpolicy.domain.statement import EvidenceFormat

_READERS: dict[EvidenceFormat, Callable[[bytes, str], Results]] = {
    "garak": GarakReport,
    "json": MappedJson,
    "lm-eval": LmEvalResults,
}
"""Closed: one format, one file beside this one."""

_DAY = 86_400


class Imported(NamedTuple):
    """What a file says about one item of the policy, before it is bound to a closure."""

    evidence: ForeignEvidence
    item: EvidenceItem
    raw: bytes


def import_evidence(word: str, raw: bytes, policy: Policy, *, where: str) -> tuple[Imported, ...]:
    """Every item that the policy asks for under that name, or under that format, from one file.

    Of the items of a format those count that are in the file; at least one has to be.

    Raises:
        ConfigError: the policy names no such evidence.
        MalformedError: the file is not of the format, or does not hold what is asked for.

    """
    named = [item for item in policy.evidence if item.name == word]
    items = named or [item for item in policy.evidence if item.format == word]
    if not items:
        known = ", ".join(sorted(item.name for item in policy.evidence)) or "none"
        message = f"got evidence {word!r}, expected a name or a format of the policy: {known}"
        hint = "add [[evidence]] to hubpolicy.toml, then: hubpolicy policy sign"
        raise ConfigError(message, hint=hint)
    results = {form: _READERS[form](raw, where) for form in {item.format for item in items}}
    found: list[Imported] = []
    missing: list[MalformedError] = []
    for item in items:
        try:
            evidence = _evidence(item, results[item.format], raw, where)
        except MalformedError as error:
            missing.append(error)
        else:
            found.append(Imported(evidence, item, raw))
    if not found:
        raise missing[0]
    return tuple(found)


def _evidence(item: EvidenceItem, results: Results, raw: bytes, where: str) -> ForeignEvidence:
    return ForeignEvidence(
        name=item.name,
        format=item.format,
        sha256=hashlib.sha256(raw).hexdigest(),
        measured_on=results.measured_on(item.date),
        binding_level=0,
        metrics=tuple(_metric(metric, results, where) for metric in item.metrics),
    )


def _metric(metric: EvidenceMetric, results: Results, where: str) -> ForeignMetric:
    reading = results.reading(dict(metric.source))
    return ForeignMetric(
        name=metric.name,
        value=decimal_text(reading.value, metric.comparison, f"{metric.name!r} of {where}"),
        source=metric.source,
        samples=reading.samples,
        comparison=metric.comparison,
        threshold=metric.threshold,
    )


def bound_to(imported: Imported, closures: tuple[str, ...], now: str) -> ForeignEvidence:
    """The evidence about closures (hex dirHashes), at a moment (ISO 8601 UTC).

    Binding level 1 where the file names every one of them, else 0: somebody says so. A day that is
    a day ahead is a local one, somewhere east of Greenwich.
    """
    named = closures and all(digest.encode() in imported.raw for digest in closures)
    evidence = imported.evidence._replace(binding_level=1 if named else 0)
    return evidence._replace(measured_on=_today(evidence.measured_on, now))


def _today(measured_on: str, now: str) -> str:
    today = now[:10]
    if not times.is_date(measured_on) or measured_on <= today:
        return measured_on
    ahead = times.seconds(measured_on) - times.seconds(today)
    return today if ahead <= _DAY else measured_on
