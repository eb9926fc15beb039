# SPDX-License-Identifier: Apache-2.0
"""Wall time and requests of ``hubpolicy push`` over ``hf upload`` of the same folder, in one run.

Both as commands of their own, to new repositories of one local hub, by turns; the evidence is in
place (signed before the clock starts), the files are warm. ``hf upload`` publishes at once and
looks at nothing; ``hubpolicy push`` hashes and judges everything, stages it in private, reads it
back, looks through the history, and publishes. Both send by Git LFS: what ours sends is hashed once
for the verdict and once more as it goes (docs/adr/0017).

    python -m bench.push --megabytes 512 --rounds 5
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from hubpolicy.demo.hub.process import HubProcess
from tests.e2e.author import Author, write_model
from tests.hub.world import TOKENS, client_python

LIMIT = 1.15
MIB = 1024 * 1024
SHARDS = 2
SMALL = 8


class Taken(NamedTuple):
    """Seconds, and how many requests the hub answered."""

    seconds: float
    requests: int


def folder(root: Path, megabytes: int) -> Path:
    """A model of the demo's shape, with weights of that size beside it."""
    model = write_model(root / "model")
    for number in range(SHARDS):
        path = model / f"model-{number + 1:05}-of-{SHARDS:05}.safetensors"
        with path.open("wb") as file:
            for _ in range(megabytes // SHARDS):
                file.write(os.urandom(MIB))
    for number in range(SMALL):
        (model / f"notes-{number}.md").write_text(f"# Note {number}\n" * 100)
    return model


def timed(hub: HubProcess, ada: Author, *command: str) -> Taken:
    """Run one command to a good end."""
    mark = len(hub.requests())
    began = time.perf_counter()
    done = subprocess.run(
        command, env=ada.environment, cwd=ada.home, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return Taken(seconds, len(hub.requests()) - mark)


def rounds(ada: Author, hub: HubProcess, model: Path, count: int) -> dict[str, list[Taken]]:
    """Both commands by turns; what stands on the hub afterwards is the same but for evidence."""
    hf = str(client_python(ada.client).with_name("hf"))
    hubpolicy = str(Path(sys.executable).with_name("hubpolicy"))
    found: dict[str, list[Taken]] = {"hf upload": [], "hubpolicy push": []}
    for number in range(count + 1):
        ours, theirs = f"acme/ours-{number}", f"acme/theirs-{number}"
        ada.ok("attest", model, "--repo", ours)
        commands = {
            "hf upload": (hf, "upload", theirs, str(model), ".", "--quiet"),
            "hubpolicy push": (hubpolicy, "push", str(model), ours, "-q"),
        }
        for name in sorted(commands, reverse=bool(number % 2)):
            taken = timed(hub, ada, *commands[name])
            if number:  # the first round warms caches
                found[name].append(taken)
        for repo in (ours, theirs):
            delete(ada, repo)
    return found


def delete(ada: Author, repo: str) -> None:
    """So that no round finds the other's large files in the hub's storage."""
    from huggingface_hub import HfApi

    HfApi(endpoint=ada.endpoint, token=ada.environment["HF_TOKEN"]).delete_repo(repo)


def main() -> int:
    """Print the table; 1 if it is worse than the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        os.environ.setdefault(name, "")
    place = Path(tempfile.mkdtemp(prefix="bench-push-"))
    try:
        with HubProcess(place / "hub", TOKENS) as hub:
            home = place / "home"
            home.mkdir()
            ada = Author(home, hub.endpoint)
            ada.init()
            model = folder(place, asked.megabytes)
            ada.put_run(model)
            found = rounds(ada, hub, model, asked.rounds)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{asked.megabytes} MiB in {SHARDS} weight files, {asked.rounds} rounds; medians\n")
    print(f"{'command':16} {'seconds':>8} {'min':>7} {'max':>7} {'requests':>9}")
    for name, taken in found.items():
        seconds = [one.seconds for one in taken]
        asked_of = statistics.median(one.requests for one in taken)
        middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
        print(f"{name:16} {middle:8.2f} {least:7.2f} {most:7.2f} {asked_of:9.0f}")
    pairs = zip(found["hubpolicy push"], found["hf upload"], strict=True)
    ratio = statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs)
    print(f"\nhubpolicy push takes {ratio:.2f} times as long (target: at most {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
