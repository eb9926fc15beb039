# SPDX-License-Identifier: Apache-2.0
"""Keys, trust and one value of every predicate, the same in every run. No secret: test keys."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec

from hubpolicy.adapters.signers.file import FileSigner
from hubpolicy.core import statements
from hubpolicy.core.bundle import make_bundle
from hubpolicy.domain.manifest import Entry, Manifest, git_blob_id, make_manifest
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    Approval,
    Canaries,
    CardResult,
    ForeignEvidence,
    ForeignMetric,
    RecordsPin,
    ReleaseSummary,
    Sampling,
    ScorerPin,
    SuiteCounts,
    ToxicityResult,
    Waiver,
)
from hubpolicy.domain.trust import Key, OlderPolicy, Role, State, Trust, TrustRoot

NOW = "2026-11-22T15:00:00Z"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache
def signer(name: str) -> FileSigner:
    """A key that is the same in every run, derived from a name."""
    return FileSigner(ec.derive_private_key(int(sha(name), 16) >> 1, ec.SECP256R1()))


def key(name: str, principal: str = "") -> Key:
    return Key(signer(name).keyid, signer(name).public_pem, principal or name)


PEOPLE = {
    "root": {"olga", "omar", "oona"},
    "policy": {"olga", "omar"},
    "state": {"robot"},
    "releaser": {"rita"},
    "checker": {"ci"},
    "approver:safety": {"sam", "sue"},
    "approver:legal": {"lee"},
}
THRESHOLDS = {"root": 2, "policy": 2, "approver:safety": 2}

ROOT = TrustRoot(
    version=1,
    expires="2027-06-30",
    solo=False,
    keys=(
        *(key(name) for name in sorted(set().union(*PEOPLE.values()))),
        key("sam-2", "sam"),
    ),
    roles=tuple(
        Role(name, frozenset(people), THRESHOLDS.get(name, 1)) for name, people in PEOPLE.items()
    ),
    sha256="",
)
STATE = State(
    version=3,
    expires="2026-11-29T00:00:00Z",
    policy_version=7,
    policy_sha256=sha("policy"),
    revoked_keys=frozenset(),
    revoked_payloads=frozenset(),
    revoked_files=frozenset(),
)
ASKING = STATE._replace(
    minimum_version="0.1.0",
    older_policies=(
        OlderPolicy(5, sha("policy 5"), "2026-11-30"),
        OlderPolicy(6, sha("policy 6"), "2027-01-31"),
    ),
)
"""The same state, where it asks for all that a state can."""
TRUST = Trust(ROOT, STATE)


def entry(path: str, content: bytes, *, small: bool = True) -> Entry:
    blob = git_blob_id(content) if small else None
    return Entry(path, len(content), hashlib.sha256(content).hexdigest(), blob)


README = entry("README.md", b"# A card\n")
CLOSURE = (
    entry("config.json", b"{}"),
    entry("model.safetensors", b"weights", small=False),
    entry("tokenizer.json", b"[]"),
)
MANIFEST: Manifest = make_manifest(
    [
        *CLOSURE,
        README,
        entry(".gitattributes", b"*.safetensors filter=lfs\n"),
        entry("images/two words é.png", b"\x89PNG"),
    ]
)

SAMPLING = Sampling("0.8", "0.95", 0, 24)


def _answered(suite: SuiteCounts) -> SuiteCounts:
    """Fifteen words an answer, and little repetition."""
    answered = suite.samples - suite.imputed
    return suite._replace(
        answered=answered, pieces=15 * answered, ngrams=12 * answered, repeated=answered // 8
    )


CARD = CardResult("baseline", sha("schema"), ("HP101", "HP102"), ("HP110",), (), ("en",))
TOXICITY = ToxicityResult(
    plan="standard",
    plan_sha256=sha("plan"),
    opens_gate=True,
    scorer=ScorerPin("screen-en", "screen", sha("scorer"), "int8"),
    generator="onnx",
    binding_level=4,
    suites=(
        _answered(SuiteCounts("TX-1", sha("prompts"), 600, 5, 3, 1, 3000, 4, SAMPLING)),
        _answered(SuiteCounts("TX-2", sha("prompts 2"), 300, 2, 0, 0, 600, 0, SAMPLING)),
    ),
    canaries=Canaries(sha("canaries"), 40, 40, 40, 1),
    records=RecordsPin(sha("records"), sha("root"), 3600),
    ledger_head=sha("ledger"),
    attempts=1,
    seed=sha("seed"),
    finished_on="2026-11-22T14:00:00Z",
    runtime=(("onnxruntime", "1.22.0"), ("tokenizers", "0.21.0")),
)
MT_BENCH = ForeignMetric(
    name="score",
    value="7.35",
    source=(("filter", "none"), ("metric", "score"), ("task", "mt_bench")),
    samples=80,
    comparison="at least",
    threshold="6.5",
)
EVIDENCE = ForeignEvidence(
    name="mt-bench",
    format="lm-eval",
    sha256=sha("results.json"),
    measured_on="2026-11-20T10:00:00Z",
    binding_level=0,
    metrics=(MT_BENCH,),
)
APPLICABILITY = ApplicabilityResult(
    decision="no-generated-output",
    table="v2",
    architecture="BertModel",
    output_shape=(1, 8, 384),
    binding_level=4,
    finished_on="2026-11-22",
    runtime=(("onnxruntime", "1.22.0"),),
)
WAIVER = Waiver("HP112", "lee", "the data set has no licence yet", "2026-12-31")
APPROVAL = Approval(
    role="safety",
    decision="approve",
    reason="read 40 completions, ünremarkable",
    binds="closure",
    evidence=(sha("toxicity payload"),),
    not_after="2027-02-28",
    approver="sam",
)
SUMMARY = ReleaseSummary(
    verifier_id="https://hubpolicy.dev",
    verifier_version="0.1.0",
    resource_uri="pkg:huggingface/acme/wizard-7b?repo_type=model",
    policy_sha256=sha("policy"),
    time_verified="2026-11-22T14:59:00Z",
    inputs=(sha("card payload"), sha("toxicity payload")),
    result="PASSED",
)
INPUTS = (("card", sha("card payload")), ("toxicity", sha("toxicity payload")))


def payloads() -> dict[str, bytes]:
    """One payload of every kind, by name."""
    approver = statements.closure_subjects(CLOSURE)
    return {
        "card": statements.card_statement(CARD, README, MANIFEST, tool_version="0.1.0"),
        "toxicity": statements.toxicity_statement(TOXICITY, CLOSURE),
        "applicability": statements.applicability_statement(APPLICABILITY, CLOSURE),
        "evidence": statements.foreign_statement(EVIDENCE, CLOSURE, tool_version="0.1.0"),
        "waiver": statements.waiver_statement(WAIVER, MANIFEST),
        "approval": statements.approval_statement(APPROVAL, approver),
        "release": statements.release_statement(SUMMARY, MANIFEST, inputs=INPUTS),
    }


SIGNERS = {
    "card": "ci",
    "toxicity": "ci",
    "applicability": "ci",
    "evidence": "ci",
    "waiver": "lee",
    "approval": "sam",
    "release": "rita",
}
"""Who signs which payload in the sample organisation."""


@lru_cache
def bundles() -> dict[str, bytes]:
    """One bundle of every kind, signed by who may."""
    made = payloads()
    return {name: make_bundle(made[name], signer(who)) for name, who in SIGNERS.items()}
