# SPDX-License-Identifier: Apache-2.0
"""Kill -9 of git, of the hook's shell or of its Python at random moments of a push.

After each: the remote's branch is old or new and nothing else, its objects are sound, and the next
push goes through. Only processes that this program started are ended, each by its id.

    python -m bench.git_kill --moments 100
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from bench.git_matrix import World, git
from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.git_process import open_git

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = (ROOT / "hooks" / hookplace.HOOK).read_bytes()
VICTIMS = ("git", "shell", "python")
PATIENCE = 30


def descendants(pid: int) -> list[tuple[int, str]]:
    """(process id, command line) of everything below a process of ours."""
    found = []
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in map(int, children):
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                found.append((child, os.fsdecode(b" ".join(words))))
            found += descendants(child)
    return found


def victim_of(push: int, what: str) -> int:
    """The process to end: git itself, or the hook's shell or Python if it is there by now."""
    below = descendants(push)
    for pid, command in below:
        is_python = "hubpolicy.prepush" in command
        if (what == "python" and is_python) or (
            what == "shell" and "hooks/pre-push" in command and not is_python
        ):
            return pid
    return push


def break_one(repo: Path, after: float, what: str) -> str:
    """Push, end one process after so many seconds; how the push ended."""
    pushing = subprocess.Popen(
        ["git", "push", "-q", "origin", "HEAD:refs/heads/main"],
        cwd=repo,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after)
    if pushing.poll() is None:
        with suppress(ProcessLookupError):
            os.kill(victim_of(pushing.pid, what), signal.SIGKILL)
    try:
        return "pushed" if pushing.wait(PATIENCE) == 0 else "broken off"
    except subprocess.TimeoutExpired:
        pushing.kill()
        pushing.wait()
        return "HUNG"


def one_moment(base: Path, repo: Path, after: float, what: str) -> str:
    """One push that is broken off and the one after it; what is wrong, or how it ended."""
    remote = base / "remote.git"
    old = git(remote, "rev-parse", "main").stdout.strip()
    git(repo, "commit", "-q", "--allow-empty", "-m", "again")
    new = git(repo, "rev-parse", "HEAD").stdout.strip()
    ended = break_one(repo, after, what)
    at = git(remote, "rev-parse", "main").stdout.strip()
    if at not in {old, new}:
        return f"WRONG: the branch is at {at}"
    if git(remote, "fsck", "--connectivity-only", ok=False).returncode:
        return "WRONG: objects are missing"
    deadline = time.monotonic() + PATIENCE  # what was on its way when git died still has the lock
    while git(repo, "push", "-q", "origin", "HEAD:refs/heads/main", ok=False).returncode:
        if time.monotonic() > deadline:
            return "WRONG: the next push does not go through"
        time.sleep(0.1)
    if git(remote, "rev-parse", "main").stdout.strip() != new:
        return "WRONG: the next push did not arrive"
    return f"{what}: {ended}, then the branch was {'new' if at == new else 'old'}"


def main() -> int:
    """Break pushes off and print how they ended. Exit 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="hubpolicy-kill-") as name:
        base = World(Path(name)).source("sha1", evidence=True)
        repo = base / "repo"
        place = hookplace.locate(open_git(str(repo), os.environ, see_hooks=True))
        hookfile.install(place, TEMPLATE, hookplace.this_interpreter())
        git(repo, "push", "-q", "origin", "HEAD:refs/heads/main")
        started = time.monotonic()
        git(repo, "commit", "-q", "--allow-empty", "-m", "again")
        git(repo, "push", "-q", "origin", "HEAD:refs/heads/main")
        whole = time.monotonic() - started
        print(f"a push takes {whole * 1000:.0f} ms here")
        ends = Counter(
            one_moment(base, repo, chance.uniform(0, whole * 1.1), VICTIMS[number % 3])
            for number in range(options.moments)
        )
    for ended, count in sorted(ends.items()):
        print(f"{count:5}  {ended}")
    wrong = sum(count for ended, count in ends.items() if "WRONG" in ended or "HUNG" in ended)
    print(f"{options.moments} moments, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
