# SPDX-License-Identifier: Apache-2.0
"""Hashing a folder: GB per CPU-second and wall, beside ``openssl dgst`` and ``model_signing``.

All in one run, on one folder made for it (two large files and many small ones), page cache warm,
rounds interleaved, best of each. Times are of the hashing alone, without start-up and imports:
``openssl`` is the only whole process, and starts in milliseconds.

    python bench/manifest.py --size-gb 2.5
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ORACLES = ROOT / ".tools" / "oracles" / "bin" / "python"
SMALL_FILES = 2000
BLOCK = 16 * 1024 * 1024

OURS = """
import json, os, sys, time
sys.path.insert(0, sys.argv[3])
from hubpolicy.adapters.files import FolderRelease
wall, cpu = time.perf_counter(), time.process_time()
release = FolderRelease(sys.argv[1], threads=int(sys.argv[2]))
digest = release.manifest.dir_hash
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, digest]))
"""
THEIRS = """
import json, sys, time
import model_signing
wall, cpu = time.perf_counter(), time.process_time()
manifest = model_signing.hashing.hash(sys.argv[1])
count = len(list(manifest.resource_descriptors()))
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, str(count)]))
"""


class Timing(NamedTuple):
    """Seconds of one run, and what it gave, to see that all did the same work."""

    wall: float
    cpu: float
    gave: str


class Method(NamedTuple):
    """A way to hash a folder."""

    name: str
    command: tuple[str, ...]
    reports_itself: bool


def main() -> int:
    """Make the folder, run all methods in turns, print the table and the targets."""
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="hubpolicy-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        large, whole = _make(folder, int(arguments.size_gb * 1e9))
        results = {}
        for title, place in (("two large files", large), ("large and small files", whole)):
            results[title] = _run(title, place, arguments.rounds)
    met = _targets(results["two large files"], results["large and small files"])
    return 1 if arguments.strict and not met else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--size-gb", type=float, default=2.5, help="size of the folder (10^9 bytes)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where to make it (default: TMPDIR)")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def _make(folder: Path, size: int) -> tuple[Path, Path]:
    """``whole/`` = 90 % of ``size`` in two files, 10 % in 2,000; ``large/`` = links to the two."""
    large, whole = folder / "large", folder / "whole"
    large.mkdir()
    (whole / "small").mkdir(parents=True)
    block = os.urandom(BLOCK)
    for n in range(2):
        path = whole / f"model-{n + 1:05}-of-00002.safetensors"
        _write(path, block, int(size * 0.45))
        os.link(path, large / path.name)
    for n in range(SMALL_FILES):
        _write(whole / "small" / f"{n:05}.bin", block, int(size * 0.1 / SMALL_FILES))
    return large, whole


def _write(path: Path, block: bytes, size: int) -> None:
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(block[:size])


def _methods(folder: Path) -> list[Method]:
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    methods = []
    if shutil.which("openssl"):
        methods.append(Method("openssl dgst", ("openssl", "dgst", "-sha256", *files), False))
    for threads in (1, 2):
        plural = "s" if threads > 1 else ""
        command = (sys.executable, "-c", OURS, str(folder), str(threads), str(ROOT))
        methods.append(Method(f"hubpolicy, {threads} thread{plural}", command, True))
    if ORACLES.exists():
        command = (str(ORACLES), "-W", "ignore", "-c", THEIRS, str(folder))
        methods.append(Method("model_signing", command, True))
    return methods


def _run(title: str, folder: Path, rounds: int) -> dict[str, Timing]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    methods = _methods(folder)
    runs: dict[str, list[Timing]] = {method.name: [] for method in methods}
    for _ in range(rounds):
        for method in methods:
            runs[method.name].append(_time(method))
    best = {name: _best(found) for name, found in runs.items()}
    print(f"\n{title}: {size / 1e9:.2f} GB, best of {rounds}, load {os.getloadavg()[0]:.1f}")
    print(f"  {'method':24}{'wall s':>9}{'CPU s':>9}{'GB/s':>8}{'GB/CPU-s':>10}")
    for name, timing in best.items():
        rates = f"{size / timing.wall / 1e9:8.2f}{size / timing.cpu / 1e9:10.2f}"
        print(f"  {name:24}{timing.wall:9.2f}{timing.cpu:9.2f}{rates}")
    return best


def _time(method: Method) -> Timing:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(method.command, stdout=subprocess.PIPE, check=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - wall
    if method.reports_itself:
        return Timing(*json.loads(done.stdout))
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Timing(wall, cpu, str(done.stdout.count(b"\n")))


def _best(runs: list[Timing]) -> Timing:
    if len({run.gave for run in runs}) != 1:
        raise SystemExit("the rounds gave different digests")
    return Timing(min(r.wall for r in runs), min(r.cpu for r in runs), runs[0].gave)


def _targets(large: dict[str, Timing], whole: dict[str, Timing]) -> bool:
    one, two = large["hubpolicy, 1 thread"], large["hubpolicy, 2 threads"]
    lines = [("two threads against one, two large files (wall)", one.wall / two.wall, 1.8)]
    if "openssl dgst" in large:
        ratio = large["openssl dgst"].cpu / one.cpu
        lines.append(("openssl dgst per core, two large files (CPU)", ratio, 0.9))
        ratio = whole["openssl dgst"].cpu / whole["hubpolicy, 1 thread"].cpu
        lines.append(("openssl dgst per core, with small files (CPU)", ratio, 0.9))
    else:
        print("\nleft out: openssl is not installed")
    if "model_signing" in whole:
        theirs, ours = whole["model_signing"], whole["hubpolicy, 2 threads"]
        lines.append(("model_signing, with small files (wall)", theirs.wall / ours.wall, 1.0))
        lines.append(("model_signing, with small files (CPU)", theirs.cpu / ours.cpu, 1.0))
    else:
        print("\nleft out: model_signing; run: make tools")
    print("\nratios (higher is better)")
    for title, ratio, target in lines:
        verdict = "met" if ratio >= target else "MISSED"
        print(f"  {title:50}{ratio:6.2f} x   target {target:.1f}   {verdict}")
    return all(ratio >= target for _, ratio, target in lines)


if __name__ == "__main__":
    sys.exit(main())
