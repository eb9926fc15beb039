# SPDX-License-Identifier: Apache-2.0
"""Kill -9 ``hubpolicy test`` at random moments: each resumes to the root of an unbroken run.

A whole command in its own process, on the demo model and plan (600 samples), with signed seals.
Every trial starts from nothing but the unbroken run's header (its salts are random; without the
same secret no two runs have the same leaves), is killed once, and is started again. Compared are
the signed Merkle roots; what was sealed when the process died has to stand in the finished log
byte for byte, and every sample in it once.

    python -m bench.kill --moments 50
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.dsse import decode_base64

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "hubpolicy" / "assets" / "demo" / "models" / "civil"
LIMIT_S = 600


class Place(NamedTuple):
    """One person's home and model folder."""

    home: Path
    model: Path

    @property
    def log(self) -> Path:
        """The run's log; there is only one run."""
        folders = list((self.home / ".local/state/hubpolicy/runs").glob("*"))
        return (folders[0] if folders else self.home) / "samples.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's but the path."""
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """``hubpolicy ARGUMENTS`` as its own process."""
        return subprocess.Popen(
            [sys.executable, "-m", "hubpolicy", *arguments],
            env=self.environment, cwd=self.home,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def finish(self, *arguments: str) -> None:
        """Run a command to its end, which has to be a good one."""
        with self.command(*arguments) as process:
            _, said = process.communicate(timeout=LIMIT_S)
        if process.returncode:
            message = f"{arguments} ended with {process.returncode}: {said.decode()}"
            raise RuntimeError(message)

    def root(self) -> str:
        """The Merkle root that was signed."""
        line = (self.model / ".hubpolicy" / "release.intoto.jsonl").read_bytes()
        payload = decode_base64(json.loads(line)["dsseEnvelope"]["payload"], where="the line")
        found: str = json.loads(payload)["predicate"]["records"]["merkleRoot"]
        return found


class Trial(NamedTuple):
    """One kill: when, what was sealed then, and what the resumed run came to."""

    moment_s: float
    kept: int
    root: str
    intact: bool
    repeated: int


def found(folder: Path, plan: Callable[[Path], str] = lambda _home: "demo") -> Place:
    """A home that ``init`` made, with this plan, and the demo model without evidence."""
    place = Place(folder / "home", folder / "civil")
    place.home.mkdir(parents=True)
    shutil.copytree(MODEL, place.model, ignore=shutil.ignore_patterns(".hubpolicy", "model.sig"))
    place.finish("init", "--namespace", "acme", "--name", "ada", "--model-kind", "base",
                 "--plan", plan(place.home), "--no-passphrase")  # fmt: skip
    return place


def same_start(first: Place, folder: Path) -> Place:
    """The same home and model, with the header of the first run and nothing else of it."""
    place = Place(folder / "home", folder / "civil")
    shutil.copytree(first.home / ".config", place.home / ".config")
    shutil.copytree(MODEL, place.model, ignore=shutil.ignore_patterns(".hubpolicy", "model.sig"))
    header = first.log.with_name("run.json")
    run = place.home / header.parent.relative_to(first.home)
    run.mkdir(parents=True)
    shutil.copy(header, run)
    return place


def kill_at(place: Place, moment: float) -> bytes | None:
    """What was sealed on the disk when the test died; None if it had ended before."""
    with place.command("test", str(place.model)) as process:
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=LIMIT_S)
    if process.returncode == 0:
        return None
    return sealed(place.log.read_bytes() if place.log.exists() else b"")


def sealed(content: bytes) -> bytes:
    """A log up to its last whole seal."""
    end = size = 0
    for line in content.splitlines(keepends=True):
        end += len(line)
        if line.startswith(b'{"seal":') and line.endswith(b"\n"):
            size = end
    return content[:size]


def keys_in(log: bytes) -> list[tuple[str, str, int]]:
    """Which samples stand in a log, in its order."""
    rows = (json.loads(line) for line in log.splitlines() if line.startswith(b'{"record"'))
    return [(r["record"]["suite"], r["record"]["prompt_id"], r["record"]["i"]) for r in rows]


def trial(first: Place, folder: Path, *moments: float) -> Trial | None:
    """Kill one run after so many seconds of each start, then let it go on to its end."""
    place = same_start(first, folder)
    kept = b""
    for moment in moments:
        before, now = kept, kill_at(place, moment)
        if now is None:
            return None
        if not now.startswith(before):
            message = "what was sealed before is not there any more"
            raise RuntimeError(message)
        kept = now
    place.finish("test", str(place.model))
    log = place.log.read_bytes()
    keys = keys_in(log)
    repeated = len(keys) - len(set(keys))
    return Trial(moments[-1], len(keys_in(kept)), place.root(), log.startswith(kept), repeated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        first = found(Path(scratch) / "first")
        began = time.perf_counter()
        first.finish("test", str(first.model))
        whole = time.perf_counter() - began
        wanted = first.root()
        print(f"unbroken run   {whole:5.1f} s  600 samples  root {wanted}")
        trials: list[Trial] = []
        while len(trials) < options.moments:
            folder = Path(scratch) / "trial"
            done = trial(first, folder, moments.uniform(0, whole))
            shutil.rmtree(folder)
            if done is None:
                continue
            trials.append(done)
            same = "same" if done.root == wanted else "ANOTHER"
            print(f"killed after {done.moment_s:7.2f} s  {done.kept:3} sealed   root "
                  f"{done.root[:16]} {same}, {done.repeated} scored twice", flush=True)  # fmt: skip
    same_roots = sum(one.root == wanted for one in trials)
    intact = sum(one.intact for one in trials)
    twice = sum(one.repeated for one in trials)
    print(f"{len(trials)} kills: {same_roots} same roots, {intact} logs grown from what was "
          f"sealed, {twice} samples scored twice")  # fmt: skip
    if same_roots != len(trials) or intact != len(trials) or twice:
        sys.exit(1)


if __name__ == "__main__":
    main()
