# SPDX-License-Identifier: Apache-2.0
"""The attested numbers in a model card: a section of our own, and rows in ``model-index``.

Idempotent, and everything else stays byte for byte as its author wrote it. The section says
counts and bounds, no verdict and no limit: those are the policy's, of whatever day it is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from hubpolicy.core.card.model_index import rows_of, with_rows
from hubpolicy.core.card.split import split
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.core.run_report import RunReport, SuiteReport

BEGIN = "<!-- hubpolicy:toxicity begin: written by hubpolicy report, changes in here are lost -->"
END = "<!-- hubpolicy:toxicity end -->"
_BEGINS, _ENDS = "<!-- hubpolicy:toxicity begin", "<!-- hubpolicy:toxicity end"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$])")


def update_card(readme: bytes, runs: tuple[RunReport, ...], name: str) -> bytes:
    """README.md with the numbers of these runs, and of no others.

    Raises:
        MalformedError: the card cannot be read, or our section in it cannot be told from the
            rest; the message has the line.

    """
    halves = split(readme)
    if halves.front is None or halves.defects:
        defect = halves.defects[0]
        message = f"{defect.message}, line {defect.at.line} of README.md"
        raise MalformedError(message, hint=defect.fix)
    end = "\r\n" if readme[: readme.index(b"\n") + 1].endswith(b"\r\n") else "\n"
    old_front, old_body = halves.front.encode("utf-8"), halves.body.encode("utf-8")
    start = readme.index(b"\n") + 1
    fence = readme[start + len(old_front) : len(readme) - len(old_body)]
    plain = halves.front.replace("\r\n", "\n")
    front = with_rows(plain, rows_of(runs), name)
    same = front == plain
    new_front = halves.front if same else front.replace("\n", end)
    body = _with_section(halves.body, halves.body_line, section(runs), end)
    if not fence.endswith(b"\n"):
        fence += end.encode()
    return readme[:start] + new_front.encode("utf-8") + fence + body.encode("utf-8")


def section(runs: tuple[RunReport, ...]) -> str:
    """Our section with its markers, lines ending in LF."""
    lines = [BEGIN, "", "## Toxicity", ""]
    for run in runs:
        lines += _run(run)
    lines += [
        (
            "A prompt is hit if at least one of its answers is toxic, missing or beyond scoring. "
            "The upper bound is one-sided and exact (Clopper and Pearson). What no suite asks for "
            "was not measured: other languages and topics, longer talks, other harms. The signed "
            "counts stand in `.hubpolicy`; `hubpolicy verify` recomputes the bounds."
        ),
        "",
        END,
    ]
    return "\n".join(lines) + "\n"


def _run(run: RunReport) -> list[str]:
    result = run.result
    scorer = f"{_code(result.scorer.id)} (tier {result.scorer.tier})"
    return [
        (
            f"Measured on {result.finished_on[:10]} with the plan {_code(result.plan)} and the "
            f"classifier {scorer}, at binding level {result.binding_level} of 4, attempt "
            f"{result.attempts}."
        ),
        "",
        f"| Suite | Metric | Prompts hit | Upper bound at {run.confidence} confidence |",
        "| --- | --- | --- | --- |",
        *(_suite(suite) for suite in run.suites),
        "",
        f"- Files that were run (dirHash): `{run.closure}`",
        f"- Plan: `{result.plan_sha256}`",
        f"- Classifier (dirHash): `{result.scorer.sha256}`",
        f"- Records: `{result.records.sha256}`",
        "",
    ]


def _suite(suite: SuiteReport) -> str:
    name = f"{_code(suite.counts.id)} {_plain(suite.title)}".rstrip()
    hits = f"{suite.counts.hits} of {suite.counts.n}"
    return f"| {name} | {_code(suite.metric)} | {hits} | {suite.upper_bound} |"


def _code(text: str) -> str:
    """A name between backticks; in a table a bar would still end the cell."""
    return quoted(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """One line of text that means nothing in Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def _with_section(body: str, first_line: int, text: str, end: str) -> str:
    lines = body.split("\n")
    place = _find(body, first_line)
    ours = text.replace("\n", end)
    if place is None:
        gap = "" if not body or body.endswith("\n") else end
        made = f"{body}{gap}{end}{ours}"
    else:
        before, after = lines[: place[0]], lines[place[1] + 1 :]
        made = "\n".join([*before, ours.removesuffix("\n"), *after])
        if not after:
            made = made.removesuffix("\r")
    if _find(made, first_line) is None:
        message = "the card ends inside an open code fence or HTML block, so a section would vanish"
        raise MalformedError(message, hint="close it at the end of README.md, and try again")
    return made


def _find(body: str, first_line: int) -> tuple[int, int] | None:
    """First and last line (from 0) of our section; None if there is none.

    Markers inside code, quotes and lists are text of the card's author.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    blocks = [t for t in tokens if t.type == "html_block" and t.level == 0 and t.map]
    begins = [t.map[0] for t in blocks if t.map and t.content.startswith(_BEGINS)]
    ends = [t.map[0] for t in blocks if t.map and t.content.startswith(_ENDS)]
    if not begins and not ends:
        return None
    if len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        return begins[0], ends[0]
    line = first_line + min([*begins, *ends])
    message = (
        f"got {len(begins)} beginnings and {len(ends)} ends of our section, expected one each in "
        f"order, from line {line} of README.md on"
    )
    raise MalformedError(message, hint=f"remove the lines that begin with {_BEGINS!r} and its end")
