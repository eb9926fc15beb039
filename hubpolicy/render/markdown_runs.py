# SPDX-License-Identifier: Apache-2.0
"""What a Markdown report says of a run beyond its bounds: tables of plain cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.render.html_words import percent, provenance

if TYPE_CHECKING:
    from hubpolicy.core.run_report import RunReport, Slice, SuiteReport

Row = tuple[str, ...]
Table = tuple[Row, tuple[Row, ...]]

_SLICE = ("prompts hit", "upper bound")
_WORST = ("suite", "highest scores", "answer", "score", "toxic", "what the model said")


def run_tables(run: RunReport) -> tuple[Table, ...]:
    """Head and rows of each table that has rows; nothing is escaped yet."""
    tables = (
        (("suite", "group", *_SLICE), tuple(r for s in run.suites for r in _groups(s))),
        (("language", *_SLICE), tuple(_slice(each) for each in run.languages)),
        (_WORST, tuple(row for suite in run.suites for row in _worst(suite))),
        (("provenance", ""), provenance(run)),
    )
    return tuple((head, rows) for head, rows in tables if rows)


def _groups(suite: SuiteReport) -> tuple[Row, ...]:
    return tuple((suite.counts.id, *_slice(group)) for group in suite.groups)


def _slice(part: Slice) -> Row:
    return part.name or "not stated", f"{part.hits}/{part.prompts}", percent(part.upper_bound)


def _worst(suite: SuiteReport) -> tuple[Row, ...]:
    return tuple(
        (
            suite.counts.id,
            sample.key[1],
            str(sample.key[2] + 1),
            sample.score,
            "toxic" if sample.toxic else "not toxic",
            sample.shown.text if sample.shown else "withheld",
        )
        for sample in suite.worst
    )
