# SPDX-License-Identifier: Apache-2.0
"""Every public write method of the installed huggingface_hub, tried without evidence.

    python -m bench.write_paths                both lines of the client, Xet off and on
    python -m bench.write_paths --client 2.x --verbose

The methods are found by inspection (``write_methods.py``). Each is called twice: in a plain
interpreter against one local hub, which shows that the call writes (control), and in one with the
upload guard against another hub. What counts is that other hub afterwards: its request log, and
every byte on its disk (commits, refs, large files, visibility). A method that nobody knows how to
call, that writes nothing in the control for no known reason, or that leaks makes this fail. Then
the ways in which people release, with evidence (``write_released.py``), and what the guard costs a
Python that uploads nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bench.write_methods import Found, find
from bench.write_released import Released, release
from hubpolicy.demo.hub.process import HubProcess
from tests.e2e.author import TOKEN, Author
from tests.house.isolation import Isolation
from tests.hub.world import TOKENS, client_environment, client_python

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from huggingface_hub import HfApi

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = re.compile(r"/paths-info/|/api/validate-yaml$")
ALLOWED = re.compile(
    r"POST /api/models/[^/]+/[^/]+/("
    r"discussions(/\d+/(comment|title|status)(/[0-9a-f]+/(edit|hide))?)?"  # talk
    r"|preupload/[^/]+(\?.*)?)"  # a question: how would these (no weights) have to be sent?
    r"|409 POST /api/repos/create"  # the name is there already
)
"""What may reach the hub without evidence: nothing becomes visible by it but words."""

SILENT = {
    "SandboxPool.__init__": "starts no job by itself",
    "SandboxPool.__exit__": "has no job to end where none could be started",
    "SandboxPool.close": "has no job to end where none could be started",
}
"""Found by inspection, and without a write here: why."""


class Tried(NamedTuple):
    """One method: how its call ended, what reached the hub, what changed on its disk."""

    name: str
    ending: str
    said: str
    writes: tuple[str, ...]
    changed: tuple[str, ...]
    seconds: float = 0.0


class Interpreter:
    """A Python with one line of the client, which calls methods for us until it is closed."""

    def __init__(self, python: Path, home: Path, hub: HubProcess, *, xet: bool) -> None:
        self.hub = hub
        environment = client_environment(home) | {
            "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_DISABLE_XET": "0" if xet else "1",
        }  # fmt: skip
        self._log = (home / "driver.log").open("ab")
        self._process = subprocess.Popen(
            [str(python), str(ROOT / "bench" / "write_driver.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True, env=environment, cwd=home,
        )  # fmt: skip
        self.about: dict[str, str] = self._answer()

    def call(self, name: str, repo: str, folder: Path, head: str, *, watched: bool = True) -> Tried:
        """Call one method; ``watched``: look at the hub's disk before and after."""
        assert self._process.stdin is not None
        mark, before = len(self.hub.requests()), stands(self.hub.root) if watched else {}
        question = {"name": name, "repo": repo, "folder": str(folder), "head": head}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        started = time.monotonic()
        answer = self._answer()
        seconds = time.monotonic() - started
        after = stands(self.hub.root) if watched else {}
        changed = sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
        return Tried(name, answer["ending"], answer["said"], writes(self.hub, mark), tuple(changed),
                     seconds)  # fmt: skip

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended; see {self._log.name}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._process.communicate(timeout=60)
        self._log.close()


def writes(hub: HubProcess, mark: int) -> tuple[str, ...]:
    """What reached the hub since a mark and is no read. A token to write is a write."""
    found = []
    for line in hub.requests()[mark:]:
        read = line["method"] in {"GET", "HEAD"} and "xet-write-token" not in line["path"]
        if not read and not QUESTIONS.search(line["path"]):
            known = "409 " if line["status"] == 409 else ""
            found.append(f"{known}{line['method']} {line['path']}")
    return tuple(found)


def stands(root: Path) -> dict[str, tuple[int, int] | str]:
    """What a hub publishes, on its disk: commits, heads and tags, bytes, visibility; not the talk.

    A pull request that brings no commit is a name for what stands there: its objects would show.
    """
    found: dict[str, tuple[int, int] | str] = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_dir() or "/refs/pr/" in name or name in {"requests.jsonl", "errors.log"}:
            continue
        if name.startswith("repos/") and path.suffix == ".json":
            record = {k: v for k, v in json.loads(path.read_bytes()).items() if k != "discussions"}
            found[name] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
        else:
            state = path.stat()
            found[name] = (state.st_size, state.st_mtime_ns)
    return found


def environment(base: Path, client: str) -> Path:
    """A virtual environment with one line of the client in it, and no guard yet."""
    python = client_python(client)
    asked = (str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    source = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    folder = base / f"venv-{client}"
    made = [str(python), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(made, check=True, capture_output=True)
    site = next(folder.glob("lib/python*/site-packages"))
    # The guarded Python finds the client of its line first, and our packages behind it.
    lines = [source, f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"]
    (site / "zz_client.pth").write_text("\n".join(lines) + "\n")
    return folder


def guarded(base: Path, client: str, author: Author) -> Path:
    """The interpreter of such an environment, with the guard enabled by the command itself."""
    folder = environment(base, client)
    done = author.hubpolicy("guard", "enable", "--venv", folder)
    assert done.code == 0, done.text
    return folder / "bin" / "python"


def prepare(hub: HubProcess, repo: str, folder: Path) -> str:
    """A private repository with weights, a branch, a tag and a pull request; returns its head."""
    from huggingface_hub import HfApi, constants

    constants.HF_HUB_DISABLE_XET = True  # this process: the local hub stores by Git LFS
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    # The client's own: how it hands bytes to its HTTP library.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return _prepared(api, repo, (folder / "model.safetensors").read_bytes()[::-1])


def _prepared(api: HfApi, repo: str, weights: bytes) -> str:
    from huggingface_hub import CommitOperationAdd

    api.create_repo(repo, private=True)
    files = {"README.md": b"---\nlicense: mit\n---\n# m\n", "folder/a.txt": b"a",
             "model.safetensors": weights}  # fmt: skip
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    head = api.create_commit(repo, operations, commit_message="first").oid
    api.create_branch(repo, branch="dev")
    api.create_tag(repo, tag="v1")
    api.create_commit(
        repo, [CommitOperationAdd("extra.txt", b"x")], commit_message="more", create_pr=True
    )
    return str(head)


def copied(hub: HubProcess, source: str, target: str) -> str:
    """Another repository with the same content, made on the hub's disk: quicker than to ask."""
    base = hub.root / "repos" / "models"
    shutil.copytree(base / f"{source}.git", base / f"{target}.git")
    record = (base / f"{source}.json").read_text(encoding="utf-8")
    (base / f"{target}.json").write_text(record.replace(source, target), encoding="utf-8")
    return target


def untested(base: Path) -> Path:
    """A folder that nobody has run: a card and 40 kB that are called weights."""
    folder = base / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Untested\n")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 160)
    return folder


class Outcome(NamedTuple):
    """All methods of one client, guarded, beside the control."""

    client: str
    xet: bool
    found: Found
    tried: tuple[Tried, ...]
    control: tuple[Tried, ...]

    @property
    def silent(self) -> tuple[str, ...]:
        """Those that wrote nothing even without a guard."""
        return tuple(each.name for each in self.control if not each.writes)

    @property
    def loud(self) -> tuple[Tried, ...]:
        """As they went under the guard: those that write without one."""
        silent = set(self.silent)
        return tuple(each for each in self.tried if each.name not in silent)

    @property
    def free(self) -> tuple[str, ...]:
        """Those that went through, and made nothing visible but words."""
        return tuple(t.name for t in self.loud if t.ending != "denied" and t.writes
                     and not leaks(t))  # fmt: skip

    @property
    def blocked(self) -> tuple[str, ...]:
        return tuple(t.name for t in self.loud if t.ending == "denied" and not leaks(t))

    @property
    def leaked(self) -> tuple[Tried, ...]:
        return tuple(each for each in self.tried if leaks(each))

    @property
    def wrong(self) -> tuple[str, ...]:
        """Why this is no proof; empty where it is one."""
        not_tried = [f"{t.name}: not tried, no value for {t.said}" for t in self.tried
                     if t.ending == "not tried"]  # fmt: skip
        unknown = [f"{c.name}: wrote nothing in the control, and nobody knows why: {c.said}"
                   for c in self.control if not c.writes and c.name not in SILENT]  # fmt: skip
        leaked = [f"{t.name}: LEAKED {', '.join((*t.writes, *t.changed))}" for t in self.leaked]
        known = {*self.free, *self.blocked}
        others = [f"{t.name}: ended {t.ending} ({t.said}), expected denied" for t in self.loud
                  if t.name not in known and not leaks(t)]  # fmt: skip
        return (*not_tried, *unknown, *leaked, *others)


def leaks(tried: Tried) -> tuple[str, ...]:
    """What reached the hub, or changed there, that should not have."""
    return (*(w for w in tried.writes if not ALLOWED.fullmatch(w)), *tried.changed)


def attempt(
    base: Path, client: str, *, xet: bool, author: Author, hubs: tuple[HubProcess, HubProcess],
    python: Path,
) -> Outcome:  # fmt: skip
    """Try all methods of one client: guarded on the first hub, unguarded on the second."""
    hub, plain = hubs
    folder = untested(base / f"{client}-{xet}")
    word = f"{client.replace('.', '')}{'x' if xet else ''}"
    head = prepare(hub, f"acme/m{word}", folder)
    with Interpreter(python, author.home, hub, xet=xet) as guard:
        found = find(Path(guard.about["file"]).parent)
        names = [method.name for method in found.methods]
        tried = tuple(guard.call(name, f"acme/m{word}", folder, head) for name in names)
    control = []
    template = prepare(plain, f"acme/t{word}", folder)
    with Interpreter(client_python(client), author.home, plain, xet=xet) as free:
        for number, name in enumerate(names):
            repo = copied(plain, f"acme/t{word}", f"acme/c{word}{number}")
            control.append(free.call(name, repo, folder, template, watched=False))
    return Outcome(client, xet, found, tried, tuple(control))


def show(outcome: Outcome, *, verbose: bool) -> None:
    tried = [each for each in outcome.tried if each.ending != "not tried"]
    judged = len(outcome.loud) - len(outcome.free)
    print(f"huggingface_hub {outcome.client}, Xet {'on' if outcome.xet else 'off'}: "
          f"{len(outcome.found.methods)} public methods reach one of {outcome.found.sinks} sinks; "
          f"tried {len(tried)}; {len(outcome.loud)} of them write in the control")  # fmt: skip
    print(f"  guard: blocked {len(outcome.blocked)} of {judged}, leaked {len(outcome.leaked)}")
    print(f"  free, only words or questions: {len(outcome.free)}: {', '.join(outcome.free)}")
    for name in outcome.silent:
        print(f"  no write in the control: {name} ({SILENT.get(name, '?')})")
    if verbose:
        for free, watched in zip(outcome.control, outcome.tried, strict=True):
            first = free.writes[0] if free.writes else f"no write: {_line(free.said, 150)}"
            said = f"{watched.ending}: {_line(watched.said, 400)}"
            print(f"    {free.name:<48} control {first} ({free.seconds:.1f} s)")
            print(f"    {'':<48} guard   {said} ({watched.seconds:.1f} s)")
    for line in outcome.wrong:
        print(f"  WRONG {' '.join(line.split())[:400]}")


def _line(text: str, most: int) -> str:
    return " ".join(text.split())[:most]


def show_released(ways: Sequence[Released], client: str) -> int:
    good = [way for way in ways if not way.refused and not way.leaked]
    closed = sum(not way.leaked for way in ways)
    print(f"huggingface_hub {client}, with evidence: allowed {len(good)} of {len(ways)}; "
          f"with one byte changed: closed {closed} of {len(ways)}")  # fmt: skip
    for way in ways:
        problem = f"WRONG {_line(f'{way.refused} {way.leaked}', 2000)[-600:]}"
        print(f"  {way.name:<44} {'allowed' if way in good else problem}")
    return len(ways) - len(good)


def show_start(python: Path, client: str, rounds: int = 41) -> None:
    """``python -c pass`` with the guard and without it (-S has neither), in turns; medians."""
    plain = python.parents[1].with_name("plain") / "bin" / "python"
    if not plain.exists():
        subprocess.run(
            [str(python), "-m", "venv", "--without-pip", str(plain.parents[1])], check=True
        )
        own = next(python.parents[1].glob("lib/python*/site-packages")) / "zz_client.pth"
        shutil.copy(own, next(plain.parents[1].glob("lib/python*/site-packages")))
    spent: dict[Path, list[float]] = {python: [], plain: []}
    for _ in range(rounds):
        for each, seconds in spent.items():
            started = time.perf_counter()
            subprocess.run([str(each), "-c", "pass"], check=True)
            seconds.append(time.perf_counter() - started)

    def told(times: list[float]) -> str:
        return f"{1000 * statistics.median(times):.1f} ms (fastest {1000 * min(times):.1f})"

    print(f"python -c pass, {client}: {told(spent[python])} with the guard, "
          f"{told(spent[plain])} without; {rounds} rounds in turns")  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--client", choices=["2.x", "1.x"], action="append")
    options.add_argument("--verbose", action="store_true")
    chosen = options.parse_args(argv)
    started, wrong = time.monotonic(), 0
    Isolation.begin()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        with HubProcess(base / "hub", TOKENS) as hub, HubProcess(base / "plain", TOKENS) as plain:
            author = Author(base / "ada", hub.endpoint)
            author.home.mkdir()
            author.init()
            for client in chosen.client or ("2.x", "1.x"):
                python = guarded(base, client, author)
                for xet in (False, True):
                    outcome = attempt(
                        base, client, xet=xet, author=author, hubs=(hub, plain), python=python
                    )
                    show(outcome, verbose=chosen.verbose)
                    wrong += len(outcome.wrong)
                word = client.replace(".", "")
                wrong += show_released(release(base, python, author, hub, word), client)
                show_start(python, client)
    print(f"{time.monotonic() - started:.0f} s; {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
