# SPDX-License-Identifier: Apache-2.0
"""A local hub, the official client in this process, and releases that were really signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters import assets
from hubpolicy.adapters.evidence_folder import EvidenceFolder
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.hub import HubClient
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.gatefile import load_gate
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.statements import toxicity_statement, waiver_statement
from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import CardResult, Waiver
from hubpolicy.domain.trust import Role, Trust
from hubpolicy.flows.assemble import assemble, assemble_listing
from hubpolicy.flows.attesting import Attested, Desk, add_run, attest
from hubpolicy.flows.auditing import Court, RefVerdict, audit
from hubpolicy.flows.push_plan import Plan, Pushed
from hubpolicy.flows.pushing import push
from tests.hook.gate_world import (
    CARD_RULES,
    CARD_SCHEMA,
    MODEL,
    Person,
    person,
    sign,
    toxicity,
)
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.policy import Policy
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

    def tell(self, text: str) -> None:
        assert text


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

    def publish_plan(self) -> Plan:
        """The same, and what was judged for it."""
        self.model()
        plan = self.plan()
        assert self.push(plan).public
        return plan

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

    def look(self, **fault: Any) -> dict[str, Any]:
        """A fault for a look at this repository as a whole."""
        return {"method": "GET", "path_regex": f"/api/models/{self.repo.text}$", **fault}

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


CARD = CardResult("baseline", CARD_SCHEMA, CARD_RULES, (), ())


def desk(
    who: Person, *, policy: Policy | None = None, trust: Trust | None = None, now: str = NOW
) -> Desk:
    """Somebody's key and gate, at a moment."""
    in_force, held = gate(who)
    return Desk(
        signer=who.signer,
        policy=policy or in_force,
        policy_envelope=who.policy_document,
        trust=trust or held,
        clock=FixedClock(now),
        version="0.1.0",
    )


def together(*people: Person, thresholds: dict[str, int] | None = None) -> Trust:
    """A root in which all of them hold every role that the first one holds."""
    held = gate(people[0])[1]
    root = held.root
    keys = tuple(gate(who)[1].root.keys[0] for who in people)
    names = frozenset(key.principal for key in keys)
    asked = thresholds or {}
    roles = tuple(Role(role.name, names, asked.get(role.name, 1)) for role in root.roles)
    return held._replace(root=root._replace(keys=keys, roles=roles))


class FixedClock:
    """Port ``Clock``."""

    def __init__(self, now: str) -> None:
        self._now = now

    def now(self) -> str:
        return self._now


def put_run(folder: Path, who: Person, *, hits: int = 0, trust: Trust | None = None) -> None:
    """Sign a toxicity run of what is in the folder, as ``hubpolicy test`` does at its end."""
    reader = FolderRelease(folder)
    apart = {"README.md", ".gitattributes"}
    closure = [entry for entry in reader.manifest.entries if entry.path not in apart]
    payload = toxicity_statement(toxicity(hits), closure)
    files = reader.evidence_files()
    add_run(files, EvidenceFolder(folder), desk(who, trust=trust), payload, None)


def put_line(folder: Path, payload: bytes, who: Person) -> None:
    """Put one more signed line among those of a folder."""
    path = folder / RELEASE_FILE
    path.parent.mkdir(exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(before + make_bundle(payload, who.signer).rstrip(b"\n") + b"\n")


def put_waiver(folder: Path, rule: str, who: str, until: str = "2026-03-31") -> None:
    """Somebody forgives a rule for what is in the folder."""
    waiver = Waiver(rule, who, "known and harmless", until)
    manifest = FolderRelease(folder).manifest
    put_line(folder, waiver_statement(waiver, manifest), person(who))


def attest_here(
    folder: Path, target: RepoId, at: Desk, card: CardResult = CARD, **options: Any
) -> Attested:
    """The trip ``attest`` on a folder."""
    writer = EvidenceFolder(folder)
    return attest(FolderRelease(folder), writer, target, at, card, assemble, **options)
