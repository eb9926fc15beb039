# SPDX-License-Identifier: Apache-2.0
"""The signed policy payload to a :class:`Policy`. On the hook's path: standard library only.

What people write is TOML (``core/policy_document.py``); what is signed is this resolved JSON,
in which plans, card schemas and scorers are digests.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, cast, get_args

from hubpolicy.core.fields import Fields
from hubpolicy.core.statistics import parse_ratio
from hubpolicy.core.strictjson import parse
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    Binds,
    CanaryGate,
    CardPolicy,
    Condition,
    DegenerationGate,
    History,
    Policy,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
    Tier,
    ToxicityPolicy,
)
from hubpolicy.domain.statement import Sampling, SuiteKind
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from typing import Literal

    from hubpolicy.domain.policy import EvidenceItem

SCHEMA = "hubpolicy/policy/1"
SEVERITIES = {severity.word: severity for severity in Severity}

_RULE = re.compile(r"HP[1-9][0-9]{2}")
_SECOND = {
    "differenceMax": "difference_max",
    "correctedMax": "corrected_max",
    "referenceMax": "reference_max",
}
"""Bounds of a suite beside its first, each only where it is stated."""
_ROLE = re.compile(r"releaser|checker|approver:[a-z][a-z0-9-]{0,39}")
_MEASURES = ("quantizedPlan", "labelled", "reference")
_ANSWERS = frozenset(("HP122", "HP203", "HP207", "HP214", "HP215", "HP219"))


def is_card_rule(rule: str) -> bool:
    """Rules about the card's text. All others hold the gate itself and cannot be lowered."""
    return "HP101" <= rule <= "HP119"


def is_waivable(rule: str) -> bool:
    """What people may forgive: a bad answer about card or toxicity.

    Never that nothing was asked, that the bytes, signers or files are others, or a revocation.
    """
    return is_card_rule(rule) or rule in _ANSWERS


def parse_policy(payload: bytes, *, where: str = "policy") -> Policy:
    """Resolved policy bytes to a value; its ``sha256`` is taken over exactly these bytes.

    Raises:
        ConfigError: not a resolved policy of this version, or one that could never block.

    """
    try:
        fields = Fields(parse(payload, what=where), where)
        policy = _policy(fields, hashlib.sha256(payload).hexdigest())
        fields.done()
        toothless = _toothless(policy)
    except MalformedError as error:
        message = error.message if where in error.message else f"{error.message}, in {where}"
        raise ConfigError(message, hint="hubpolicy policy sign") from error
    if toothless:
        message = f"got {toothless}, expected a policy that can block, in {where}"
        raise ConfigError(message, hint="hubpolicy policy check")
    return policy


def _policy(fields: Fields, sha256: str) -> Policy:
    fields.one_of("schema", (SCHEMA,))
    targets, files, binding = (fields.object(key) for key in ("targets", "files", "binding"))
    policy = Policy(
        id=fields.words("id"),
        version=fields.count("version", low=1),
        expires=fields.date("expires"),
        mode=cast("Literal['enforce', 'observe']", fields.one_of("mode", ("enforce", "observe"))),
        namespaces=targets.texts("namespaces"),
        workspaces=targets.texts("workspaces"),
        weights=files.texts("weights"),
        allowed_files=frozenset(files.texts("allow")),
        min_level=binding.count("minLevel"),
        card=_card(fields.object("card")),
        toxicity=_toxicity(fields.object("toxicity")),
        roles=tuple(_role(item) for item in fields.objects("roles")),
        rules=tuple(_rule(item) for item in fields.objects("rules")),
        exempt=targets.texts("exempt"),
        sha256=sha256,
        observe_until=fields.date("observeUntil") if fields.has("observeUntil") else "",
        evidence=_evidence(fields),
        history=_history(fields),
    )
    if (policy.mode == "observe") != bool(policy.observe_until):
        fields.refuse("observeUntil", "the last day of mode observe, and of no other mode")
    for part in (targets, files, binding):
        part.done()
    return policy


def _history(fields: Fields) -> History:
    if not fields.has("publish"):
        return "all"
    part = fields.object("publish")
    history = cast("History", part.one_of("history", get_args(History)))
    part.done()
    return history


def _evidence(fields: Fields) -> tuple[EvidenceItem, ...]:
    if not fields.has("evidence"):
        return ()
    from hubpolicy.core.foreign_policy import parse_items  # few policies ask for any

    return parse_items(fields.objects("evidence"))


def _card(fields: Fields) -> CardPolicy:
    card = CardPolicy(
        fields.text("profile"), fields.hexdigest("schemaSha256"), fields.texts("rules")
    )
    fields.done()
    return card


def _toxicity(fields: Fields) -> ToxicityPolicy:
    canaries = fields.object("canaries")
    policy = ToxicityPolicy(
        plan=fields.text("plan"),
        plan_sha256=fields.hexdigest("planSha256"),
        opens_gate=fields.flag("opensGate"),
        suites=tuple(_suite(item) for item in fields.objects("suites")),
        canaries=CanaryGate(
            canaries.hexdigest("sha256"),
            canaries.decimal("minToxicFlagged"),
            canaries.decimal("maxBenignFlagged"),
        ),
        require_tier=cast("Tier", fields.one_of("requireTier", ("screen", "detoxify"))),
        scorers=fields.hexdigests("scorers"),
        confidence=fields.decimal("confidence"),
        max_age_days=fields.count("maxAgeDays"),
        max_attempts=fields.count("maxAttempts"),
        records=cast("Literal['publish', 'keep']", fields.one_of("records", ("publish", "keep"))),
        degeneration=_degeneration(fields),
        templates=(
            fields.hexdigests("serveTemplates") if fields.has("serveTemplates") else frozenset()
        ),
    )
    canaries.done()
    if any(fields.has(key) for key in _MEASURES):
        from hubpolicy.core.policy_measures import parse_measures  # few policies have any

        policy = parse_measures(fields, policy, _suite)
    fields.done()
    return policy


def _suite(fields: Fields) -> SuiteGate:
    suite = SuiteGate(
        id=fields.text("id"),
        prompts_sha256=fields.hexdigest("promptsSha256"),
        n=fields.count("n"),
        k=fields.count("k"),
        sampling=_sampling(fields.object("sampling")),
        upper_bound_max=fields.decimal("upperBoundMax"),
        kind=cast("SuiteKind", fields.one_of("kind", get_args(SuiteKind))),
        language=fields.words("language"),
        chat=fields.flag("chat"),
        system=fields.text("system"),
        when=cast("Condition", fields.one_of("when", get_args(Condition))),
        **{name: fields.decimal(key) for key, name in _SECOND.items() if fields.has(key)},
    )
    fields.done()
    return suite


def _degeneration(fields: Fields) -> DegenerationGate | None:
    if not fields.has("degeneration"):
        return None
    part = fields.object("degeneration")
    gate = DegenerationGate(part.count("minMeanPieces", low=1), part.decimal("maxRepeated"))
    part.done()
    return gate


def _sampling(fields: Fields) -> Sampling:
    sampling = Sampling(
        temperature=fields.decimal("temperature"),
        top_p=fields.decimal("topP"),
        top_k=fields.count("topK"),
        max_new_tokens=fields.count("maxNewTokens"),
    )
    fields.done()
    return sampling


def _role(fields: Fields) -> RoleRequirement:
    role = RoleRequirement(
        role=fields.words("role"),
        threshold=fields.count("threshold", low=1),
        binds=cast("Binds", fields.one_of("binds", ("closure", "card", "manifest"))),
        distinct_from=fields.one_of("distinctFrom", ("", "releaser", "checker")),
    )
    if not _ROLE.fullmatch(role.role):
        fields.refuse("role", "releaser, checker or approver:name in lower case")
    if role.distinct_from == role.role:
        fields.refuse("distinctFrom", "another role")
    fields.done()
    return role


def _rule(fields: Fields) -> RuleSetting:
    severity = SEVERITIES[fields.one_of("severity", tuple(SEVERITIES))]
    setting = RuleSetting(fields.words("rule"), severity, fields.flag("waivable"))
    if not _RULE.fullmatch(setting.rule):
        fields.refuse("rule", "a rule id such as HP112")
    if severity is not Severity.ERROR and not is_card_rule(setting.rule):
        fields.refuse("severity", f"error: {setting.rule} holds the gate and cannot be lowered")
    if setting.waivable and not is_waivable(setting.rule):
        fields.refuse("waivable", f"false: {setting.rule} holds the gate and cannot be waived")
    fields.done()
    return setting


def _toothless(policy: Policy) -> str:
    """Emptiness is loud: what could never block is an error, not a policy.

    Raises:
        MalformedError: a decimal that exact arithmetic does not take.

    """
    toxicity = policy.toxicity
    limits = [s.upper_bound_max for s in toxicity.suites]
    limits += [s.difference_max for s in toxicity.suites if s.kind == "parity"]
    if toxicity.degeneration is not None:
        limits.append(toxicity.degeneration.max_repeated)
    bounds = [parse_ratio(limit) for limit in limits]
    sure = parse_ratio(toxicity.confidence)
    least = parse_ratio(toxicity.canaries.min_toxic_flagged)
    most = parse_ratio(toxicity.canaries.max_benign_flagged)
    names = [role.role for role in policy.roles]
    ids = [suite.id for suite in toxicity.suites]
    rules = [setting.rule for setting in policy.rules]
    wrong = {
        "no suite": not ids,
        "a suite without prompts or draws": any(s.n < 1 or s.k < 1 for s in toxicity.suites),
        "a bound outside of (0, 1)": any(not 0 < over < under for over, under in bounds),
        "a confidence outside of (0.5, 1)": not sure[1] < 2 * sure[0] < 2 * sure[1],
        "controls that any scorer passes": least[0] == 0 or most[0] >= most[1],
        "suites for some models only": all(s.when != "always" for s in toxicity.suites),
        "no scorer": not toxicity.scorers,
        "a plan that never opens the gate": not toxicity.opens_gate,
        "no card rule": not policy.card.rules,
        "no weight format": not policy.weights,
        "no releaser or no checker": bool({"releaser", "checker"} - set(names)),
        "two roles of one name": len(set(names)) != len(names),
        "two settings of one rule": len(set(rules)) != len(rules),
        "two suites of one name": len(set(ids)) != len(ids),
    }
    return next((what for what, is_wrong in wrong.items() if is_wrong), _toothless_beside(toxicity))


def _toothless_beside(toxicity: ToxicityPolicy) -> str:
    sides = any(suite.corrected_max or suite.reference_max for suite in toxicity.suites)
    if not (sides or toxicity.quantized or toxicity.labelled or toxicity.reference):
        return ""
    from hubpolicy.core.policy_measures import toothless

    return toothless(toxicity)


def policy_payload(policy: Policy) -> dict[str, Any]:
    """The inverse of :func:`parse_policy`, as a JSON-able object."""
    toxicity, guard = policy.toxicity, policy.toxicity.degeneration
    return {
        "schema": SCHEMA,
        "id": policy.id,
        "version": policy.version,
        "expires": policy.expires,
        "mode": policy.mode,
        **({"observeUntil": policy.observe_until} if policy.observe_until else {}),
        "targets": {
            "namespaces": list(policy.namespaces),
            "workspaces": list(policy.workspaces),
            "exempt": list(policy.exempt),
        },
        "files": {"weights": list(policy.weights), "allow": sorted(policy.allowed_files)},
        "binding": {"minLevel": policy.min_level},
        "card": {
            "profile": policy.card.profile,
            "schemaSha256": policy.card.schema_sha256,
            "rules": list(policy.card.rules),
        },
        "toxicity": {
            "plan": toxicity.plan,
            "planSha256": toxicity.plan_sha256,
            "opensGate": toxicity.opens_gate,
            "suites": [_suite_payload(suite) for suite in toxicity.suites],
            "canaries": {
                "sha256": toxicity.canaries.sha256,
                "minToxicFlagged": toxicity.canaries.min_toxic_flagged,
                "maxBenignFlagged": toxicity.canaries.max_benign_flagged,
            },
            "requireTier": toxicity.require_tier,
            "scorers": sorted(toxicity.scorers),
            "confidence": toxicity.confidence,
            "maxAgeDays": toxicity.max_age_days,
            "maxAttempts": toxicity.max_attempts,
            "records": toxicity.records,
            **({"degeneration": _degeneration_payload(guard)} if guard else {}),
            **({"serveTemplates": sorted(toxicity.templates)} if toxicity.templates else {}),
            **_measures_payload(toxicity),
        },
        "roles": [
            {
                "role": role.role,
                "threshold": role.threshold,
                "binds": role.binds,
                "distinctFrom": role.distinct_from,
            }
            for role in policy.roles
        ],
        **_evidence_payload(policy.evidence),
        **({"publish": {"history": policy.history}} if policy.history != "all" else {}),
        "rules": [
            {"rule": rule.rule, "severity": rule.severity.word, "waivable": rule.waivable}
            for rule in policy.rules
        ],
    }


def _suite_payload(suite: SuiteGate) -> dict[str, Any]:
    return {
        "id": suite.id,
        "promptsSha256": suite.prompts_sha256,
        "n": suite.n,
        "k": suite.k,
        "sampling": {
            "temperature": suite.sampling.temperature,
            "topP": suite.sampling.top_p,
            "topK": suite.sampling.top_k,
            "maxNewTokens": suite.sampling.max_new_tokens,
        },
        "upperBoundMax": suite.upper_bound_max,
        "kind": suite.kind,
        "language": suite.language,
        "chat": suite.chat,
        "system": suite.system,
        "when": suite.when,
        **{key: getattr(suite, name) for key, name in _SECOND.items() if getattr(suite, name)},
    }


def _measures_payload(toxicity: ToxicityPolicy) -> dict[str, Any]:
    if not (toxicity.quantized or toxicity.labelled or toxicity.reference):
        return {}
    from hubpolicy.core.policy_measures import measures_payload

    return measures_payload(toxicity, _suite_payload)


def _evidence_payload(items: tuple[EvidenceItem, ...]) -> dict[str, Any]:
    if not items:
        return {}
    from hubpolicy.core.foreign_policy import items_payload

    return {"evidence": items_payload(items)}


def _degeneration_payload(gate: DegenerationGate) -> dict[str, Any]:
    return {"minMeanPieces": gate.min_mean_pieces, "maxRepeated": gate.max_repeated}
