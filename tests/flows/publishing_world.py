# SPDX-License-Identifier: Apache-2.0
"""A local hub, the official client in this process, and releases that were really signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters import assets
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.hub import HubClient
from hubpolicy.core.gatefile import load_gate
from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.assemble import assemble, assemble_listing
from hubpolicy.flows.auditing import Court, RefVerdict, audit
from hubpolicy.flows.pushing import Plan, Pushed, push
from tests.hook.gate_world import MODEL, Person, person, sign
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Advance, RemoteRef

NOW = "2026-01-03T00:00:00Z"
LATER = "2026-02-01T00:00:00Z"
WEIGHTS = "model.safetensors"


class Notes:
    """Port ``Progress``: keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, title: str, total: int | None, unit: str) -> Advance:
        self.said.append(f"{title} {total} {unit}")
        return lambda _: None

    def note(self, text: str) -> None:
        self.said.append(text)


class Asked(NamedTuple):
    """One line of the hub's log."""

    method: str
    path: str
    status: int


class World:
    """One hub, one person with a gate, one client that does not really wait."""

    def __init__(self, hub: HubProcess, folder: Path, name: str) -> None:
        self.hub = hub
        self.folder = folder
        self.repo = RepoId("acme", name, "model", hub.endpoint)
        self.waited: list[float] = []
        self.notes = Notes()
        self._mark = len(hub.requests())

    def client(self, token: str | None = "hf_alice") -> HubClient:
        return HubClient(self.hub.endpoint, token, sleep=self.waited.append)

    @property
    def api(self) -> Any:
        """The client's own interface, to look and to do harm with."""
        return self.client()._api

    def model(self, **other: bytes) -> Path:
        """Write the model's files, ``.gitattributes`` included; dots in names come as ``_``."""
        files = {**MODEL, ".gitattributes": assets.default_gitattributes()}
        files |= {name.replace("_", "."): content for name, content in other.items()}
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)
        return self.folder

    def plan(
        self, *, hits: int = 0, who: Person | None = None, private: bool = False, now: str = NOW
    ) -> Plan:
        """Sign what is in the folder, and judge it."""
        owner = who or person()
        sign(self.folder, owner, target=self.repo, hits=hits)
        return self.judged(owner, private=private, now=now)

    def judged(self, who: Person | None = None, *, private: bool = False, now: str = NOW) -> Plan:
        """What stands in the folder, with the evidence that stands beside it."""
        policy, trust = gate(who or person())
        reader = FolderRelease(self.folder)
        evidence = assemble(reader, self.repo, policy, trust, now)
        return Plan(str(self.folder), evidence, reader.evidence_files(), private, "Publish")

    def push(self, plan: Plan, *, token: str | None = "hf_alice") -> Pushed:
        return push(plan, self.repo, self.client(token), self.notes)

    def publish(self) -> Pushed:
        """A first release that goes well."""
        self.model()
        done = self.push(self.plan())
        assert done.decision.verdict == "passed"
        assert done.public
        return done

    def audit(
        self, *, policy: Policy | None = None, trust: Trust | None = None, now: str = NOW
    ) -> dict[str, RefVerdict]:
        """Every ref's verdict by its name."""
        in_force, held = gate(person())
        court = Court(policy or in_force, trust or held, now, assemble_listing)
        found = audit(self.repo, self.client(), court, self.notes)
        return {verdict.ref: verdict for verdict in found}

    def asked(self) -> list[Asked]:
        """What the hub was asked since the last time, in order."""
        lines = self.hub.requests()
        new, self._mark = lines[self._mark :], len(lines)
        return [Asked(line["method"], line["path"], line["status"]) for line in new]

    def faults(self, *faults: dict[str, Any]) -> None:
        """Things that go wrong from here on, for this repository."""
        self.hub.faults(*faults)

    def at(self, method: str, below: str, **fault: Any) -> dict[str, Any]:
        """A fault for a request below this repository."""
        return {"method": method, "path_regex": f"{self.repo.text}(?:\\.git)?/{below}", **fault}

    def state(self) -> tuple[bool, str]:
        """(private, head of main), as it really is."""
        self.hub.configure({})
        info = self.api.repo_info(self.repo.text)
        return bool(info.private), str(info.sha)

    def tree(self, revision: str = "main") -> dict[str, str]:
        """Path to digest of what really stands there."""
        self.hub.configure({})
        listed = self.client().listing(self.repo, revision)
        return {file.path: file.sha256 or file.git_blob or "" for file in listed.files}

    def main(self) -> RemoteRef:
        return next(ref for ref in self.client().refs(self.repo) if ref.name == "refs/heads/main")


def gate(who: Person) -> tuple[Policy, Trust]:
    """Policy and trust of a person."""
    policy, trust, _ = load_gate(who.gate)
    return policy, trust


def start(root: Path) -> HubProcess:
    """A hub with the people of the hub's own tests."""
    return HubProcess(root, TOKENS)
