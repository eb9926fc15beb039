# SPDX-License-Identifier: Apache-2.0
"""What a push can cost at worst: huge trees, huge blobs, huge input, each to a verdict.

The installed hook is started as git starts it, under a limit on private memory that the kernel
keeps for it and for every git below it (RLIMIT_DATA). The peak that is printed is the largest of
these processes and counts mapped files too: git maps a loose object as a whole to stream it.

    python -m bench.hook --bounds
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from bench.hook import CODE, OURS, git, make_release, make_way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
PRIVATE = 512 * MIB
"""Bytes of private memory that each process may have."""
METER = """
import os, resource, sys, time
started = time.perf_counter()
pid = os.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", 'ulimit -d "$0" && exec "$@" >&2', *sys.argv[1:]])
_, status, used = os.wait4(pid, 0)
seconds = time.perf_counter() - started
print(os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process in between: what a child inherits from a large one would count as its peak."""
SECONDS = 300
FILES = 100_000
BLOB = 1 << 30
INPUT = 5 * MIB
ZERO = "0" * 40


class Case(NamedTuple):
    """A repository, what git says on standard input, the exit code, and a word on the screen."""

    name: str
    repo: Path
    stdin: bytes
    code: int
    said: str


class Cost(NamedTuple):
    """What a verdict took: seconds, CPU seconds, MiB of the largest process; what was wrong."""

    seconds: float
    cpu: float
    peak: float
    wrong: str


def measure(folder: Path) -> bool:
    """Print a row per case; True if each ended in the verdict that is right, within bounds."""
    folder.mkdir()
    print(f"\n{PRIVATE // MIB} MiB of private memory for each process, {SECONDS} s")
    print(f"{'push':44}{'seconds':>9}{'CPU s':>9}{'peak MiB':>10}  verdict")
    fine = True
    for case in cases(folder):
        cost = judge(case)
        fine = fine and not cost.wrong
        numbers = f"{cost.seconds:9.1f}{cost.cpu:9.1f}{cost.peak:10.0f}"
        print(f"{case.name:44}{numbers}  {cost.wrong or f'exit {case.code}, as it should'}")
    return fine


def cases(folder: Path) -> Iterator[Case]:
    """One at a time: what a case needs on the disk is made when it is asked for."""
    yield many_files(folder, weights=True)
    yield many_files(folder, weights=False)
    base = folder / "small"
    base.mkdir()
    make_release(base / "release", 10, weights=True)
    repo = make_way(OURS, base / "release", base / "way").repo
    head = git(repo, "rev-parse", "HEAD")
    line = f"refs/heads/main {head} refs/heads/b%06d {ZERO}\n"
    lines = [line % number for number in range(INPUT // (len(line) + 2))]
    yield Case("5 MB of refs", repo, "".join(lines).encode(), 0, "passed")
    noise = random.Random(0).randbytes(INPUT)
    yield Case("5 MB of noise", repo, noise, 1, "line 1 of git's pre-push input")
    big = base / "way" / "repo" / "big.bin"
    with big.open("wb") as file:
        for part in range(BLOB // MIB):
            file.write(random.Random(part).randbytes(MIB))
    git(repo, "config", "core.compression", "0")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "big")
    yield Case("a blob of 1 GiB without evidence", repo, pushed(repo), 1, "HP308")


def many_files(folder: Path, *, weights: bool) -> Case:
    """100,000 files: a release with its evidence, or no release."""
    base = folder / ("release" if weights else "code")
    base.mkdir()
    make_release(base / "source", FILES, weights=weights)
    way = make_way(OURS if weights else CODE, base / "source", base / "way")
    word = "with evidence" if weights else "that release nothing"
    said = "passed" if weights else "not a release"
    return Case(f"{FILES:,} files {word}", way.repo, pushed(way.repo), 0, said)


def pushed(repo: Path) -> bytes:
    """What git says about a push of the branch to a remote that has nothing."""
    return f"refs/heads/main {git(repo, 'rev-parse', 'HEAD')} refs/heads/new {ZERO}\n".encode()


def judge(case: Case) -> Cost:
    """Start the hook with that input, and wait for it and all below it."""
    nowhere = case.repo.parent / "nowhere.git"
    if not nowhere.exists():
        git(case.repo.parent, "init", "-q", "--bare", str(nowhere))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", METER, str(PRIVATE // 1024),
         ".git/hooks/pre-push", str(nowhere), str(nowhere)],
        cwd=case.repo, input=case.stdin, capture_output=True, check=True, timeout=10 * SECONDS,
    )  # fmt: skip
    said = done.stderr.decode(errors="backslashreplace")
    code, seconds, cpu, peak = (float(word) for word in done.stdout.split())
    wrong = ""
    if code != case.code or case.said not in said or "Traceback" in said:
        wrong = f"WRONG: exit {code:.0f}: {said[-200:]!r}"
    elif seconds > SECONDS:
        wrong = "WRONG: too slow"
    return Cost(seconds, cpu, peak / 1024, wrong)
