# SPDX-License-Identifier: Apache-2.0
"""``[[evidence]]`` of a policy: from TOML to the resolved form that is signed, and back.

An item names a tool's file format, where in it each number stands, and what the number has to
be. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import Any, cast, get_args

from hubpolicy.core.fields import Fields
from hubpolicy.core.foreign_predicate import MOST_METRICS, NAME
from hubpolicy.domain.policy import Asked, EvidenceItem, EvidenceMetric
from hubpolicy.domain.statement import Comparison, EvidenceFormat
from hubpolicy.errors import ConfigError, MalformedError

SELECTORS: dict[EvidenceFormat, tuple[frozenset[str], frozenset[str]]] = {
    "garak": (frozenset(("probe",)), frozenset(("detector",))),
    "json": (frozenset(("pointer",)), frozenset(("samples",))),
    "lm-eval": (frozenset(("task", "metric")), frozenset(("filter",))),
}
"""What says where a number stands: (needed, optional) keys per format. Closed."""

_LIMITS: dict[str, Comparison] = {"at_least": "at least", "at_most": "at most"}
_POINTERS = frozenset(("pointer", "samples"))
_KEYS = frozenset(("detector", "filter", "metric", "pointer", "probe", "samples", "task"))


# The signed form -------------------------------------------------------------------------------


def parse_items(items: list[Fields]) -> tuple[EvidenceItem, ...]:
    """The items of a resolved policy.

    Raises:
        MalformedError: an unknown format or key, a name twice, or an item that asks for nothing.

    """
    found = tuple(_item(item) for item in items)
    names = [item.name for item in found]
    if len(set(names)) != len(names):
        items[0].refuse("name", "each name once in the policy")
    return found


def _item(fields: Fields) -> EvidenceItem:
    form = cast("EvidenceFormat", fields.one_of("format", get_args(EvidenceFormat)))
    item = EvidenceItem(
        name=fields.words("name"),
        format=form,
        metrics=tuple(_metric(metric, form) for metric in fields.objects("metrics")),
        when=cast("Asked", fields.one_of("when", get_args(Asked))),
        max_age_days=fields.count("maxAgeDays", low=1),
        date=fields.words("date") if form == "json" else "",
    )
    names = [metric.name for metric in item.metrics]
    if not names or len(names) > MOST_METRICS or names != sorted(set(names)):
        fields.refuse("metrics", f"1 to {MOST_METRICS} metrics, sorted by name, each once")
    if not NAME.fullmatch(item.name):
        fields.refuse("name", "a name such as mt-bench")
    if item.date and not is_pointer(item.date):
        fields.refuse("date", "a JSON pointer such as /date")
    fields.done()
    return item


def _metric(fields: Fields, form: EvidenceFormat) -> EvidenceMetric:
    source = fields.object("source")
    pairs = tuple((key, source.text(key)) for key in sorted(_KEYS) if source.has(key))
    source.done()
    metric = EvidenceMetric(
        name=fields.words("name"),
        source=pairs,
        comparison=cast("Comparison", fields.one_of("comparison", get_args(Comparison))),
        threshold=fields.decimal("threshold"),
        min_samples=fields.count("minSamples"),
    )
    if not NAME.fullmatch(metric.name):
        fields.refuse("name", "a name such as score")
    wrong = wrong_source(form, dict(pairs))
    if wrong:
        fields.refuse("source", wrong)
    fields.done()
    return metric


def items_payload(items: tuple[EvidenceItem, ...]) -> list[dict[str, Any]]:
    """The inverse of :func:`parse_items`, as a JSON-able array."""
    return [
        {
            "name": item.name,
            "format": item.format,
            "when": item.when,
            "maxAgeDays": item.max_age_days,
            **({"date": item.date} if item.date else {}),
            "metrics": [
                {
                    "name": metric.name,
                    "source": dict(metric.source),
                    "comparison": metric.comparison,
                    "threshold": metric.threshold,
                    "minSamples": metric.min_samples,
                }
                for metric in item.metrics
            ],
        }
        for item in items
    ]


def wrong_source(form: EvidenceFormat, source: dict[str, str]) -> str:
    """What was expected instead, or nothing where the keys are those of the format."""
    needed, optional = SELECTORS[form]
    if not needed <= source.keys() <= needed | optional:
        words = [*sorted(needed), *(f"{key} (optional)" for key in sorted(optional))]
        return f"for format {form}: {', '.join(words)}"
    if not all(source[key] for key in needed):
        return f"text that is not empty: {', '.join(sorted(needed))}"
    if any(not is_pointer(source[key]) for key in _POINTERS & source.keys()):
        return "JSON pointers such as /scores/mt_bench"
    return ""


def is_pointer(text: str) -> bool:
    """True for a JSON pointer (RFC 6901) that is not the whole document."""
    return text.startswith("/") and not text.replace("~0", "").replace("~1", "").count("~")


# hubpolicy.toml --------------------------------------------------------------------------------


def resolve_items(tables: list[dict[str, Any]], where: str) -> tuple[EvidenceItem, ...]:
    """``[[evidence]]`` as TOML tables of the right types, sorted by name.

    Raises:
        ConfigError: keys that are not those of the format, a name twice, or anything else that
            the signed form does not take.

    """
    items = tuple(sorted(_from_table(table, where) for table in tables))
    names = [item.name for item in items]
    if len(set(names)) != len(names):
        message = f"got two [[evidence]] of one name, expected each once, in {where}"
        raise ConfigError(message)
    try:
        return parse_items([Fields(item, where) for item in items_payload(items)])
    except MalformedError as error:
        raise ConfigError(error.message) from error


def _from_table(table: dict[str, Any], where: str) -> EvidenceItem:
    name, form = table["name"], table["format"]
    place = f"[[evidence]] {name!r} of {where}"
    if (form == "json") != ("date" in table):
        expected = 'date = "/pointer"' if form == "json" else "no date: the file says it"
        message = f"got format {form!r}, expected {expected}, in {place}"
        raise ConfigError(message)
    metrics = tuple(sorted(_metric_from(row, form, place) for row in table["metric"]))
    if len({metric.name for metric in metrics}) != len(metrics):
        message = f"got two [[evidence.metric]] of one name, expected each once, in {place}"
        raise ConfigError(message)
    return EvidenceItem(
        name=name,
        format=form,
        metrics=metrics,
        when=table.get("when", "always"),
        max_age_days=table.get("max_age_days", 90),
        date=table.get("date", ""),
    )


def _metric_from(row: dict[str, Any], form: EvidenceFormat, place: str) -> EvidenceMetric:
    source = {key: row[key] for key in _KEYS & row.keys()}
    if form == "lm-eval":
        source.setdefault("filter", "none")
    wrong = wrong_source(form, source)
    limits = [key for key in _LIMITS if key in row]
    if row.keys() - _KEYS - _LIMITS.keys() - {"name", "min_samples"}:
        wrong = "no other keys"
    if not wrong and len(limits) != 1:
        wrong = "exactly one of at_least and at_most"
    if wrong:
        message = f"got {sorted(row)} for metric {row['name']!r}, expected {wrong}, in {place}"
        raise ConfigError(message)
    return EvidenceMetric(
        name=row["name"],
        source=tuple(sorted(source.items())),
        comparison=_LIMITS[limits[0]],
        threshold=_plain(row[limits[0]]),
        min_samples=row.get("min_samples", 0),
    )


def _plain(value: object) -> str:
    """TOML's 1e-3 is a number as good as 0.001; the signed policy has one way to write it."""
    return str(value) if isinstance(value, int) else f"{value:f}"
