# SPDX-License-Identifier: Apache-2.0
"""The ledger of completed runs: a hash chain, so that dropping a failed one breaks it.

Attempts are counted per line of weights, not per closure: saving ``config.json`` with another blank
gives another closure and with it other seeds, but the model under test is the same one. Weights
that were saved anew, with other bytes, are new ones here.

Self-reported where one person holds the file: it stops forgetting, not lying. Whoever keeps the
head elsewhere (it stands in every toxicity line) can tell.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from hubpolicy.core import strictjson
from hubpolicy.core.filetypes import is_weight_like
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.manifest import Entry

GENESIS = "0" * 64
_MAX_LINE = 4096
_OUTCOMES = ("passed", "failed", "inconclusive")


class Run(NamedTuple):
    """One completed run. ``closure``, ``plan``, ``scorer``, ``seed``, ``records``: hex sha256.

    ``weights`` is :func:`weights_line` of the closure; entries of older versions have none.
    """

    closure: str
    plan: str
    scorer: str
    seed: str
    records: str
    outcome: Literal["passed", "failed", "inconclusive"]
    finished_on: str
    weights: str = ""


class Ledger(NamedTuple):
    """All runs, oldest first, and the head of the chain (64 zeros if there are none)."""

    runs: tuple[Run, ...]
    head: str


EMPTY = Ledger((), GENESIS)


def parse_ledger(content: bytes) -> Ledger:
    """JSON Lines to a ledger; every line names the sha256 of the line before.

    Raises:
        MalformedError: a line that does not parse, or a broken chain, with its number.

    """
    runs, head = [], GENESIS
    if content and not content.endswith(b"\n"):
        reason = "the last line is cut off"
        raise _broken(reason)
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        where = f"line {number} of the ledger"
        table = strictjson.parse(line, what=where, limit=_MAX_LINE)
        runs.append(_run(table, head, where))
        if _render(runs[-1], head) != line:
            reason = f"{where} is not canonical"
            raise _broken(reason)
        head = hashlib.sha256(line).hexdigest()
    return Ledger(tuple(runs), head)


def append_run(ledger: Ledger, run: Run) -> tuple[Ledger, bytes]:
    """The longer ledger and the line (with line feed) to append to its file."""
    line = _render(run, ledger.head)
    return Ledger((*ledger.runs, run), hashlib.sha256(line).hexdigest()), line + b"\n"


def weights_line(files: Iterable[Entry]) -> str:
    """Hex sha256 over the digests of a closure's weights, whatever their names; "" without any."""
    found = sorted(entry.sha256 for entry in files if is_weight_like(entry.path, entry.size))
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


def standing(ledger: Ledger, run: Run) -> tuple[str, int]:
    """The head right after ``run``, and its attempt number.

    The number counts the completed, failed runs of the same weights before it, plus one.

    Raises:
        MalformedError: the ledger does not have the run.

    """
    head, failed = GENESIS, 0
    for entry in ledger.runs:
        head = hashlib.sha256(_render(entry, head)).hexdigest()
        if entry == run:
            return head, failed + 1
        failed += _failed_before(entry, run.closure, run.weights)
    message = f"got run {run.records[:12]}, expected one that the ledger has"
    raise MalformedError(message)


def attempts_of(ledger: Ledger, closure: str, weights: str = "") -> int:
    """The attempt number that a run of that closure, with these weights, would have now."""
    return 1 + sum(_failed_before(run, closure, weights) for run in ledger.runs)


def same_run(ledger: Ledger, run: Run) -> Run | None:
    """The entry for the very same draw and records, so that a repeated command adds nothing."""
    key = (run.closure, run.seed, run.records)
    return next((r for r in ledger.runs if (r.closure, r.seed, r.records) == key), None)


def _failed_before(run: Run, closure: str, weights: str) -> bool:
    same = run.closure == closure or (run.weights == weights and weights != "")
    return same and run.outcome == "failed"


def _render(run: Run, head: str) -> bytes:
    table = {**run._asdict(), "previous": head}
    if not run.weights:
        del table["weights"]
    return strictjson.canonical(table)


def _run(table: object, head: str, where: str) -> Run:
    names = {*Run._fields, "previous"}
    if not isinstance(table, dict) or table.keys() | {"weights"} != names:
        message = f"got other keys than {sorted(names)}, in {where}"
        raise MalformedError(message)
    if not all(isinstance(value, str) for value in table.values()):
        message = f"got a value that is no string, in {where}"
        raise MalformedError(message)
    if table["previous"] != head:
        reason = f"{where} follows {table['previous'][:12]}, expected {head[:12]}"
        raise _broken(reason)
    if table["outcome"] not in _OUTCOMES:
        message = f"got outcome {table['outcome']!r}, expected one of {_OUTCOMES}, in {where}"
        raise MalformedError(message)
    fields = cast("dict[str, str]", {name: table.get(name, "") for name in Run._fields})
    return Run(**fields)  # type: ignore[arg-type]


def _broken(reason: str) -> MalformedError:
    hint = "restore the ledger from a backup; a run cannot be taken back"
    return MalformedError(f"the ledger's chain is broken: {reason}", hint=hint)
