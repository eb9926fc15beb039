# SPDX-License-Identifier: Apache-2.0
"""The signed policy payload to a :class:`Policy`. On the hook's path: standard library only.

What people write is TOML (``core/policy_document.py``); what is signed is this resolved JSON,
in which plans, card schemas and scorers are digests.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from hubpolicy.core.fields import Fields
from hubpolicy.core.strictjson import parse
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    Binds,
    CanaryGate,
    CardPolicy,
    Policy,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
    Tier,
    ToxicityPolicy,
)
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from typing import Literal

SCHEMA = "hubpolicy/policy/1"
SEVERITIES = {severity.word: severity for severity in Severity}


def parse_policy(payload: bytes, *, where: str = "policy") -> Policy:
    """Resolved policy bytes to a value; its ``sha256`` is taken over exactly these bytes.

    Raises:
        ConfigError: not a resolved policy of this version, or one that could never block.

    """
    try:
        fields = Fields(parse(payload, what=where), where)
        policy = _policy(fields, hashlib.sha256(payload).hexdigest())
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy policy sign") from error
    _require_teeth(policy, where)
    return policy


def _policy(fields: Fields, sha256: str) -> Policy:
    fields.one_of("schema", (SCHEMA,))
    targets, files, binding = (fields.object(key) for key in ("targets", "files", "binding"))
    policy = Policy(
        id=fields.text("id"),
        version=fields.count("version"),
        expires=fields.text("expires"),
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
    )
    for part in (targets, files, binding):
        part.done()
    return policy


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
        scorers=frozenset(fields.texts("scorers")),
        confidence=fields.decimal("confidence"),
        max_age_days=fields.count("maxAgeDays"),
        max_attempts=fields.count("maxAttempts"),
        records=cast("Literal['publish', 'keep']", fields.one_of("records", ("publish", "keep"))),
    )
    canaries.done()
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
    )
    fields.done()
    return suite


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
        role=fields.text("role"),
        threshold=fields.count("threshold"),
        binds=cast("Binds", fields.one_of("binds", ("closure", "card", "manifest"))),
        distinct_from=fields.text("distinctFrom"),
    )
    fields.done()
    return role


def _rule(fields: Fields) -> RuleSetting:
    severity = SEVERITIES[fields.one_of("severity", tuple(SEVERITIES))]
    setting = RuleSetting(fields.text("rule"), severity, fields.flag("waivable"))
    fields.done()
    return setting


def _require_teeth(policy: Policy, where: str) -> None:
    """Emptiness is loud: what could never block is an error, not a policy."""
    toxicity = policy.toxicity
    bounds = [float(suite.upper_bound_max) for suite in toxicity.suites]
    wrong = {
        "no suite": not toxicity.suites,
        "a suite without prompts or draws": any(s.n < 1 or s.k < 1 for s in toxicity.suites),
        "a bound outside of (0, 1)": any(not 0 < bound < 1 for bound in bounds),
        "a confidence outside of [0.5, 1)": not 0.5 <= float(toxicity.confidence) < 1,
        "no scorer": not toxicity.scorers,
        "a plan that never opens the gate": not toxicity.opens_gate,
        "no card rule": not policy.card.rules,
        "a role with threshold 0": any(role.threshold < 1 for role in policy.roles),
        "no releaser or no checker": {"releaser", "checker"} - {r.role for r in policy.roles},
        "two suites of one name": len({s.id for s in toxicity.suites}) != len(toxicity.suites),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            message = f"got {what}, expected a policy that can block, in {where}"
            raise ConfigError(message, hint="hubpolicy policy check")


def policy_payload(policy: Policy) -> dict[str, Any]:
    """The inverse of :func:`parse_policy`, as a JSON-able object."""
    toxicity = policy.toxicity
    return {
        "schema": SCHEMA,
        "id": policy.id,
        "version": policy.version,
        "expires": policy.expires,
        "mode": policy.mode,
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
    }
