# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.toml`` to the resolved policy that is signed (``schemas/policy.v1.schema.json``).

Not on the hook's path. What the names in the file mean (plans, scorers, card profiles, rules) is
handed in as a :class:`Catalogue`; in the resolved policy they are digests.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

from hubpolicy.core.foreign_policy import resolve_items
from hubpolicy.core.plan import suite_gates
from hubpolicy.core.policy import (
    SEVERITIES,
    is_card_rule,
    is_waivable,
    parse_policy,
    policy_payload,
)
from hubpolicy.core.policy_measures import NO_PLAN, quantized_of, reference_of
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.toml_table import read_toml
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    CanaryGate,
    CardPolicy,
    DegenerationGate,
    Labelled,
    Policy,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
    ToxicityPolicy,
)
from hubpolicy.domain.statement import metric
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.core.reference import Calibration
    from hubpolicy.domain.evaluation import Plan


class CatalogueScorer(NamedTuple):
    """A scorer bundle that is at hand."""

    id: str
    tier: str
    sha256: str


class CatalogueProfile(NamedTuple):
    """A card profile and the rule ids that its check runs."""

    name: str
    schema_sha256: str
    rules: tuple[str, ...]


class Catalogue(NamedTuple):
    """What the names in a policy file can mean on this machine.

    ``fixed``: card rules that cannot be lowered, since without them the others judge nothing.
    """

    plans: tuple[Plan, ...]
    scorers: tuple[CatalogueScorer, ...]
    profiles: tuple[CatalogueProfile, ...]
    rules: tuple[tuple[str, Severity], ...]
    fixed: frozenset[str] = frozenset()
    references: tuple[Calibration, ...] = ()


_CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
    # JSON Schema takes 1.0 for an integer; a threshold of 1.0 is a typo.
    "integer", lambda _, value: type(value) is int,
)  # fmt: skip
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, type_checker=_CHECKER
)


def resolve(raw: bytes, schema: bytes, catalogue: Catalogue, *, where: str) -> bytes:
    """Policy file bytes to the payload that is signed.

    Raises:
        ConfigError: not TOML, not valid under the schema, or a name that means nothing here.

    """
    document = _document(raw, schema, where)
    payload = canonical(policy_payload(_policy(document, catalogue, where)))
    parse_policy(payload, where=where)
    return payload


def _document(raw: bytes, schema: bytes, where: str) -> dict[str, Any]:
    document = read_toml(raw, where=where)
    validator = _Validator(json.loads(schema), format_checker=jsonschema.FormatChecker())
    instance = json.loads(json.dumps(document, default=_plain))
    violation = jsonschema.exceptions.best_match(validator.iter_errors(instance))
    if violation is not None:
        place = ".".join(str(part) for part in violation.absolute_path) or "the top level"
        message = f"{violation.message[:300]}, at {place}, in {where}"
        raise ConfigError(message, hint="hubpolicy policy check")
    return document


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _policy(document: dict[str, Any], catalogue: Catalogue, where: str) -> Policy:
    targets = document.get("targets", {})
    files = document.get("files", {})
    rules = _rules(document.get("rules", {}), catalogue, where)
    silent = frozenset(setting.rule for setting in rules if setting.severity is Severity.OFF)
    _refuse_other_digest(document, catalogue, where)
    return Policy(
        id=document["id"],
        version=document["version"],
        expires=_date(document["expires"], where),
        mode=document.get("mode", "enforce"),
        namespaces=tuple(targets.get("namespaces", ())),
        workspaces=tuple(targets.get("workspaces", ())),
        weights=tuple(sorted(files.get("weights", ("gguf", "onnx", "safetensors")))),
        allowed_files=frozenset(files.get("allowed", ())),
        min_level=document.get("binding", {}).get("min_level", 4),
        card=_card(document.get("card", {}), catalogue, silent, where),
        toxicity=_toxicity(document["toxicity"], catalogue, where)._replace(
            templates=frozenset(
                pin.removeprefix("sha256:")
                for pin in document.get("binding", {}).get("serve_templates", ())
            )
        ),
        roles=_roles(document["roles"]),
        rules=rules,
        exempt=tuple(targets.get("exempt", ())),
        sha256="",
        observe_until=_observe_until(document, where),
        evidence=resolve_items(document.get("evidence", []), where),
        history=document.get("publish", {}).get("history", "all"),
    )


def _date(value: object, where: str, key: str = "expires") -> str:
    if type(value) is date:
        return value.isoformat()
    message = f"got {key} = {value!r}, expected a date such as 2027-06-30, in {where}"
    raise ConfigError(message)


def _observe_until(document: dict[str, Any], where: str) -> str:
    """The schema asks for it in mode ``observe``; ``parse_policy`` refuses it in any other."""
    if "observe_until" not in document:
        return ""
    return _date(document["observe_until"], where, "observe_until")


def _card(
    table: dict[str, Any], catalogue: Catalogue, silent: frozenset[str], where: str
) -> CardPolicy:
    """A rule that is off is not run, so no card line can name it."""
    name = table.get("profile", "baseline")
    for profile in catalogue.profiles:
        if profile.name == name:
            rules = tuple(rule for rule in profile.rules if rule not in silent)
            return CardPolicy(profile.name, profile.schema_sha256, rules)
    raise _unknown(name, "card profile", [p.name for p in catalogue.profiles], where)


def _toxicity(table: dict[str, Any], catalogue: Catalogue, where: str) -> ToxicityPolicy:
    plans = {plan.id: plan for plan in catalogue.plans}
    if table["plan"] not in plans:
        raise _unknown(table["plan"], "plan", list(plans), where)
    scorers = {scorer.id: scorer for scorer in catalogue.scorers}
    if table["scorer"] not in scorers:
        raise _unknown(table["scorer"], "scorer", list(scorers), where)
    plan, scorer = plans[table["plan"]], scorers[table["scorer"]]
    if table["require_tier"] == "detoxify" and scorer.tier == "screen":
        message = f"got scorer {scorer.id!r} of tier screen, expected tier detoxify, in {where}"
        raise ConfigError(message, hint='set another scorer, or require_tier = "screen"')
    small = quantized_of(table.get("quantized_plan", NO_PLAN), plan, plans, where)
    known = {calibration.name: calibration for calibration in catalogue.references}
    return ToxicityPolicy(
        plan=plan.id,
        plan_sha256=plan.sha256,
        opens_gate=plan.opens_gate,
        suites=_suites(plan, table.get("suite", []), where),
        canaries=CanaryGate(plan.canaries_sha256),
        require_tier=table["require_tier"],
        scorers=frozenset({scorer.sha256}),
        confidence=_decimal(table.get("confidence", "0.95")),
        max_age_days=table.get("max_age_days", 90),
        max_attempts=table.get("max_attempts", 2),
        records=table.get("records", "publish"),
        degeneration=_degeneration(plan, table.get("degeneration", {})),
        quantized=small,
        labelled=Labelled(**table["labelled"]) if "labelled" in table else None,
        reference=reference_of(table["reference"], plan, scorer.sha256, known, where)
        if "reference" in table
        else None,
    )


def _refuse_other_digest(document: dict[str, Any], catalogue: Catalogue, where: str) -> None:
    """What stands in ``[lock]`` is what is signed, or nothing is."""
    name = document["toxicity"]["scorer"]
    locked = document.get("lock", {}).get(name)
    for scorer in catalogue.scorers:
        if locked and scorer.id == name and locked != f"sha256:{scorer.sha256}":
            got, want = scorer.sha256[:12], locked.removeprefix("sha256:")[:12]
            message = f"got scorer {name!r} {got}, expected {want} as in [lock], in {where}"
            raise ConfigError(message, hint=f"hubpolicy scorer lock {name} --write, if it is right")


def _suites(plan: Plan, own: list[dict[str, Any]], where: str) -> tuple[SuiteGate, ...]:
    gates = {suite["id"]: suite["gate"] for suite in own}
    if len(gates) != len(own):
        message = f"got two [[toxicity.suite]] of one id, expected each once, in {where}"
        raise ConfigError(message)
    known = {suite.id: suite for suite in plan.suites}
    for name, gate in gates.items():
        if name not in known:
            raise _unknown(name, "suite", list(known), where)
        wanted = metric(known[name].kind, known[name].k)
        if gate["metric"] != wanted:
            message = f"got metric {gate['metric']!r}, expected {wanted!r}, for {name}, in {where}"
            raise ConfigError(message)
        if "difference_max" in gate and known[name].kind != "parity":
            message = f"got difference_max for {name}, expected it for parity alone, in {where}"
            raise ConfigError(message)
    return tuple(_own(suite, gates.get(suite.id, {})) for suite in suite_gates(plan))


def _own(suite: SuiteGate, gate: dict[str, Any]) -> SuiteGate:
    return suite._replace(
        upper_bound_max=_decimal(gate.get("upper_bound_max", suite.upper_bound_max)),
        difference_max=_decimal(gate.get("difference_max", suite.difference_max)),
        corrected_max=_decimal(gate.get("corrected_upper_bound_max", "")),
        reference_max=_decimal(gate.get("difference_to_reference_max", "")),
    )


def _degeneration(plan: Plan, own: dict[str, Any]) -> DegenerationGate | None:
    gate = plan.degeneration or (DegenerationGate() if own else None)
    if gate is None:
        return None
    return DegenerationGate(
        own.get("min_mean_pieces", gate.min_mean_pieces),
        _decimal(own.get("max_repeated", gate.max_repeated)),
    )


def _roles(table: dict[str, Any]) -> tuple[RoleRequirement, ...]:
    plain = [
        RoleRequirement(
            name, table[name]["threshold"], "manifest", table[name].get("distinct_from", "")
        )
        for name in ("releaser", "checker")
    ]
    approvers = [
        RoleRequirement(
            f"approver:{name}", role["threshold"], role["binds"], role.get("distinct_from", "")
        )
        for name, role in sorted(table.get("approver", {}).items())
    ]
    return (*plain, *approvers)


def _rules(table: dict[str, Any], catalogue: Catalogue, where: str) -> tuple[RuleSetting, ...]:
    defaults = dict(catalogue.rules)
    settings = []
    for name, own in sorted(table.items()):
        if name not in defaults:
            raise _unknown(name, "rule", sorted(defaults), where)
        default = defaults[name] if is_card_rule(name) else Severity.ERROR
        severity = SEVERITIES[own.get("severity", default.word)]
        if severity < default and (name in catalogue.fixed or not is_card_rule(name)):
            but = ", ".join(("HP101-HP119", *(f"not {rule}" for rule in sorted(catalogue.fixed))))
            message = (
                f"got severity {severity.word!r} for {name}, expected {default.word!r} or more: "
                f"only card rules ({but}) can be lowered, in {where}"
            )
            raise ConfigError(message)
        waivable = own.get("waivable", False)
        if waivable and not is_waivable(name):
            message = (
                f"got waivable = true for {name}, expected false: only bad answers about card "
                "and tests (HP101-HP119, HP122, HP203, HP207, HP214, HP215, HP219) can be waived, "
                f"in {where}"
            )
            raise ConfigError(message)
        settings.append(RuleSetting(name, severity, waivable))
    return tuple(settings)


def _decimal(value: object) -> str:
    """TOML's 2e-7 is a number as good as 0.0000002; the signed policy has one way to write it."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _unknown(name: str, kind: str, known: list[str], where: str) -> ConfigError:
    listed = ", ".join(known[:8]) + (" …" if len(known) > 8 else "")
    message = f"got {kind} {name!r}, expected one of {listed}, in {where}"
    return ConfigError(message)
