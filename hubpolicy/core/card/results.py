# SPDX-License-Identifier: Apache-2.0
"""``model-index`` as rows, one for each number. Malformed parts are left to the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.card import MetaList, MetaMap, MetaNode, MetaScalar, Reported

if TYPE_CHECKING:
    from collections.abc import Iterator


def reported(metadata: MetaMap) -> tuple[Reported, ...]:
    """All metric values of ``model-index`` in the author's order."""
    rows: list[Reported] = []
    for model in _maps(_child(metadata, "model-index")):
        for result in _maps(_child(model, "results")):
            rows.extend(_rows(result))
    return tuple(rows)


def _rows(result: MetaMap) -> Iterator[Reported]:
    dataset = _child(result, "dataset")
    for metric in _maps(_child(result, "metrics")):
        value = _child(metric, "value")
        verified = _child(metric, "verified")
        yield Reported(
            task=_text(_child(result, "task"), "type"),
            dataset=_text(dataset, "type"),
            config=_text(dataset, "config"),
            split=_text(dataset, "split"),
            revision=_text(dataset, "revision"),
            metric=_text(metric, "type"),
            value=value.value if isinstance(value, MetaScalar) else None,
            verified=isinstance(verified, MetaScalar) and verified.value is True,
            at=value.at if value else metric.at,
        )


def _child(node: MetaNode | None, key: str) -> MetaNode | None:
    entry = node.entry(key) if isinstance(node, MetaMap) else None
    return entry.value if entry else None


def _maps(node: MetaNode | None) -> Iterator[MetaMap]:
    if isinstance(node, MetaList):
        yield from (item for item in node.items if isinstance(item, MetaMap))


def _text(node: MetaNode | None, key: str) -> str:
    found = _child(node, key)
    return found.text if isinstance(found, MetaScalar) else ""
