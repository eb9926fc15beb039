# SPDX-License-Identifier: Apache-2.0
"""A person with a key, a policy and a trust root, who signs real evidence for real files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.signers.file import FileSigner
from hubpolicy.core import statements
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.predicates import VERIFIER_ID
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.manifest import MODEL_SIGNATURE, Entry, Manifest
from hubpolicy.domain.policy import (
    CanaryGate,
    CardPolicy,
    Policy,
    RoleRequirement,
    SuiteGate,
    ToxicityPolicy,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import (
    Canaries,
    CardResult,
    RecordsPin,
    ReleaseSummary,
    Sampling,
    ScorerPin,
    SuiteCounts,
    ToxicityResult,
)
from hubpolicy.flows.founding import found_solo

ENDPOINT = "http://127.0.0.1:8931"
TARGET = RepoId("acme", "wizard", "model", ENDPOINT)
MADE = "2026-01-02T03:04:05Z"
SAMPLING = Sampling("0.8", "0.95", 0, 24)
CARD_RULES = ("HP101", "HP102")


def sha(text: str) -> str:
    """Some digest."""
    return hashlib.sha256(text.encode()).hexdigest()


SCHEMA = Path(__file__).parents[2] / "schemas" / "card.v1.schema.json"
CARD_SCHEMA = hashlib.sha256(SCHEMA.read_bytes()).hexdigest()
POLICY = Policy(
    id="acme/release",
    version=1,
    expires="2099-12-31",
    mode="enforce",
    namespaces=("acme",),
    workspaces=(),
    weights=("safetensors", "onnx"),
    allowed_files=frozenset(),
    min_level=4,
    card=CardPolicy("baseline", CARD_SCHEMA, CARD_RULES),
    toxicity=ToxicityPolicy(
        plan="standard",
        plan_sha256=sha("plan"),
        opens_gate=True,
        suites=(SuiteGate("TX-1", sha("prompts"), 300, 2, SAMPLING, "0.05"),),
        canaries=CanaryGate(sha("canaries")),
        require_tier="screen",
        scorers=frozenset((sha("scorer"),)),
        confidence="0.95",
        max_age_days=90,
        max_attempts=2,
        records="keep",
    ),
    roles=(
        RoleRequirement("releaser", 1),
        RoleRequirement("checker", 1),
    ),
    rules=(),
    exempt=(),
    sha256="",
)


class Person(NamedTuple):
    """A key, and the gate that it founded."""

    signer: FileSigner
    policy_sha256: str
    policy_document: bytes
    gate: bytes

    def install(self, home: Path) -> None:
        """Put policy and trust where the hook looks for them."""
        folder = home / ".config" / "hubpolicy"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gate.json").write_bytes(self.gate)
        (folder / "hubpolicy.toml").write_text("hubpolicy.toml")


@lru_cache
def person(name: str = "ada", policy: Policy = POLICY) -> Person:
    """The same key in every run, derived from a name."""
    signer = FileSigner(ec.derive_private_key(int(sha(name), 16) >> 1, ec.SECP256R1()))
    payload = canonical(policy_payload(policy))
    founded = found_solo(signer, name, payload, sha("hubpolicy.toml"), (ENDPOINT,), MADE)
    return Person(signer, hashlib.sha256(payload).hexdigest(), founded.policy, founded.gate)


def toxicity(hits: int = 0) -> ToxicityResult:
    """Counts of one run; 0 of 300 hits is under the bound of 5 %, 60 is not."""
    return ToxicityResult(
        plan="standard",
        plan_sha256=sha("plan"),
        opens_gate=True,
        scorer=ScorerPin("screen-en", "screen", sha("scorer"), "int8"),
        generator="onnx",
        binding_level=4,
        suites=(SuiteCounts("TX-1", sha("prompts"), 300, 2, hits, 0, 600, hits, SAMPLING),),
        canaries=Canaries(sha("canaries"), 40, 40, 40, 0),
        records=RecordsPin(sha("records"), sha("root"), 600),
        ledger_head=sha("ledger"),
        attempts=1,
        seed=sha("seed"),
        finished_on=MADE,
    )


def sign(
    folder: Path,
    who: Person,
    *,
    target: RepoId = TARGET,
    hits: int = 0,
    manifest: Manifest | None = None,
    loaded: list[Entry] | None = None,
) -> None:
    """Write the evidence for what is in a folder: card, toxicity and release lines, model.sig.

    ``loaded``: the closure of the toxicity run; all but card and attributes unless said.
    """
    found = FolderRelease(folder).manifest if manifest is None else manifest
    readme = next(entry for entry in found.entries if entry.path == "README.md")
    apart = {"README.md", ".gitattributes"}
    closure = loaded or [e for e in found.entries if e.path not in apart]
    card = CardResult("baseline", CARD_SCHEMA, CARD_RULES, (), ())
    lines = [
        statements.card_statement(card, readme, found, tool_version="0.1.0"),
        statements.toxicity_statement(toxicity(hits), closure),
    ]
    signature = oms_statement(found, target.name)
    inputs = tuple(
        sorted(
            (name, hashlib.sha256(payload).hexdigest())
            for name, payload in (
                *((RELEASE_FILE, line) for line in lines),
                (MODEL_SIGNATURE, signature),
            )
        )
    )
    summary = ReleaseSummary(
        verifier_id=VERIFIER_ID,
        verifier_version="0.1.0",
        resource_uri=target.purl,
        policy_sha256=who.policy_sha256,
        time_verified=MADE,
        inputs=tuple(digest for _, digest in inputs),
        result="PASSED",
    )
    lines.append(statements.release_statement(summary, found, inputs=inputs))
    bundles = b"".join(make_bundle(line, who.signer).rstrip(b"\n") + b"\n" for line in lines)
    policy = folder / ".hubpolicy" / "policy" / f"{who.policy_sha256}.json"
    policy.parent.mkdir(parents=True, exist_ok=True)
    policy.write_bytes(who.policy_document)
    (folder / RELEASE_FILE).write_bytes(bundles)
    (folder / MODEL_SIGNATURE).write_bytes(make_bundle(signature, who.signer))


MODEL = {
    "README.md": b"---\nlicense: apache-2.0\n---\n# Wizard\n",
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "model.safetensors": b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"weights" * 100,
    "tokenizer.json": b"{}",
}
