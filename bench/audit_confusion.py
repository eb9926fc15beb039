# SPDX-License-Identifier: Apache-2.0
"""A generated organisation with planted defects, audited: what had to be found, and what was.

A row for each verdict that was planted, a column for each that was found, counted by ref (and by
commit, with all revisions). What is off the diagonal is named. Exits 1 if anything is, or if the
two engines do not say the same.

    python -m bench.audit_confusion --size 300
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.process import HubProcess
from tests.hub.case_table import CASES
from tests.hub.planting import ORGANISATION, Organisation, plant
from tests.hub.world import TOKENS, client_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.hub.planting import Life

NOTHING = "(no row)"
LOOKS: tuple[tuple[str, ...], ...] = (
    (),
    ("--all-revisions", "--engine", "api"),
    ("--all-revisions", "--engine", "git"),
)
LOG = "audit-log.json"
LOGGED = ("--import-audit-log", LOG)
"""Beside a look: the export in the auditor's home."""
LIMIT_S = 1800


class Pair(NamedTuple):
    """One ref or commit: the verdict that was planted, and the one that was found."""

    planted: str
    found: str
    case: str
    place: str


class Look(NamedTuple):
    """One audit of all: how it ended, every pair, and its rows as they were reported."""

    code: int
    pairs: tuple[Pair, ...]
    rows: tuple[dict[str, Any], ...]
    seconds: float

    @property
    def wrong(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.planted != pair.found)


def compared(
    organisation: Organisation,
    rows: Iterable[dict[str, Any]],
    *,
    history: bool,
    logged: bool = False,
) -> tuple[Pair, ...]:
    """Every place that was planted or reported, once; ``logged``: with the audit log at hand."""
    by_repo: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_repo.setdefault(row["repo"], []).append(row)
    pairs = []
    for plot, life in zip(organisation.plots, organisation.lives, strict=True):
        found = by_repo.pop(plot.name, [])
        if plot.all_rows:
            statuses = [row["status"] for row in found] or [NOTHING]
            pairs += [Pair(plot.all_rows, each, plot.case, plot.name) for each in statuses]
            continue
        wanted = {(ref, oid): status for ref, (oid, status) in plot.tips.items()}
        if history:
            wanted |= {("", oid): status for oid, status in plot.past.items()}
            wanted |= {(ref, ""): status for ref, status in plot.stored.items()}
        if logged:
            wanted = {place: _public(status, life) for place, status in wanted.items()}
        got = {
            ("" if row["ref"].endswith("(history)") else row["ref"], row["oid"]): row["status"]
            for row in found
        }
        pairs += [
            Pair(wanted.get(place, NOTHING), got.get(place, NOTHING), plot.case,
                 f"{plot.name} {place[0] or '(history)'} {place[1][:12]}")
            for place in sorted(wanted.keys() | got.keys())
        ]  # fmt: skip
        if not wanted and not got:
            pairs.append(Pair(NOTHING, NOTHING, plot.case, plot.name))
    pairs += [Pair(NOTHING, row["status"], "?", name) for name, more in by_repo.items()
              for row in more]  # fmt: skip
    return tuple(pairs)


def _public(status: str, life: Life) -> str:
    """What is wrong is EXPOSED where it was ever public: a commit's own time clears nothing."""
    red = status in {"UNATTESTED", "MODIFIED", "REVOKED"}
    return "EXPOSED" if red and life.ever else status


def look(
    organisation: Organisation,
    audit: Callable[..., tuple[int, dict[str, Any]]],
    *options: str,
) -> Look:
    """One audit of the organisation; ``audit`` runs the command and gives code and report."""
    organisation.ready(" ".join(options))
    began = time.perf_counter()
    code, report = audit(ORGANISATION, "--no-cache", "--format", "json", *options)
    seconds = time.perf_counter() - began
    rows = tuple(report["refs"])
    pairs = compared(
        organisation, rows, history="--all-revisions" in options, logged=LOGGED[0] in options
    )
    return Look(code, pairs, rows, seconds)


def differences(one: Look, other: Look) -> list[str]:
    """Where two looks do not report the same. Why something is unreadable may be said otherwise."""

    def told(rows: Iterable[dict[str, Any]]) -> set[tuple[str, ...]]:
        return {
            (row["repo"], "UNREADABLE") if row["status"] == "UNREADABLE"
            else tuple(row[key] for key in ("repo", "ref", "oid", "status", "detail"))
            for row in rows
        }  # fmt: skip

    return [" ".join(each) for each in sorted(told(one.rows) ^ told(other.rows))]


def table(pairs: Iterable[Pair]) -> str:
    """Planted by found; a dot is nought."""
    counts = Counter((pair.planted, pair.found) for pair in pairs)
    names = sorted({name for key in counts for name in key}, key=lambda n: (n == NOTHING, n))
    wide = max(map(len, names)) + 2
    lines = [" " * wide + "".join(f"{name:>{wide}}" for name in names)]
    for planted in names:
        cells = (counts[planted, found] for found in names)
        lines.append(f"{planted:<{wide}}" + "".join(f"{cell or '·':>{wide}}" for cell in cells))
    return "\n".join(lines)


def commands(home: Path, endpoint: str) -> Callable[..., tuple[int, dict[str, Any]]]:
    """``hubpolicy audit`` as a process of its own."""
    environment = client_environment(home) | {"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_alice"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)

    def audit(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "hubpolicy", "audit", *arguments],
            capture_output=True, text=True, env=environment, cwd=home, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip
        if not done.stdout:
            message = f"audit ended with {done.returncode}: {done.stderr}"
            raise RuntimeError(message)
        report: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, report

    return audit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=300, help="repositories")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="hubpolicy-audit-") as name:
        base = Path(name)
        with HubProcess(base / "hub", TOKENS) as hub:
            began = time.perf_counter()
            organisation = plant(hub, CASES, size=options.size, seed=options.seed)
            organisation.settle(base / "home")
            print(f"{len(organisation.plots)} repositories of {len(CASES)} cases planted in "
                  f"{time.perf_counter() - began:.1f} s, seed {options.seed}")  # fmt: skip
            audit = commands(base / "home", hub.endpoint)
            looks = []
            (base / "home" / LOG).write_text(json.dumps(organisation.audit_log()))
            for flags in (*LOOKS, (*LOOKS[-1], *LOGGED)):
                done = look(organisation, audit, *flags)
                looks.append(done)
                print(f"\naudit {' '.join((ORGANISATION, *flags))}   {len(done.pairs)} verdicts, "
                      f"{done.seconds:.1f} s, exit {done.code}\n\n{table(done.pairs)}",
                      flush=True)  # fmt: skip
                for pair in done.wrong:
                    print(f"  {pair.case}: {pair.found}, expected {pair.planted}: {pair.place}")
                wrong += len(done.wrong)
    apart = differences(looks[1], looks[2])
    for each in apart:
        print(f"  the engines differ: {each}")
    print(f"\n{wrong} off the diagonal, {len(apart)} differences between the engines")
    return 1 if wrong or apart else 0


if __name__ == "__main__":
    sys.exit(main())
