# SPDX-License-Identifier: Apache-2.0
"""What ``bench/write_paths.py`` sees of a call, and whether that is a proof."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.write_methods import Found
    from hubpolicy.demo.hub.process import HubProcess

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


class After(NamedTuple):
    """What is found on the hub after a call: bytes and commits more than before it, who sees it."""

    added: int
    commits: int
    visibility: str


class Tried(NamedTuple):
    """One method: how its call ended, what reached the hub, what changed on its disk.

    ``after``: of the repository that it was tried on, where the hub was looked at.
    """

    name: str
    ending: str
    said: str
    writes: tuple[str, ...]
    changed: tuple[str, ...]
    seconds: float = 0.0
    after: After | None = None


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


def commits(root: Path) -> int:
    """Commits that any ref of any repository on the hub reaches, but for pull requests'."""
    counted = 0
    for repo in root.glob("repos/*/*/*.git"):
        asked = ["git", "rev-list", "--exclude=refs/pr/*", "--all", "--count"]
        said = subprocess.run(asked, cwd=repo, capture_output=True, check=True, text=True).stdout
        counted += int(said)
    return counted


def visibility(root: Path, repo: str) -> str:
    """As the hub's record of that model says; gone where there is none."""
    record = root / "repos" / "models" / f"{repo}.json"
    if not record.exists():
        return "gone"
    return "private" if json.loads(record.read_bytes())["private"] else "public"


def size(standing: Mapping[str, tuple[int, int] | str]) -> int:
    """Bytes on the hub's disk."""
    return sum(state[0] for state in standing.values() if isinstance(state, tuple))


class Outcome(NamedTuple):
    """All methods of one client, beside the control. ``point``: who judged, guard or gateway."""

    point: str
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
        """As they went under judgement: those that write without it."""
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
