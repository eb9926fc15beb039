# SPDX-License-Identifier: Apache-2.0
"""Wall time and requests of ``hubpolicy push`` over ``hf upload`` of the same folder, in one run.

Both as commands of their own, to new repositories of one local hub, by turns; the evidence is in
place (signed before the clock starts), the files are warm. ``hf upload`` publishes at once and
looks at nothing; ``hubpolicy push`` hashes and judges everything, stages it in private, reads it
back, looks through the history, and publishes. Both send by Git LFS: ours hashes once, for the
verdict, and compares what goes with the tags that it made then (docs/adr/0017).

    python -m bench.push --megabytes 512 --rounds 5

With ``--files`` there is one push, of so many small files beside the model, to a public repository:
what it takes, the most memory that it had at a time, and whether every file is there afterwards.

    python -m bench.push --files 50000
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
    """Seconds, how many requests the hub answered, and the most MiB that the command held."""

    seconds: float
    requests: int
    peak: float = 0.0


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
    with tempfile.TemporaryFile() as said:
        done = subprocess.Popen(
            command, env=ada.environment, cwd=ada.home, stdin=subprocess.DEVNULL, stdout=said,
            stderr=said,
        )  # fmt: skip
        _, status, used = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        said.seek(0)
        if done.returncode:
            text = said.read().decode(errors="replace")
            sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{text}")
    return Taken(seconds, len(hub.requests()) - mark, used.ru_maxrss / 1024)


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


def many(ada: Author, hub: HubProcess, model: Path, count: int) -> int:
    """One push of so many small files; 0 if the hub shows all of them in public, as they are."""
    from huggingface_hub import HfApi

    for number in range(count):
        path = model / "notes" / f"{number // 1000:03}" / f"{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Note {number}\n")
    began = time.perf_counter()
    ada.ok("attest", model, "--repo", "acme/many")
    print(f"attested in {time.perf_counter() - began:.0f} s", flush=True)
    hubpolicy = str(Path(sys.executable).with_name("hubpolicy"))
    taken = timed(hub, ada, hubpolicy, "push", str(model), "acme/many", "-q")
    api = HfApi(endpoint=ada.endpoint, token=ada.environment["HF_TOKEN"])
    found = api.verify_repo_checksums("acme/many", local_dir=model)
    commits = len(api.list_repo_commits("acme/many"))
    private = api.repo_info("acme/many").private
    print(f"{count} files and the model: {taken.seconds:.0f} s, {taken.requests} requests, "
          f"{commits} commits, {taken.peak:.0f} MiB at most")  # fmt: skip
    shown, wrong = "private" if private else "public", len(found.mismatches)
    print(f"on the hub: {shown}, {found.checked_count} files compared, {wrong} are others, "
          f"{len(found.missing_paths)} are missing")  # fmt: skip
    return int(private or bool(found.mismatches) or bool(found.missing_paths))


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
    parser.add_argument("--files", type=int, default=0, help="one push of so many small files")
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
            model = folder(place, 2 if asked.files else asked.megabytes)
            ada.put_run(model)
            if asked.files:
                return many(ada, hub, model, asked.files)
            found = rounds(ada, hub, model, asked.rounds)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{asked.megabytes} MiB in {SHARDS} weight files, {asked.rounds} rounds; medians\n")
    print(f"{'command':16} {'seconds':>8} {'min':>7} {'max':>7} {'requests':>9} {'MiB':>6}")
    for name, taken in found.items():
        seconds = [one.seconds for one in taken]
        asked_of = statistics.median(one.requests for one in taken)
        middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
        peak = max(one.peak for one in taken)
        print(f"{name:16} {middle:8.2f} {least:7.2f} {most:7.2f} {asked_of:9.0f} {peak:6.0f}")
    pairs = zip(found["hubpolicy push"], found["hf upload"], strict=True)
    ratio = statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs)
    print(f"\nhubpolicy push takes {ratio:.2f} times as long (target: at most {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
