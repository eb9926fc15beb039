# SPDX-License-Identifier: Apache-2.0
"""What an organisation's audit costs: requests at the hub, time, and memory of the audit's process.

The local hub runs in a process of its own and counts. First many repositories with long histories,
by both engines, cold (nothing kept) and warm (again, nothing changed meanwhile); then ten times as
many repositories at their tips, where time should grow as their number and memory hardly. No other
program does this job, so the engines are compared with each other. Memory is the peak of the
audit's own process (VmHWM); git's own processes come and go beside it. The hub answers from git
processes on the same cores: wall times here are mostly its own.

Exits 1 if a warm audit at tips asks more than one request a repository (beside the lists of
names), or git's engine asks not ten times less than the other for all revisions.

    python -m bench.audit
    python -m bench.audit --quick
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.process import HubProcess
from tests.hub.planting import MAIN, ORGANISATION, Organisation, plant
from tests.hub.world import TOKENS, client_environment

if TYPE_CHECKING:
    from tests.hub.planting import Plot

ROOT = Path(__file__).resolve().parent.parent
KINDS = (
    ("git", re.compile(r"/(info/refs|git-upload-pack)(\?|$)")),
    ("refs", re.compile(r"/refs(\?|$)")),
    ("trees", re.compile(r"/tree/")),
    ("commits", re.compile(r"/commits/")),
    ("files", re.compile(r"/resolve/")),
    ("storage", re.compile(r"/lfs-files")),
)
RELEASED = 10
"""Every so many commits a release; in between somebody edits a note."""
ENGINES = {
    "tips": (),
    "all, api": ("--all-revisions", "--engine", "api"),
    "all, git": ("--all-revisions", "--engine", "git"),
}


class Cost(NamedTuple):
    """One audit: requests by kind, seconds, peak memory in MB, and rows in its report."""

    asked: dict[str, int]
    seconds: float
    peak_mb: float
    rows: int

    @property
    def of_repositories(self) -> int:
        """Requests about repositories; names are listed in four, or more where they fill pages."""
        return sum(count for kind, count in self.asked.items() if kind != "lists")


def history(revisions: int) -> Any:
    """A repository with so many commits; the last is a release."""

    def fill(plot: Plot) -> None:
        oid, files = plot.start, plot.files()
        for number in range(2, revisions):
            if number % RELEASED == 0:
                files = plot.files(str(number))
                oid = plot.release(files, parent=oid)
            else:
                oid = plot.commit({**files, "notes.md": b"%d\n" % number}, parent=oid)
        plot.tip(MAIN, plot.release(plot.files("last"), parent=oid), "ATTESTED")

    return fill


def planted(hub: HubProcess, size: int, revisions: int, base: Path) -> Organisation:
    """So many repositories with so many commits each, and a home that judges them."""
    began = time.perf_counter()
    made = plant(hub, {"model": (history(revisions), 1, "model")}, size=size)
    made.settle(base / "home")
    print(f"{size} repositories x {revisions} revisions planted in "
          f"{time.perf_counter() - began:.1f} s", flush=True)  # fmt: skip
    return made


def cost(hub: HubProcess, home: Path, *options: str) -> Cost:
    """One audit in a process of its own."""
    environment = client_environment(home) | {
        "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_alice", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    mark, peak = len(hub.requests()), 0
    began = time.perf_counter()
    with (home / "report.json").open("w+") as report:
        process = subprocess.Popen(
            [sys.executable, "-m", "hubpolicy", "audit", ORGANISATION, "--format", "json",
             *options],
            stdout=report, stderr=subprocess.DEVNULL, env=environment, cwd=home,
        )  # fmt: skip
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        report.seek(0)
        rows = len(json.load(report)["refs"])
    asked = Counter(kind_of(str(line["path"])) for line in hub.requests()[mark:])
    return Cost(dict(asked), seconds, peak / 1024, rows)


def high_water(pid: int) -> int:
    """The most memory that a process ever had resident, in KiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) if found else 0


def kind_of(path: str) -> str:
    """What a request is about."""
    return next((kind for kind, shape in KINDS if shape.search(path)), "lists")


def line(name: str, size: int, found: Cost) -> str:
    """A row of the table."""
    kinds = "  ".join(f"{kind} {count / size:.2f}" for kind, count in sorted(found.asked.items())
                      if kind != "lists")  # fmt: skip
    each = found.of_repositories / size
    return (
        f"  {name:<16}{each:>9.2f}{found.seconds:>9.1f} s{found.seconds / size * 1000:>8.0f} ms"
        f"{found.peak_mb:>8.0f} MB{found.rows:>8}   {kinds}"
    )


def engines(base: Path, size: int, revisions: int) -> list[str]:
    """Both engines, cold and warm; what misses its target."""
    base.mkdir()
    found: dict[str, Cost] = {}
    with HubProcess(base / "hub", TOKENS) as hub:
        planted(hub, size, revisions, base)
        heading = ("requests", "wall", "each", "memory", "rows")
        print(f"  {'a repository:':<16}" + "{:>9}{:>11}{:>11}{:>11}{:>8}".format(*heading))
        for name, flags in ENGINES.items():
            store = base / "home/.local/state/hubpolicy/audit.sqlite3"
            store.unlink(missing_ok=True)
            for state in ("cold", "warm"):
                found[f"{name} {state}"] = cost(hub, base / "home", *flags)
                print(line(f"{name} {state}", size, found[f"{name} {state}"]), flush=True)
    warm = found["tips warm"].of_repositories / size
    less = found["all, api cold"].of_repositories / found["all, git cold"].of_repositories
    print(f"  warm at tips: {warm:.2f} requests a repository (target 1); all revisions cold: git "
          f"asks {less:.1f} times less than api (target 10)")  # fmt: skip
    wrong = [] if warm <= 1 else [f"a warm audit asks {warm:.2f} requests a repository"]
    if found["all, api cold"].rows != found["all, git cold"].rows:
        wrong.append("the engines do not report the same")
    return wrong if less >= 10 else [*wrong, f"git asks only {less:.1f} times less"]


def growth(base: Path, small: int, large: int) -> list[str]:
    """Tips of few and of ten times as many; what grows as it should not."""
    base.mkdir()
    costs: dict[tuple[int, str], Cost] = {}
    for size in (small, large):
        place = base / str(size)
        place.mkdir()
        with HubProcess(place / "hub", TOKENS) as hub:
            planted(hub, size, 2, place)
            for state in ("cold", "warm"):
                costs[size, state] = cost(hub, place / "home")
                print(line(f"tips {state}", size, costs[size, state]), flush=True)
    wrong = []
    for state in ("cold", "warm"):
        few, many = costs[small, state], costs[large, state]
        times = many.seconds / few.seconds
        each = (many.peak_mb - few.peak_mb) * 1024 / (large - small)
        print(f"  {state}: {large / small:.0f} times the repositories take {times:.1f} times the "
              f"time and {many.peak_mb / few.peak_mb:.2f} times the memory ({each:+.1f} KiB a "
              "repository)")  # fmt: skip
        if times > 1.5 * large / small:
            wrong.append(f"{state}: time grows faster than the number of repositories")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small one, for a look")
    parser.add_argument("--only", choices=["engines", "growth"], help="one of the two parts")
    options = parser.parse_args()
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    size, revisions, small, large = (10, 50, 10, 40) if options.quick else (200, 50, 200, 2000)
    wrong = []
    with tempfile.TemporaryDirectory(prefix="hubpolicy-audit-") as name:
        if options.only != "growth":
            wrong += engines(Path(name) / "engines", size, revisions)
        if options.only != "engines":
            wrong += growth(Path(name) / "growth", small, large)
    for each in wrong:
        print(f"MISSED: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
