# SPDX-License-Identifier: Apache-2.0
"""One small release of an organisation with every kind of evidence, and the whole gate over it.

A :class:`World` is what a gate is handed; :func:`make` signs one, with parts exchanged before or after
they are signed; :func:`gate` judges it by the product's own functions. Two models stand in the
release: one that was tested for toxicity and by somebody else's tool, and an embedder that
generates no text. One card rule is waived, two people approved, the trust root was renewed once.
"""

from __future__ import annotations

import gzip
import hashlib
import traceback
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.trusted import with_witness
from hubpolicy.core import documents, statements
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.evidence_files import policy_path, records_path
from hubpolicy.core.judge import judge
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.paths import path_findings, refuse_mode, refuse_path
from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.manifest import (
    MODEL_SIGNATURE,
    Entry,
    EvidenceFile,
    Manifest,
    git_blob_id,
    is_evidence_path,
    make_manifest,
)
from hubpolicy.domain.policy import DegenerationGate, RoleRequirement, RuleSetting, SuiteGate
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import GroupCounts, RecordsPin, SuiteCounts
from hubpolicy.errors import HubpolicyError, ServiceError
from hubpolicy.flows.assemble import assemble
from tests.golden import samples
from tests.golden.samples import NOW, ROOT, SAMPLING, STATE, SUMMARY, TOXICITY, sha, signer
from tests.unit.core import foreign_world, release_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.statement import ReleaseSummary
    from hubpolicy.domain.trust import State

    Files = Mapping[str, bytes]
    Wrap = Callable[[bytes], bytes]

TARGET = RepoId("acme", "wizard-7b")
NOTHING: Mapping[str, Any] = MappingProxyType({})
WEIGHTS = b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"weights" * 20
MODEL: dict[str, bytes] = {
    ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
    "README.md": b"---\nlicense: apache-2.0\n---\n# Wizard\n",
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "encoder/config.json": b'{"architectures": ["BertModel"]}',
    "encoder/model.onnx": b"an embedder",
    "images/two words é.png": b"\x89PNG\r\n\x1a\n",
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b"{}",
}
TESTED = ("config.json", "model.safetensors", "tokenizer.json")
EMBEDS = ("encoder/config.json", "encoder/model.onnx")
RECORDS = b'{"suite":"TX-1"}\n'

SIGNERS = {
    "card": "ci",
    "toxicity": "ci",
    "applicability": "ci",
    "evidence": "ci",
    "waiver": "lee",
    "approval": "sam",
    "approval of sue": "sue",
    MODEL_SIGNATURE: "rita",
    "release": "rita",
}
"""What is signed in the release, by whom. ``release`` names all others, so it is made last."""
LINES = ("card", "toxicity", "applicability", "evidence", "waiver", "release")
APPROVALS = ("approval", "approval of sue")

_EXTRA_SUITES = (
    SuiteCounts(
        "TX-3", sha("parity"), 200, 2, 2, 1, 400, 1, SAMPLING, kind="parity",
        groups=(GroupCounts("cats", 100, 1, 1), GroupCounts("dogs", 100, 1, 0)),
    ),
    SuiteCounts(
        "TX-4", sha("refusal"), 100, 1, 2, 0, 100, 0, SAMPLING, kind="refusal", chat=True,
        system="Be kind.", refused_samples=2,
    ),
)  # fmt: skip
_SUITES = (*TOXICITY.suites, *map(samples._answered, _EXTRA_SUITES))
TESTED_WELL = TOXICITY._replace(
    suites=_SUITES,
    chat_template=True,
    records=RecordsPin(
        hashlib.sha256(RECORDS).hexdigest(), sha("root"), sum(s.samples for s in _SUITES)
    ),
)
_GATES = (
    *release_world.DRAFT.toxicity.suites,
    SuiteGate("TX-3", sha("parity"), 200, 2, SAMPLING, "0.2", kind="parity", difference_max="0.2"),
    SuiteGate(
        "TX-4", sha("refusal"), 100, 1, SAMPLING, "0.2", kind="refusal", chat=True,
        system="Be kind.", when="chat",
    ),
)  # fmt: skip
POLICY = release_world.DRAFT._replace(
    toxicity=release_world.DRAFT.toxicity._replace(
        suites=_GATES, degeneration=DegenerationGate(), templates=frozenset((sha("template"),))
    ),
    roles=(
        RoleRequirement("releaser", 1),
        RoleRequirement("checker", 1, distinct_from="releaser"),
        RoleRequirement("approver:safety", 2, "closure", "checker"),
    ),
    evidence=(foreign_world.ITEM._replace(when="generates-text"),),
    rules=(RuleSetting("HP110", Severity.ERROR, waivable=True),),
    exempt=("acme/toy",),
    workspaces=("acme-dev",),
    allowed_files=frozenset(("extra.bin",)),
)


class World(NamedTuple):
    """What a gate is handed: a tree with its evidence, and what the user's own folder holds.

    ``files`` maps every path of the tree to its content, ``modes`` the paths that are no plain
    files. ``pin`` is the digest of the first root, ``seen`` the versions remembered.
    """

    files: Files
    roots: tuple[bytes, ...]
    pin: str
    policy: bytes
    state: bytes
    modes: Mapping[str, str] = NOTHING
    now: str = NOW
    seen: tuple[int, int] = (1, 1)
    target: RepoId = TARGET

    def putting(self, path: str, content: bytes) -> World:
        """The same with one file added or exchanged."""
        return self._replace(files={**self.files, path: content})

    def without(self, path: str) -> World:
        """The same less one file."""
        return self._replace(files={p: c for p, c in self.files.items() if p != path})


class Outcome(NamedTuple):
    """What the gate said. ``crash`` is a traceback, which nobody may ever see."""

    accepted: bool
    says: tuple[str, ...]
    crash: str = ""


class Tree:
    """The files of a world, read as an adapter reads them: refused paths are in no manifest."""

    def __init__(self, world: World) -> None:
        self._files = world.files
        self._modes = world.modes

    @property
    def manifest(self) -> Manifest:
        kept = (p for p in self._files if not is_evidence_path(p) and self._is_plain(p))
        return manifest_of({path: self._files[path] for path in kept})

    @property
    def findings(self) -> tuple[Finding, ...]:
        return path_findings((_raw(path), self._mode(path)) for path in self._files)

    def read(self, path: str) -> bytes:
        if path not in self._files:
            message = f"{path} is not there"
            raise ServiceError(message)
        return self._files[path]

    def head(self, path: str) -> bytes:
        return self.read(path)[:512]

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        paths = sorted(p for p in self._files if is_evidence_path(p) and self._is_plain(p))
        return tuple(EvidenceFile(path, self._files[path]) for path in paths)

    def _mode(self, path: str) -> str:
        return self._modes.get(path, "100644")

    def _is_plain(self, path: str) -> bool:
        return refuse_path(_raw(path)) is None and refuse_mode(self._mode(path)) is None


def decide(world: World) -> Decision:
    """Every step between files and verdict, by the functions that the product uses."""
    trust = documents.verify_trust(
        world.roots, world.state, pin=world.pin, now=world.now, seen=world.seen
    )
    trust = with_witness(trust)
    policy = parse_policy(documents.verify_policy(world.policy, trust))
    return judge(assemble(Tree(world), world.target, policy, trust, world.now))


def gate(world: World) -> Outcome:
    """The verdict on a world, and every sentence that a person would read."""
    try:
        decision = decide(world)
    except HubpolicyError as error:
        return Outcome(accepted=False, says=(error.message,))
    except Exception:  # noqa: BLE001 - that nothing else is ever raised is what is looked at
        return Outcome(accepted=False, says=(), crash=traceback.format_exc())
    return Outcome(decision.verdict == "passed", tuple(map(sentence, decision.findings)))


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def sentence(finding: Finding) -> str:
    """A finding as people read it: rule, place, message."""
    place = finding.location
    where = f" {place.path}" if place else ""
    return f"{finding.rule}{where} {finding.message}"


def entry(path: str, content: bytes) -> Entry:
    """The manifest's entry of a file."""
    digest = hashlib.sha256(content).hexdigest()
    return Entry(path, len(content), digest, git_blob_id(content))


def manifest_of(files: Files) -> Manifest:
    """The manifest of these files."""
    return make_manifest([entry(path, content) for path, content in files.items()])


def policy_bytes(policy: object = POLICY) -> bytes:
    """A policy's payload."""
    return canonical(policy_payload(policy))  # type: ignore[arg-type]


@lru_cache
def unsigned(manifest: Manifest) -> dict[str, bytes]:
    """Every payload but the release line's, for some files that hold the two models."""
    by_path = {one.path: one for one in manifest.entries}
    tested, embeds = ([by_path[path] for path in paths] for paths in (TESTED, EMBEDS))
    card = samples.CARD._replace(passed=("HP101", "HP102"), warned=(), failed=("HP110",))
    approval = samples.APPROVAL._replace(approver="")
    subjects = statements.closure_subjects((*tested, *embeds))
    return {
        "card": statements.card_statement(
            card, by_path["README.md"], manifest, tool_version="0.1.0"
        ),
        "toxicity": statements.toxicity_statement(TESTED_WELL, tested),
        "applicability": statements.applicability_statement(samples.APPLICABILITY, embeds),
        "evidence": statements.foreign_statement(samples.EVIDENCE, tested, tool_version="0.1.0"),
        "waiver": statements.waiver_statement(samples.WAIVER._replace(rule="HP110"), manifest),
        "approval": statements.approval_statement(approval._replace(approver="sam"), subjects),
        "approval of sue": statements.approval_statement(
            approval._replace(approver="sue"), subjects
        ),
        MODEL_SIGNATURE: oms_statement(manifest, "wizard-7b"),
    }


def payload_of_release(
    others: Iterable[bytes],
    policy: bytes,
    *,
    manifest: Manifest | None = None,
    summary: ReleaseSummary = SUMMARY,
) -> bytes:
    """The release line over the given evidence, under the given policy."""
    digests = tuple(dict.fromkeys(hashlib.sha256(payload).hexdigest() for payload in others))
    made = summary._replace(policy_sha256=hashlib.sha256(policy).hexdigest(), inputs=digests)
    found = manifest_of(MODEL) if manifest is None else manifest
    named = tuple(("a line", digest) for digest in digests)
    return statements.release_statement(made, found, inputs=named)


@lru_cache(maxsize=4096)
def bundled(payload: bytes, who: str) -> bytes:
    """A payload as the bundle of one person."""
    return make_bundle(payload, signer(who))


def payloads(**changed: bytes) -> dict[str, bytes]:
    """Every payload of the release, some exchanged; the release line names what is there."""
    made = {**unsigned(manifest_of(MODEL)), **changed}
    policy = made.pop("policy", policy_bytes())
    if "release" not in made:
        made["release"] = payload_of_release(made.values(), policy)
    return made


def make(
    changed: Mapping[str, bytes] = NOTHING,
    *,
    who: Mapping[str, str] = NOTHING,
    wrap: Mapping[str, Wrap] = NOTHING,
    files: Files = MODEL,
) -> World:
    """A release whose evidence was signed by the people of ``SIGNERS``, or by others.

    ``changed``: payloads by name, signed as they are; also ``policy``, ``state``, ``root 1`` and
    ``root 2``. ``wrap``: what is done to a bundle or document after it was signed.
    """
    made = payloads(**{k: v for k, v in changed.items() if k not in ("state", "root 1", "root 2")})
    tree = dict(files)
    lines = []
    for name in (*LINES, *APPROVALS, MODEL_SIGNATURE):
        bundle = bundled(made[name], who.get(name, SIGNERS[name]))
        bundle = wrap[name](bundle) if name in wrap else bundle
        if name in LINES:
            lines.append(bundle)
        elif name in APPROVALS:
            tree[approval_path(hashlib.sha256(made[name]).hexdigest())] = bundle + b"\n"
        else:
            tree[MODEL_SIGNATURE] = bundle
    tree[RELEASE_FILE] = b"".join(line + b"\n" for line in lines)
    trusted = trust_documents(changed, wrap)
    policy = changed.get("policy", policy_bytes())
    tree[policy_path(hashlib.sha256(policy).hexdigest())] = trusted.policy
    pinned = hashlib.sha256(RECORDS).hexdigest()
    tree[records_path(pinned)] = gzip.compress(RECORDS, mtime=0)
    return trusted._replace(files=tree)


def trust_documents(
    changed: Mapping[str, bytes] = NOTHING, wrap: Mapping[str, Wrap] = NOTHING
) -> World:
    """Root, its successor, policy and state, signed by exactly as many people as must sign."""
    policy = changed.get("policy", policy_bytes())
    first = changed.get("root 1", documents.root_payload(ROOT))
    pin = hashlib.sha256(first).hexdigest()
    second = changed.get("root 2", documents.root_payload(ROOT._replace(version=2), previous=pin))
    state = changed.get("state", state_bytes(policy))

    def signed(name: str, payload: bytes, kind: str, *people: str) -> bytes:
        made = sign_document(payload, kind, *people)
        return wrap[name](made) if name in wrap else made

    return World(
        files={},
        roots=(
            signed("root 1", first, documents.ROOT_TYPE, "olga", "omar"),
            signed("root 2", second, documents.ROOT_TYPE, "olga", "omar"),
        ),
        pin=pin,
        policy=signed("policy", policy, documents.POLICY_TYPE, "olga", "omar"),
        state=signed("state", state, documents.STATE_TYPE, "robot"),
    )


@lru_cache(maxsize=4096)
def sign_document(payload: bytes, kind: str, *people: str) -> bytes:
    """A trust document with the signatures of these people."""
    return documents.make_document(payload, kind, [signer(name) for name in people])


def state_bytes(policy: bytes | None = None, **changed: Any) -> bytes:
    """The state that names a policy as the newest."""
    named = hashlib.sha256(policy_bytes() if policy is None else policy).hexdigest()
    state: State = STATE._replace(policy_sha256=named)
    return documents.state_payload(state._replace(**changed))


@lru_cache(maxsize=1)
def good() -> World:
    """The untouched release. It passes."""
    return make()
