# SPDX-License-Identifier: Apache-2.0
"""A generated organisation: hundreds of repositories with known defects, written into a hub.

Each case fills one repository and says in the same breath what an audit has to find there, from
what was done to it and not from what our code makes of it (``tests/hub/cases.py``). Real git
objects, real signatures; the seed decides which cases come how often, and what is private.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.lfs import LargeFiles
from hubpolicy.demo.hub.records import Record
from hubpolicy.demo.hub.repository import Pointer, pointer_text
from hubpolicy.demo.hub.store import RepoKey, Store
from hubpolicy.demo.hub.template import default_attributes
from hubpolicy.domain.release import RepoId
from tests.hub.packed import Growing
from tests.hub.signed import Signatory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from hubpolicy.domain.release import RepoType

    Case = Callable[["Plot"], None]

ORGANISATION = "acme"
MAIN = "refs/heads/main"
PAGE = 16
"""Entries to a page of a tree: what is planted fits on one, but where a second one has to die."""
_LARGE = (".safetensors", ".onnx", ".gguf", ".bin", ".parquet")


class Plot:
    """One repository: what is put there, and what is to be found there.

    ``tips`` and ``past`` say the right verdict of refs and of older commits, by ref and commit id,
    ``stored`` that of rows about the LFS storage; what they do not name has no verdict.
    ``all_rows``: every row of the repository has it, whichever there are. ``faults`` are the hub's.
    """

    def __init__(self, case: str, number: int, who: Signatory, repo_type: RepoType) -> None:
        self.case, self.who = case, who
        self.repo = RepoId(ORGANISATION, f"{case}-{number:04}", repo_type, who.endpoint)
        self.seed = f"{case} {number}"
        self.tips: dict[str, tuple[str, str]] = {}
        self.past: dict[str, str] = {}
        self.stored: dict[str, str] = {}
        self.all_rows = ""
        self.faults: list[dict[str, Any]] = []
        self.revoked_files: set[str] = set()
        self.revoked_payloads: set[str] = set()
        self.adopted: list[tuple[RepoId, str, str]] = []
        self.orphans: list[bytes] = []
        self._git = Growing()
        self._large: dict[str, bytes] = {}
        self._hours = 0
        self.start = self.commit({".gitattributes": default_attributes()}, parent="")

    @property
    def name(self) -> str:
        """As reports name it."""
        kind = self.repo.repo_type
        return self.repo.text if kind == "model" else f"{kind}s/{self.repo.text}"

    def files(self, what: str = "") -> dict[str, bytes]:
        """A model that no other repository has; ``what`` makes it another one again."""
        weights = b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + f"{self.seed} {what}".encode()
        return {
            ".gitattributes": default_attributes(),
            "README.md": b"---\nlicense: apache-2.0\n---\n# A model\n",
            "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
            "model.safetensors": weights,
            "tokenizer.json": b"{}",
        }

    def commit(self, files: Mapping[str, bytes], *, parent: str) -> str:
        """A commit of exactly these files, large ones by Git LFS; no ref leads to it yet."""
        stored = {path: self._stored(path, content) for path, content in files.items()}
        self._hours += 1
        parents = [parent] if parent else []
        return self._git.commit(stored, parents, self.who.when(self._hours), self.case)

    def release(self, files: Mapping[str, bytes], *, parent: str = "", **how: Any) -> str:
        """A commit of these files with the evidence that stands beside them."""
        evidence = self.who.evidence(files, self.repo, **how)
        return self.commit({**files, **evidence}, parent=parent or self.start)

    def tip(self, ref: str, oid: str, status: str) -> None:
        """A ref, and the verdict on what it leads to; no status: there is nothing to judge."""
        self._git.refs[ref] = oid
        if status:
            self.tips[ref] = (oid, status)

    def annotated(self, name: str, oid: str, status: str) -> None:
        """The same of an annotated tag."""
        self.tip(f"refs/tags/{name}", oid, status)
        tag = self._git.annotated(name, oid, self.who.when(self._hours))
        self._git.refs[f"refs/tags/{name}"] = tag

    def sent(self, content: bytes, status: str) -> None:
        """Weights in the LFS storage that no commit on a ref has."""
        self.orphans.append(content)
        self.stored[f"lfs:{_sha256(content)[:12]}"] = status

    def fault(self, *below: str, **fault: Any) -> None:
        """What goes wrong below this repository, in the API or in git."""
        places = "|".join(below)
        regex = rf"/{self.repo.text}(\.git)?/({places})"
        self.faults.append({"path_regex": regex, "times": None, **fault})

    def write(self, root: Path, *, private: bool) -> None:
        """Put it under a hub's folder; one that stands there is replaced."""
        store, large = Store(root), LargeFiles(root)
        key = RepoKey(f"{self.repo.repo_type}s", self.repo.namespace, self.repo.name)
        if store.record(key) is not None:
            store.delete(key)
        contents = {**self._large, **{_sha256(orphan): orphan for orphan in self.orphans}}
        for sha256, content in contents.items():
            path = large.path(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        created = f"{self.who.day(-30)}T00:00:00.000Z"
        record = Record(self.repo.text, "alice", created, private, False, frozenset(contents), ())
        store.create(key, record, self._git.write)

    def _stored(self, path: str, content: bytes) -> bytes:
        if not path.endswith(_LARGE):
            return content
        digest = _sha256(content)
        self._large[digest] = content
        return pointer_text(Pointer(digest, len(content)))


class Life(NamedTuple):
    """Who could see a repository: its making and each change, by how many days ago, as (day,
    private). ``ever``: everybody, at any time; that a commit came later is only its own word.
    """

    changes: tuple[tuple[int, bool], ...]
    ever: bool

    @property
    def private(self) -> bool:
        return self.changes[-1][1]


_MADE = -30
LIVES = (
    Life(((_MADE, False),), ever=True),
    Life(((_MADE, True),), ever=False),
    Life(((_MADE, True), (-10, False), (-5, True)), ever=True),
    Life(((_MADE, False), (-25, True)), ever=True),
    Life(((_MADE, True), (-10, False)), ever=True),
)
"""Everything was committed twenty days ago (``tests/hub/signed.py``)."""
_OFTEN = (6, 3, 1, 1, 1)


class Organisation(NamedTuple):
    """All plots, where they were written, and who could see each when."""

    hub: HubProcess
    plots: tuple[Plot, ...]
    lives: tuple[Life, ...]

    def settle(self, home: Path) -> None:
        """Put into a home what judges them: policy, revocations, the list of what was adopted."""
        self.plots[0].who.install(
            home,
            files=frozenset(each for plot in self.plots for each in plot.revoked_files),
            payloads=frozenset(each for plot in self.plots for each in plot.revoked_payloads),
            adopted=tuple(each for plot in self.plots for each in plot.adopted),
        )

    def ready(self, trial: str) -> None:
        """Before each look: what the last one saw deleted is back, faults count anew."""
        for plot, life in zip(self.plots, self.lives, strict=True):
            if any(fault.get("action") == "vanish" for fault in plot.faults):
                plot.write(self.hub.root, private=life.private)
        faults = [{**fault, "id": trial} for plot in self.plots for fault in plot.faults]
        self.hub.configure({"page_size": PAGE, "faults": faults})

    def audit_log(self) -> list[dict[str, Any]]:
        """What the hub's export says of all of it, the newest first."""
        author = {"_id": "1", "type": "user", "user": "alice", "avatarUrl": "/a.svg"}
        entries = [
            {
                "type": "repo.update_settings" if number else "repo.create",
                "createdAt": f"{plot.who.day(day)}T00:00:00.000Z",
                "author": author, "message": "x",
                "data": {"repo": plot.name, "visibility": "private" if private else "public"},
            }
            for plot, life in zip(self.plots, self.lives, strict=True)
            for number, (day, private) in enumerate(life.changes)
        ]  # fmt: skip
        return sorted(entries, key=lambda entry: str(entry["createdAt"]), reverse=True)


def plant(
    hub: HubProcess,
    cases: Mapping[str, tuple[Case, int, RepoType]],
    *,
    size: int = 0,
    seed: int = 0,
) -> Organisation:
    """Each case once, and more of them by their weights until there are ``size`` repositories."""
    who = Signatory(hub.endpoint)
    plots = []
    for number, name in enumerate(drawn(cases, size, seed)):
        fill, _, repo_type = cases[name]
        plot = Plot(name, number, who, repo_type)
        fill(plot)
        plots.append(plot)
    chance = random.Random(seed)
    lives = tuple(chance.choices(LIVES, _OFTEN, k=len(plots)))
    for plot, life in zip(plots, lives, strict=True):
        plot.write(hub.root, private=life.private)
    return Organisation(hub, tuple(plots), lives)


def drawn(cases: Mapping[str, tuple[Case, int, RepoType]], size: int, seed: int) -> list[str]:
    """Which cases there are, in order; the same for the same seed."""
    names, weights = list(cases), [often for _, often, _ in cases.values()]
    more = random.Random(seed).choices(names, weights, k=max(0, size - len(names)))
    return [*names, *more]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
