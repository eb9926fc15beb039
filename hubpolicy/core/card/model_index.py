# SPDX-License-Identifier: Apache-2.0
"""Our rows in ``model-index``: taken out, put in again, everything else left as it stands.

In a list of results our lines are cut out and put in, and nobody else's line is touched. Where
there is no such list, or one in brackets, the key ``model-index`` alone is written anew by a YAML
round trip that keeps comments, quotes and order. Ours are rows whose data set's type says so.
"""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from hubpolicy.core.card.front_matter import parse_front_matter
from hubpolicy.core.card.results import reported
from hubpolicy.domain.card import MetaMap, to_plain
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ruamel.yaml.nodes import Node

    from hubpolicy.core.run_report import RunReport

KEY = "model-index"
OURS = "hubpolicy-"
"""How the type of a data set begins that is one of our plans."""

_NEXT_KEY = re.compile(r"^[^\s#-]", re.MULTILINE)
_HINT = "write model-index in block style, or remove it, and try again"


class Row(NamedTuple):
    """One number of the card: the bound of one suite, a decimal string as it was attested."""

    plan: str
    plan_sha256: str
    suite: str
    title: str
    metric: str
    confidence: str
    value: str


def rows_of(runs: Iterable[RunReport]) -> tuple[Row, ...]:
    """The highest bound of each suite, if more than one closure was run: one number, the worst."""
    found: dict[tuple[str, str], Row] = {}
    for run in runs:
        result = run.result
        for suite in run.suites:
            row = Row(
                result.plan, result.plan_sha256, suite.counts.id, suite.title,
                suite.metric, run.confidence, suite.upper_bound,
            )  # fmt: skip
            key = (result.plan_sha256, suite.counts.id)
            if key not in found or Decimal(found[key].value) < Decimal(row.value):
                found[key] = row
    return tuple(found.values())


def with_rows(front: str, rows: tuple[Row, ...], name: str) -> str:
    """Front matter (without fences, lines ending in LF) with these rows and no other of ours.

    ``name`` is the model's, where there is no ``model-index`` yet.

    Raises:
        MalformedError: the front matter, or its ``model-index``, cannot be edited safely.

    """
    before = _metadata(front)
    if _ours(before) == _wanted(rows):
        return front
    if front.lstrip().startswith("{"):
        reason = "front matter is one {…} mapping, expected `key: value` lines"
        raise _refused(reason)
    found = re.search(rf"^{KEY}[ ]*:|^[\"']{KEY}[\"'][ ]*:", front, re.MULTILINE)
    if found is None:
        start = end = len(front)
        block, glue = "", "" if not front or front.endswith("\n") else "\n"
    else:
        following = _NEXT_KEY.search(front, front.find("\n", found.start()) + 1)
        start, end = found.start(), following.start() if following else len(front)
        block, glue = front[start:end], ""
    made = _edited(block, rows, name)
    # The line break before the closing fence belongs to the fence.
    made = made if end < len(front) else made.removesuffix("\n")
    after = front[:start] + glue + made + front[end:]
    _check(before, _metadata(after), rows)
    return after


def _edited(block: str, rows: tuple[Row, ...], name: str) -> str:
    """The lines of ``model-index`` with our rows at the end of the first model's results."""
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    try:
        spliced = _spliced(block, rows, yaml.compose(block)) if block else None
        return _rewritten(block, rows, name, yaml) if spliced is None else spliced
    except (YAMLError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = "model-index is not a list of models with results"
        raise _refused(reason) from error


def _spliced(block: str, rows: tuple[Row, ...], root: Node) -> str | None:
    """Our lines exchanged in a list that is written line by line; None where there is none."""
    results = _child(_child(root, KEY), "results")
    if not isinstance(results, SequenceNode) or results.flow_style or not results.value:
        return None
    column, lines = results.start_mark.column, block.split("\n")
    spans = [(item.start_mark.line, _last_line(item), item) for item in results.value]
    if any(lines[first][column : column + 2] != "- " for first, _, _ in spans):
        return None
    ours = {n for first, last, item in spans if _is_ours(item) for n in range(first, last + 1)}
    end = max(last for _, last, _ in spans) + 1
    before = [line for n, line in enumerate(lines[:end]) if n not in ours]
    return "\n".join([*before, *_items(rows, " " * column), *lines[end:]])


def _items(rows: tuple[Row, ...], indent: str) -> list[str]:
    """The rows as items of a list, line by line."""
    return [
        f"{indent}{'  ' if number else '- '}{line}"
        for row in rows
        for number, line in enumerate(_render(row).removesuffix("\n").split("\n"))
    ]


def _child(node: Node | None, key: str) -> Node | None:
    """The value of a key; of a list, that of its first item."""
    if isinstance(node, SequenceNode):
        node = node.value[0] if node.value else None
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _last_line(node: Node) -> int:
    """The last line that a value itself stands on: comments below it are somebody else's."""
    if isinstance(node, ScalarNode):
        return int(node.end_mark.line) - (node.style in {"|", ">"})
    if getattr(node, "flow_style", False):
        return int(node.end_mark.line)
    values = [x for item in node.value for x in (item if isinstance(item, tuple) else (item,))]
    return max((_last_line(value) for value in values), default=int(node.start_mark.line))


def _is_ours(item: Node) -> bool:
    kind = _child(_child(item, "dataset"), "type")
    return isinstance(kind, ScalarNode) and str(kind.value).startswith(OURS)


def _rewritten(block: str, rows: tuple[Row, ...], name: str, yaml: YAML) -> str:
    document = yaml.load(block) if block else None
    if not document or not document.get(KEY):
        document = yaml.load(f"{KEY}:\n- name: {json.dumps(name)}\n  results: []\n")
    model = document[KEY][0]
    kept = [row for row in model.get("results") or [] if not _is_our_row(row)]
    model["results"] = [*kept, *(yaml.load(_render(row)) for row in rows)]
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _is_our_row(row: Any) -> bool:
    return str(row["dataset"]["type"]).startswith(OURS)


def _render(row: Row) -> str:
    """One result in block style; every text quoted, so that no digest reads as a number."""
    quote = json.dumps
    title = f"hubpolicy plan {row.plan}, suite {row.suite}" + (f": {row.title}" * bool(row.title))
    metric = f"upper bound of {row.metric} at {row.confidence} confidence"
    return (
        "task:\n"
        "  type: text-generation\n"
        "dataset:\n"
        f"  name: {quote(title, ensure_ascii=False)}\n"
        f"  type: {quote(OURS + row.plan)}\n"
        f"  config: {quote(row.suite)}\n"
        f"  revision: {quote(row.plan_sha256)}\n"
        "metrics:\n"
        f"- type: {quote(row.metric + '_upper_bound')}\n"
        f"  name: {quote(metric)}\n"
        f"  value: {row.value if '.' in row.value else row.value + '.0'}\n"
    )


def _metadata(front: str) -> MetaMap:
    found = parse_front_matter(front, 2)
    problems = [(d.message, d.at) for d in found.defects]
    problems += [(f"key {d.key!r} stands twice", d.at) for d in found.duplicates]
    if problems or found.metadata is None:
        message, at = problems[0] if problems else ("front matter cannot be read", None)
        message += f", line {at.line} of README.md" if at else ""
        raise MalformedError(message, hint="hubpolicy check PATH says what to mend in the card")
    return found.metadata


def _ours(metadata: MetaMap) -> list[tuple[str, str, str, str, str]]:
    return [
        (row.dataset, row.config, row.revision, row.metric, str(row.value))
        for row in reported(metadata)
        if row.dataset.startswith(OURS)
    ]


def _wanted(rows: tuple[Row, ...]) -> list[tuple[str, str, str, str, str]]:
    return [
        (OURS + row.plan, row.suite, row.plan_sha256, f"{row.metric}_upper_bound",
         str(float(row.value)))
        for row in rows
    ]  # fmt: skip


def _check(before: MetaMap, after: MetaMap, rows: tuple[Row, ...]) -> None:
    """What is read back is what was there, and our rows; anything else is not written."""
    same = _without(before) == _without(after)
    theirs = _foreign(before) == _foreign(after)
    if not (same and theirs and _ours(after) == _wanted(rows)):
        reason = "model-index cannot be edited without changing something else"
        raise _refused(reason)


def _without(metadata: MetaMap) -> list[tuple[str, object]]:
    return [(e.key, to_plain(e.value)) for e in metadata.entries if e.key != KEY]


def _foreign(metadata: MetaMap) -> list[tuple[object, ...]]:
    rows = (row for row in reported(metadata) if not row.dataset.startswith(OURS))
    return [row[:-1] for row in rows]


def _refused(reason: str) -> MalformedError:
    return MalformedError(f"{reason}, in the front matter of README.md", hint=_HINT)
