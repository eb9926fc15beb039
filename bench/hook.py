# SPDX-License-Identifier: Apache-2.0
"""What a pre-push hook adds to ``git push``: ours beside Git LFS and pre-commit, in one run.

Every push sends one new commit to a bare repository on this disk. Per case the ways are
interleaved in a random order, so that a busy moment hits all of them; "added" is the median over
the rounds of (this way - no hook) of the same round, which cancels what is slow for everybody.

    python -m bench.hook --rounds 30
    python -m bench.hook --rounds 5 --files 2000 50000
    python -m bench.hook --bounds
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.git import GitRepository
from hubpolicy.adapters.git_process import open_git
from tests.hook.gate_world import MODEL, person, sign

ROOT = Path(__file__).resolve().parent.parent
PRE_COMMIT = ROOT / ".tools" / "precommit"
TEMPLATE = (ROOT / "hooks" / hookplace.HOOK).read_bytes()
NOOP = """repos:
- repo: local
  hooks:
  - {id: noop, name: noop, language: system, entry: "true", always_run: true,
     pass_filenames: false, stages: [pre-push]}
"""
GITCONFIG = """[user]
 name = Bench
 email = bench@example.org
[init]
 defaultBranch = main
[gc]
 auto = 0
"""
NO_HOOK, LFS, COMMIT, OURS, CODE = (
    "no hook",
    "git-lfs alone",
    "pre-commit, one no-op hook",
    "hubpolicy, release with evidence",
    "hubpolicy, not a release",
)
REFS = 100
TARGETS = {10: (60, 80), 10_000: (120, 140)}


class Way(NamedTuple):
    """A clone with its own remote and its own hook."""

    name: str
    repo: Path
    remote: Path


def git(folder: Path, *arguments: str) -> str:
    """Run git and give back what it said."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"git {arguments[0]}: {done.stderr.decode()}")
    return done.stdout.decode().strip()


def some_files(count: int, *, weights: bool) -> dict[str, bytes]:
    """A fifth Git LFS pointers (shards of a model), the rest small texts that no loader reads.

    The mix on which facts about git were measured: what matters is the number of objects.
    """
    files = dict(MODEL) if weights else {"main.py": b"print()\n"}
    randomness = random.Random(count)  # the same repository in every run
    for number in range(count - len(files)):
        if weights and number % 5 == 0:
            sha256 = randomness.randbytes(32).hex()
            text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\n"
            files[f"model-{number:05d}.safetensors"] = f"{text}size {5_000_000_000}\n".encode()
        else:
            words = randomness.randbytes(randomness.randrange(20, 200)).hex()
            files[f"docs/{number % 97:02d}/page-{number:05d}.md"] = f"# {words}\n".encode()
    return files


def make_release(folder: Path, count: int, *, weights: bool) -> None:
    """A committed release of ``count`` files, with its evidence if it has weights."""
    git(folder.parent, "init", "-q", str(folder))
    for name, content in some_files(count, weights=weights).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "files")
    if weights:
        tree = GitRepository(open_git(str(folder), os.environ)).release(
            git(folder, "rev-parse", "HEAD")
        )
        loaded = [e for e in tree.manifest.entries if not e.path.endswith(".md")]
        sign(folder, person(), manifest=tree.manifest, loaded=loaded)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "evidence")
    git(folder, "gc", "-q")


def make_way(name: str, source: Path, folder: Path) -> Way:
    """A clone of the release, its remote, and the hook."""
    repo, remote = folder / "repo", folder / "remote.git"
    folder.mkdir()
    git(folder, "clone", "-q", "--bare", str(source), str(remote))
    git(folder, "clone", "-q", str(remote), str(repo))
    if name == LFS:
        git(repo, "lfs", "install", "--local")
    elif name == COMMIT:
        (repo / ".pre-commit-config.yaml").write_text(NOOP)
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "pre-commit")
        command = [str(PRE_COMMIT / "bin" / "pre-commit"), "install", "-t", "pre-push"]
        subprocess.run(command, cwd=repo, check=True, capture_output=True)
    elif name in {OURS, CODE}:
        place = hookplace.locate(open_git(str(repo), os.environ, see_hooks=True))
        hookfile.install(place, TEMPLATE, hookplace.this_interpreter())
    return Way(name, repo, remote)


def push_once(way: Way) -> float:
    """Milliseconds of one push of one new commit."""
    git(way.repo, "commit", "-q", "--allow-empty", "-m", "again")
    started = time.perf_counter()
    git(way.repo, "push", "-q", "origin", "HEAD:refs/heads/main")
    return (time.perf_counter() - started) * 1000


def names_for(count: int) -> list[str]:
    """What can be measured on this machine; what cannot is said."""
    names = [NO_HOOK, OURS, CODE]
    for name, here in (
        (LFS, shutil.which("git-lfs") is not None),
        (COMMIT, (PRE_COMMIT / "bin" / "pre-commit").exists()),
    ):
        if here:
            names.append(name)
        else:
            print(f"left out at {count} files: {name} is not installed")
    return names


def measure(count: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    """Milliseconds per way and round at that number of files."""
    folder.mkdir()
    make_release(folder / "release", count, weights=True)
    make_release(folder / "code", count, weights=False)
    ways = [
        make_way(name, folder / ("code" if name == CODE else "release"), folder / f"way-{number}")
        for number, name in enumerate(names_for(count))
    ]
    for way in ways:
        push_once(way)
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in random.sample(ways, len(ways)):
            times[way.name].append(push_once(way))
    return times


def push_refs(way: Way, round_: int) -> float:
    """Milliseconds of one push that makes a hundred branches of one new commit."""
    git(way.repo, "commit", "-q", "--allow-empty", "-m", "again")
    names = [f"HEAD:refs/heads/r{round_}-{number}" for number in range(REFS)]
    started = time.perf_counter()
    git(way.repo, "push", "-q", "origin", *names)
    return (time.perf_counter() - started) * 1000


def measure_refs(rounds: int, folder: Path) -> None:
    """Print what a hundred refs in one push cost beside no hook; there is no target for it."""
    folder.mkdir()
    make_release(folder / "release", 10, weights=True)
    ways = [make_way(name, folder / "release", folder / name[:5]) for name in (NO_HOOK, OURS)]
    times = [[push_refs(way, number) for way in ways] for number in range(rounds)]
    added = statistics.median(ours - base for base, ours in times)
    print(f"\n{REFS} refs in one push, 10 files, {rounds} rounds: added {added:.1f} ms")


def push_first(way: Way, round_: int) -> float:
    """Milliseconds of a push to a remote that has nothing yet: everything leaves, and is read."""
    empty = way.remote.parent / f"empty-{round_}.git"
    git(way.repo, "init", "-q", "--bare", str(empty))
    started = time.perf_counter()
    git(way.repo, "push", "-q", str(empty), "HEAD:refs/heads/main")
    return (time.perf_counter() - started) * 1000


def measure_first(count: int, rounds: int, folder: Path) -> None:
    """Print what the first push of a release costs beside no hook; there is no target for it."""
    folder.mkdir()
    make_release(folder / "release", count, weights=True)
    ways = [make_way(name, folder / "release", folder / name[:5]) for name in (NO_HOOK, OURS)]
    times = [[push_first(way, number) for way in ways] for number in range(rounds)]
    base = statistics.median(base for base, _ in times)
    added = statistics.median(ours - base for base, ours in times)
    print(f"first push, {count} files, {rounds} rounds: {base:.1f} ms, added {added:.1f} ms")


def report(count: int, times: dict[str, list[float]]) -> bool:
    """Print one table; True if both targets are met."""
    base = times[NO_HOOK]
    added = {
        name: statistics.median(a - b for a, b in zip(found, base, strict=True))
        for name, found in times.items()
    }
    print(f"\n{count} files, {len(base)} rounds, milliseconds")
    print(f"{'way':36}{'median':>9}{'min':>9}{'added':>9}")
    for name, found in sorted(times.items(), key=lambda item: added[item[0]]):
        row = f"{statistics.median(found):9.1f}{min(found):9.1f}{added[name]:9.1f}"
        print(f"{name:36}{row}")
    if count not in TARGETS:
        print("no target is set for that many files")
        return True
    aim, target = TARGETS[count]
    met = True
    for name in (OURS, CODE):
        mine = added[name]
        print(f"{name}: added {mine:.1f} ms; aim {aim}, target {target}: {_word(mine <= target)}")
        met = met and mine <= target
        if COMMIT in added:
            share = mine / added[COMMIT]
            print(f"    {share:.2f} of pre-commit's; target 0.33: {_word(share < 1 / 3)}")
            met = met and share < 1 / 3
        if LFS in added:
            print(f"    {mine / added[LFS]:.2f} times git-lfs alone")
    return met


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def main() -> int:
    """Measure at these numbers of files, or the worst cases. Exit 0 if all targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--files", type=int, nargs="*", default=list(TARGETS), metavar="N")
    parser.add_argument("--bounds", action="store_true", help="huge trees, blobs and inputs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubpolicy-bench-") as name:
        home = Path(name) / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(GITCONFIG)
        os.environ["HOME"] = str(home)
        person().install(home)
        load = os.getloadavg()[0]
        version = subprocess.run(["git", "--version"], capture_output=True, check=True).stdout
        print(f"{version.decode().strip()}, Python {sys.version.split()[0]}, load {load:.1f}")
        if options.bounds:
            from bench import hook_bounds

            return 0 if hook_bounds.measure(Path(name) / "bounds") else 1
        met = [
            report(count, measure(count, options.rounds, Path(name) / str(count)))
            for count in options.files
        ]
        measure_refs(options.rounds, Path(name) / "refs")
        measure_first(max(options.files), max(options.rounds // 3, 1), Path(name) / "first")
        print(f"load at the end {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
