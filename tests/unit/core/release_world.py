# SPDX-License-Identifier: Apache-2.0
"""A whole release with real signatures by the sample organisation, and ways to spoil it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from hubpolicy.core import statements
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.evidence import Evidence
from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.verify import verify_bundle
from hubpolicy.domain.manifest import Entry, ListedFile, Listing, Manifest
from hubpolicy.domain.policy import (
    CanaryGate,
    CardPolicy,
    Policy,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
    ToxicityPolicy,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import (
    Approval,
    ToxicityResult,
    Waiver,
)
from tests.golden.samples import (
    CARD,
    CLOSURE,
    MANIFEST,
    NOW,
    README,
    SAMPLING,
    SUMMARY,
    TOXICITY,
    TRUST,
    sha,
    signer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Decision, Severity
    from hubpolicy.domain.statement import CardResult, ReleaseSummary
    from hubpolicy.domain.trust import Trust


TARGET = RepoId("acme", "wizard-7b")
ROLES = (RoleRequirement("releaser", 1), RoleRequirement("checker", 1))
SAFETY = RoleRequirement("approver:safety", 1, "closure")


def with_digest(policy: Policy) -> Policy:
    """The policy as it comes out of its signed bytes."""
    return parse_policy(canonical(policy_payload(policy)))


DRAFT = Policy(
    id="acme/release",
    version=7,
    expires="2027-06-30",
    mode="enforce",
    namespaces=("acme",),
    workspaces=(),
    weights=("gguf", "onnx", "safetensors"),
    allowed_files=frozenset(),
    min_level=4,
    card=CardPolicy("baseline", sha("schema"), ("HP101", "HP102", "HP110")),
    toxicity=ToxicityPolicy(
        plan="standard",
        plan_sha256=sha("plan"),
        opens_gate=True,
        suites=(
            SuiteGate("TX-1", sha("prompts"), 600, 5, SAMPLING, "0.02"),
            SuiteGate("TX-2", sha("prompts 2"), 300, 2, SAMPLING, "0.05"),
        ),
        canaries=CanaryGate(sha("canaries")),
        require_tier="screen",
        scorers=frozenset((sha("scorer"),)),
        confidence="0.95",
        max_age_days=90,
        max_attempts=2,
        records="keep",
    ),
    roles=ROLES,
    rules=(),
    exempt=(),
    sha256="",
)
POLICY = with_digest(DRAFT)
FIRST = TOXICITY.suites[0]


def asking(*roles: RoleRequirement) -> Policy:
    """The policy with approvers, or with other releasers and checkers."""
    names = {role.role for role in roles}
    return with_digest(
        POLICY._replace(roles=(*(role for role in ROLES if role.role not in names), *roles))
    )


def setting(rule: str, severity: Severity, *, waivable: bool = False) -> Policy:
    """The policy with one setting, as no signed policy need hold it."""
    return POLICY._replace(rules=(RuleSetting(rule, severity, waivable),))


@lru_cache(maxsize=512)
def signed(payload: bytes, who: str, trust: Trust = TRUST) -> VerifiedStatement:
    """The payload, signed and verified."""
    return verify_bundle(make_bundle(payload, signer(who)), trust, now=NOW, where="the test")


def card_line(
    result: CardResult = CARD, *, who: str = "ci", manifest: Manifest = MANIFEST,
    readme: Entry = README, trust: Trust = TRUST,
) -> VerifiedStatement:  # fmt: skip
    payload = statements.card_statement(result, readme, manifest, tool_version="0.1.0")
    return signed(payload, who, trust)


def run_line(
    result: ToxicityResult = TOXICITY, *, who: str = "ci", closure: Iterable[Entry] = CLOSURE,
    trust: Trust = TRUST,
) -> VerifiedStatement:  # fmt: skip
    return signed(statements.toxicity_statement(result, tuple(closure)), who, trust)


def waiver_line(
    waiver: Waiver, manifest: Manifest = MANIFEST, who: str = "lee"
) -> VerifiedStatement:
    return signed(statements.waiver_statement(waiver, manifest), who)


def approval_line(
    who: str = "sam",
    role: str = "safety",
    binds: str = "closure",
    *,
    closure: tuple[Entry, ...] = CLOSURE,
    manifest: Manifest = MANIFEST,
    decision: str = "approve",
    not_after: str = "2027-02-28",
    evidence: tuple[str, ...] = (),
    trust: Trust = TRUST,
) -> VerifiedStatement:
    approval = Approval(
        role=role,
        decision="reject" if decision == "reject" else "approve",
        reason="looked at it",
        binds=binds,  # type: ignore[arg-type]
        evidence=evidence,
        not_after=not_after,
    )
    subjects = {
        "closure": statements.closure_subjects(closure),
        "card": (statements.file_subject(README),),
        "manifest": (statements.whole_subject(manifest),),
    }[binds]
    return signed(statements.approval_statement(approval, subjects), who, trust)


def release_line(
    inputs: Iterable[VerifiedStatement],
    *,
    who: str = "rita",
    manifest: Manifest = MANIFEST,
    summary: ReleaseSummary = SUMMARY,
    policy: Policy = POLICY,
    trust: Trust = TRUST,
) -> VerifiedStatement:
    digests = tuple(dict.fromkeys(line.payload_sha256 for line in inputs))
    made = summary._replace(policy_sha256=policy.sha256, inputs=digests)
    named = tuple(("a line", digest) for digest in digests)
    return signed(statements.release_statement(made, manifest, inputs=named), who, trust)


def judged_by(
    policy: Policy, lines: Iterable[VerifiedStatement], manifest: Manifest | None = MANIFEST,
    trust: Trust = TRUST,
) -> Evidence:  # fmt: skip
    """Evidence of exactly these lines."""
    return Evidence(
        target=TARGET,
        manifest=manifest,
        listing=None,
        lines=tuple(lines),
        rejected=(),
        refusals=(),
        evidence_paths=(),
        remote_code=(),
        heads=(),
        policy=policy,
        trust=trust,
        now=NOW,
    )


def release(
    *others: VerifiedStatement,
    policy: Policy = POLICY,
    card: VerifiedStatement | None = None,
    run: VerifiedStatement | None = None,
    manifest: Manifest = MANIFEST,
    trust: Trust = TRUST,
) -> Evidence:
    """A good release, or one whose parts were exchanged; the release line names all of them."""
    card = card_line(manifest=manifest, trust=trust) if card is None else card
    run = run_line(trust=trust) if run is None else run
    inputs = (card, run, *others)
    last = release_line(inputs, policy=policy, manifest=manifest, trust=trust)
    return judged_by(policy, (*inputs, last), manifest, trust)


def unreleased(*lines: VerifiedStatement, policy: Policy = POLICY) -> Evidence:
    """Card, run and these, but no release line: what a releaser is asked to sign."""
    return judged_by(policy, (card_line(), run_line(), *lines))


def as_listing(evidence: Evidence, lfs: tuple[str, ...] = ("model.safetensors",)) -> Evidence:
    """The same release as a hub lists it: sha256 of LFS files, git blob ids of the others."""
    assert evidence.manifest is not None
    files = tuple(
        ListedFile(
            path=e.path,
            size=e.size,
            sha256=e.sha256 if e.path in lfs else None,
            git_blob=None if e.path in lfs else e.git_blob,
        )
        for e in evidence.manifest.entries
    )
    return evidence._replace(manifest=None, listing=Listing(files))


def changed(manifest: Manifest, path: str, content: bytes = b"other") -> Manifest:
    """The same files, one with other content."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Manifest(
        tuple(
            e._replace(sha256=sha256, size=len(content), git_blob=None) if e.path == path else e
            for e in manifest.entries
        )
    )


def rules_of(decision: Decision) -> set[str]:
    """Ids of everything that was found and not waived."""
    return {finding.rule for finding in decision.findings}
