# SPDX-License-Identifier: Apache-2.0
"""What reserved namespaces cost one push: the hook's entry point, by CPU time of all children.

Three ways, interleaved in a random order: without the check, on a machine that reserves nothing,
and on one that reserves the namespace for the team that is pinned (two people under root and
policy, one under the state), where all signatures are verified again.

    python -m bench.reserved --rounds 100
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from hubpolicy.adapters.hookplace import this_interpreter
from tests.flows.team_world import Team
from tests.git.repos import ZERO, init
from tests.hook.gate_world import ENDPOINT
from tests.hook.team_home import pinned, released, releaser

RUN = """
import gc, os, sys
gc.disable()
folders, file, home, check, *arguments = sys.argv[1:]
sys.path += folders.split(":")
from hubpolicy.adapters import pins
pins.PLACES = pins.PinPlaces(file, home)
import hubpolicy.prepush as hook
if check == "no":
    hook.speaking = lambda gate, target: gate
os._exit(hook.main(arguments))
"""
GITCONFIG = "[user]\n name = Bench\n email = bench@example.org\n[init]\n defaultBranch = main\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name), rounds)


def measure(place: Path, rounds: int) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("GIT_")]:
        del os.environ[variable]
    os.environ["HOME"] = str(place / "home")
    for folder in ("home", "user"):
        (place / folder).mkdir()
    (place / "home" / ".gitconfig").write_text(GITCONFIG)
    team = Team(place / "trust")
    pinned(team)
    repo = init(place / "repo")
    commit = released(repo, releaser(team))
    (place / "pins.toml").write_text(f'[acme]\nroot = "{team.digest}"\n')
    here = this_interpreter()
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    ways = {"without the check": ("no", "none"), "nothing reserved": ("yes", "none"),
            "reserved": ("yes", "pins.toml")}  # fmt: skip
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    wall: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in random.sample(list(ways), len(ways)):
            check, file = ways[way]
            words = (":".join(here.folders), str(place / file), str(place / "user"), check)
            command = [here.python, "-I", "-S", "-c", RUN, *words, "origin"]
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(
                [*command, f"{ENDPOINT}/acme/wizard"],
                cwd=repo.path, input=line, capture_output=True, check=True,
            )  # fmt: skip
            wall[way].append(1000 * (time.perf_counter() - began))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            cpu[way].append(1000 * used)
    print(f"one push, release with evidence, {rounds} rounds, milliseconds")
    for way in ways:
        print(
            f"{way:18} CPU median {statistics.median(cpu[way]):6.1f} min {min(cpu[way]):6.1f}   "
            f"wall median {statistics.median(wall[way]):6.1f} min {min(wall[way]):6.1f}"
        )


if __name__ == "__main__":
    main()
