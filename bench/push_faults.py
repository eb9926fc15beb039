# SPDX-License-Identifier: Apache-2.0
"""What stands on the hub when a push is disturbed: by the hub, by kill -9, by whoever can write.

Three tables, on a local hub that stores for real, with signed evidence:

* every fault at each request of a push, once and from there on;
* kill -9 at random moments of a push;
* somebody changes the folder or the repository at random moments between verdict and upload.

After each trial everything that a stranger could download (every commit of a public repository) is
compared with what was judged; then the same push is made again, in peace, and has to publish. An
object of Git LFS that the hub had before that second push and got once more is counted as sent
again.

    python -m bench.push_faults --kills 100 --moments 200
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import huggingface_hub.constants
import huggingface_hub.utils._http

from hubpolicy.adapters import hashing, hub_http
from hubpolicy.errors import HubpolicyError
from tests.flows.publishing_world import LATER, WEIGHTS, World, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hubpolicy.demo.hub.process import HubProcess
    from hubpolicy.flows.push_plan import Plan

LARGE = 12 * 1024 * 1024
"""Bytes of the weights where the way of large files is to be taken."""
SILENCE_S = 0.3

FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 409, 412, 500, 502)},
    "429": {"status": 429, "headers": {"Retry-After": "7"}},
    "reset": {"action": "close", "when": "request"},
    "timeout": {"action": "delay", "seconds": 2 * SILENCE_S},
    "truncated answer": {"action": "close", "when": "response"},
    "done twice": {"action": "twice"},
}


class Trial(NamedTuple):
    """One disturbed push: files that were public and unjudged, how it and its repetition ended."""

    leaked: int
    ending: str
    again: str
    resent: int


class Ground:
    """One hub; every trial has its own repository and folder. ``size``: bytes of the weights."""

    numbers = itertools.count(1)

    def __init__(self, hub: HubProcess, root: Path, *, size: int = 0) -> None:
        self.hub, self.root, self.size = hub, root, size

    def world(self, *, public: bool) -> tuple[World, Plan, set[str]]:
        """A repository (with a first release, or none), a plan to push, and what was judged."""
        number = next(self.numbers)
        folder = self.root / f"model{number}"
        folder.mkdir()
        world = World(self.hub, folder, f"trial{number}")
        judged: set[str] = set()
        options: dict[str, str] = {}
        if public:
            world.model()
            plan = world.plan()
            judged |= digests(plan)
            assert world.push(plan).public
            options = {"now": LATER}
        world.model(model_safetensors=os.urandom(self.size or 2000) + b"\0")
        plan = world.plan(**options)  # type: ignore[arg-type]
        plan = plan._replace(seals=seals(world))
        return world, plan, judged | digests(plan)


def seals(world: World) -> Any:
    """Of the folder as it was judged."""
    from hubpolicy.adapters.files import FolderRelease

    return FolderRelease(world.folder, sealing=True).seals


def digests(plan: Plan) -> set[str]:
    """Everything that a listing may name of it: sha256 and git blob ids."""
    from hubpolicy.domain.manifest import git_blob_id

    manifest = plan.evidence.manifest
    assert manifest is not None
    found = {each for e in manifest.entries for each in (e.sha256, e.git_blob) if each}
    for _, content in plan.files:
        import hashlib

        found |= {hashlib.sha256(content).hexdigest(), git_blob_id(content)}
    return found


def unjudged(world: World, judged: set[str], *, theirs: frozenset[str] = frozenset()) -> int:
    """Files in any commit of a public repository that nobody judged; 0 for a private one."""
    world.hub.configure({})
    client = world.client()
    standing = client.repo(world.repo)
    if not standing.exists or standing.private:
        return 0
    oids = {oid for ref in client.refs(world.repo) for oid in client.history(world.repo, ref.oid)}
    bare = {
        (file.path, file.sha256 or file.git_blob)
        for oid in oids
        for file in client.listing(world.repo, oid).files
        if (file.sha256 or file.git_blob) not in judged and file.path not in theirs
    }
    # The first commit of every repository is the hub's own.
    return len({path for path, _ in bare} - {".gitattributes"})


def ended(push: Callable[[], Any]) -> str:
    """passed, failed, or the kind of error."""
    try:
        done = push()
    except HubpolicyError as error:
        return type(error).__name__
    return str(done.decision.verdict)


def received(world: World, since: int = 0) -> Counter[str]:
    """Objects that the hub's storage took whole, with how often."""
    lines = world.hub.requests()[since:]
    paths = (line["path"] for line in lines if line["method"] == "PUT" and line["status"] == 200)
    return Counter(path.rpartition("/")[2] for path in paths if "/_storage/" in path)


def rerun(world: World, plan: Plan, before: int) -> tuple[str, int]:
    """(how the same push ends in peace, objects that it sent although the hub had them)."""
    world.hub.configure({})
    had = received(world, before)
    mark = len(world.hub.requests())
    ending = ended(lambda: world.push(plan))
    public = not world.client().repo(world.repo).private if ending == "passed" else False
    resent = sum((received(world, mark) & had).values())
    return ending if public or ending != "passed" else "passed, private", resent


def fault_trials(
    hub: HubProcess, root: Path, names: Iterable[str], step: int
) -> list[tuple[str, Trial]]:
    """Every fault at every ``step``-th request, once and from there on, new and public."""
    found = []
    for public in (False, True):
        ground = Ground(hub, root)
        requests = length(ground, public=public)
        for name in names:
            for at in range(0, requests, step):
                for times in (1, None):
                    world, plan, judged = ground.world(public=public)
                    mark = len(hub.requests())
                    here = f"{world.repo.text}(?![0-9])|/api/repos/create|/_storage/"
                    world.faults({"path_regex": here, "after": at, "times": times, **FAULTS[name]})
                    with impatient(SILENCE_S if name == "timeout" else 60):
                        ending = ended(lambda w=world, p=plan: w.push(p))  # type: ignore[misc]
                    leaked = unjudged(world, judged)
                    again, resent = rerun(world, plan, mark)
                    found.append((name, Trial(leaked, ending, again, resent)))
    return found


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """A hub that is silent for so long is given up."""
    before = hub_http._SILENCE_SECONDS  # noqa: SLF001
    hub_http._SILENCE_SECONDS = seconds  # noqa: SLF001
    try:
        yield
    finally:
        hub_http._SILENCE_SECONDS = before  # noqa: SLF001


def length(ground: Ground, *, public: bool) -> int:
    """How many requests a push takes that nobody disturbs."""
    world, plan, _ = ground.world(public=public)
    mark = len(world.hub.requests())
    assert world.push(plan).public
    return len(world.hub.requests()) - mark


def kill_trials(hub: HubProcess, root: Path, moments: int) -> list[tuple[str, Trial]]:
    """A push in a process of its own, killed somewhere between its first and last request."""
    found = []
    for public in (False, True):
        ground = Ground(hub, root, size=LARGE)
        world, plan, _ = ground.world(public=public)
        began = time.perf_counter()
        assert world.push(plan).public
        whole = time.perf_counter() - began
        for _ in range(moments // 2):
            world, plan, judged = ground.world(public=public)
            mark = len(hub.requests())
            ending = killed(world, plan, random.uniform(0, whole))
            leaked = unjudged(world, judged)
            again, resent = rerun(world, plan, mark)
            found.append(
                ("a public one" if public else "a new one", Trial(leaked, ending, again, resent))
            )
    return found


def killed(world: World, plan: Plan, after: float) -> str:
    """Fork, push, and kill -9."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            world.push(plan)
        os._exit(0)
    time.sleep(after)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else "had ended"


def _flip(world: World) -> None:
    path = world.folder / WEIGHTS
    with path.open("r+b") as file:
        file.seek(random.randrange(path.stat().st_size))
        file.write(b"!")


def _truncate(world: World) -> None:
    os.truncate(world.folder / WEIGHTS, LARGE // 2)


def _link(world: World) -> None:
    other = world.folder.with_name(f"{world.folder.name}.other")
    other.write_bytes(os.urandom(LARGE + 1))
    (world.folder / WEIGHTS).unlink()
    (world.folder / WEIGHTS).symlink_to(other)


def _replace(world: World) -> None:
    """Another file of the same size and times takes its place."""
    path = world.folder / WEIGHTS
    seen = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(os.urandom(seen.st_size))
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.rename(path)


def _add(world: World) -> None:
    (world.folder / "added.safetensors").write_bytes(os.urandom(1000))


def _remove(world: World) -> None:
    (world.folder / WEIGHTS).unlink()


def _card(world: World) -> None:
    (world.folder / "README.md").write_bytes(b"# Nobody judged this\n")


def _move(world: World) -> None:
    """Somebody else commits."""
    with suppress(Exception):
        world.api.upload_file(
            repo_id=world.repo.text,
            path_in_repo="NEWS.md",
            path_or_fileobj=os.urandom(8).hex().encode(),
        )


TAMPERINGS: dict[str, Callable[[World], None]] = {
    "weights changed": _flip, "weights truncated": _truncate, "replaced by a link": _link,
    "replaced, same times": _replace, "weights added": _add, "weights removed": _remove,
    "card changed": _card, "parent moved": _move,
}  # fmt: skip


def tamper_trials(hub: HubProcess, root: Path, moments: int) -> list[tuple[str, Trial]]:
    """One change per push, at a random moment from the verdict to the last request."""
    found = []
    for public in (False, True):
        ground = Ground(hub, root, size=LARGE)
        world, plan, _ = ground.world(public=public)
        began = time.perf_counter()
        assert world.push(plan).public
        whole = time.perf_counter() - began
        kinds = list(TAMPERINGS) * (moments // (2 * len(TAMPERINGS)) + 1)
        for kind in kinds[: moments // 2]:
            world, plan, judged = ground.world(public=public)
            after = random.uniform(0, whole)
            other = threading.Timer(after, TAMPERINGS[kind], (world,))
            other.start()
            ending = ended(lambda w=world, p=plan: w.push(p))  # type: ignore[misc]
            other.join()
            leaked = unjudged(world, judged, theirs=frozenset(["NEWS.md"]))
            found.append((kind, Trial(leaked, ending, "", 0)))
    return found


def table(title: str, trials: list[tuple[str, Trial]]) -> int:
    """Print it; how many trials were not as they should be."""
    print(f"\n{title}: {len(trials)} trials")
    head = ("trials", "unjudged public", "rerun published", "sent again")
    print(f"{'':22} {head[0]:>6} {head[1]:>16} {head[2]:>16} {head[3]:>11}  endings")
    bad = 0
    for name in dict.fromkeys(name for name, _ in trials):
        own = [trial for kind, trial in trials if kind == name]
        leaked = sum(trial.leaked for trial in own)
        again = sum(trial.again == "passed" for trial in own)
        reruns = f"{again}/{len(own)}" if own[0].again else "-"
        resent = sum(trial.resent for trial in own)
        endings = ", ".join(f"{n} {e}" for e, n in Counter(t.ending for t in own).most_common())
        print(f"{name:22} {len(own):6} {leaked:16} {reruns:>16} {resent:11}  {endings}")
        odd = Counter(t.again for t in own if t.again not in {"", "passed"})
        if odd:
            print(f"{'':22} reruns: {dict(odd)}")
        bad += leaked + resent + (len(own) - again if own[0].again else 0)
    return bad


def prepare() -> None:
    """The client's own patience without the waiting."""
    huggingface_hub.constants.HF_HUB_DISABLE_XET = True
    clock = SimpleNamespace(sleep=lambda _: None, time=time.time, monotonic=time.monotonic)
    setattr(huggingface_hub.utils._http, "time", clock)  # noqa: B010, SLF001
    hashing.SETTLED_NS = 0  # the folders are new; else no file would bear a stamp


def main() -> int:
    """Print the tables; 1 if anything leaked, was sent again, or did not go on."""
    parser = argparse.ArgumentParser(description="Disturb pushes, and look at the hub.")
    parser.add_argument("--step", type=int, default=1, help="every STEPth request")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--moments", type=int, default=200)
    asked = parser.parse_args()
    prepare()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="bench-push-faults-") as place:
        root = Path(place)
        with start(root / "hub") as hub:
            bad += table("Faults at each request", fault_trials(hub, root, FAULTS, asked.step))
            bad += table("kill -9", kill_trials(hub, root, asked.kills))
            tampered = tamper_trials(hub, root, asked.moments)
            bad += table("Changed between verdict and upload", tampered)
    print(f"\n{'as it should be' if not bad else f'{bad} NOT as it should be'}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
