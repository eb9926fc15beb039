# SPDX-License-Identifier: Apache-2.0
"""Child policies: a ``hubpolicy.toml`` beside what is judged, a ``-c`` file. They only tighten.

A child says ``schema`` and the keys that it makes stricter. Each is compared with the governing
policy alone, so that neither order nor number of children matters; what is looser, or neither, is
an error that names both values. The digest, and who may sign, stay the governing policy's
(docs/adr/0010). Standard library only, and imported only where there is a child: the hook's path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast, get_args

from hubpolicy.core.merge_operators import LEAST_STATED, MIN_RATIO
from hubpolicy.core.policy import SCHEMA, SEVERITIES
from hubpolicy.core.policy_measures import claimed, refuse_unknown
from hubpolicy.core.policy_merge import changes, merge, refusal, shown
from hubpolicy.core.toml_table import TomlTable, parse_toml
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    CHILD_LIMIT,
    Asked,
    DegenerationGate,
    History,
    RoleRequirement,
    RuleSetting,
    Tightening,
)
from hubpolicy.domain.statement import EvidenceFormat
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import (
        CardPolicy,
        EvidenceItem,
        Policy,
        SuiteGate,
        Tier,
        ToxicityPolicy,
    )

_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_BINDS = ("closure", "card", "manifest")


class ChildFile(NamedTuple):
    """A child as it was read. ``where`` names it in messages and reports."""

    where: str
    content: bytes


class Names(Protocol):
    """What the names in a child mean on this machine. Asked only for names that differ."""

    def plan(self, name: str) -> Plan:
        """The plan of that id.

        Raises:
            ConfigError: there is none.

        """

    def scorer(self, name: str) -> str:
        """Hex digest of the scorer bundle of that id.

        Raises:
            ConfigError: there is none.

        """

    def rules(self) -> frozenset[str]:
        """The ids of all rules."""


class Claim(NamedTuple):
    """What a child asks for: the governing policy with the child's values in place of its own.

    ``places``: keys of list items to the tables in which they stand, for messages.
    """

    policy: Policy
    document: TomlTable
    places: dict[str, tuple[str, ...]]


def tighten(parent: Policy, children: Iterable[ChildFile], names: Names) -> Policy:
    """The governing policy with everything that its children make stricter.

    Raises:
        ConfigError: a child that is malformed, looser in any key, or not to be met together with
            another; with file, line, key and both values.

    """
    tightened = parent
    for child in children:
        claim = _claim(parent, child, names)
        found = tuple(_accepted(parent, claim, child.where))
        both = merge(tightened, claim.policy, where=child.where)
        tightened = both._replace(tightened=(*tightened.tightened, *found))
    return tightened


def _accepted(parent: Policy, claim: Claim, where: str) -> Iterable[Tightening]:
    for change in changes(parent, claim.policy):
        if change.direction != "tightened":
            path = _place(change.key, claim.places)
            raise refusal(parent, change, claim.document.line(path))
        yield Tightening(change.key, shown(change.old), shown(change.new), where)


def _place(key: str, places: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    for start, path in places.items():
        if key == start or key.startswith(f"{start}."):
            return (*path, *filter(None, key.removeprefix(start).split(".")))
    return tuple(key.split("."))


def opened(child: ChildFile) -> TomlTable:
    """Its table, where it is a policy at all. Its keys are known beside a governing policy only.

    Raises:
        ConfigError: it is no TOML, or of another schema.

    """
    top = parse_toml(child.content, where=child.where, limit=CHILD_LIMIT)
    if "schema" not in top:
        top.refuse("schema", f'"{SCHEMA}"')
    top.one_of("schema", (SCHEMA,), "")
    return top


def _claim(parent: Policy, child: ChildFile, names: Names) -> Claim:
    top = opened(child)
    targets, files, binding, publish = (
        top.table(key) for key in ("targets", "files", "binding", "publish")
    )
    places: dict[str, tuple[str, ...]] = {}
    rules = _rules(parent, top.table("rules"), names)
    policy = parent._replace(
        id=top.text("id", parent.id),
        version=top.count("version", parent.version, low=1),
        expires=top.day("expires", parent.expires),
        mode=cast("Any", top.one_of("mode", ("enforce", "observe"), parent.mode)),
        observe_until=top.day("observe_until", parent.observe_until),
        namespaces=targets.texts("namespaces", parent.namespaces),
        workspaces=targets.texts("workspaces", parent.workspaces),
        exempt=targets.texts("exempt", parent.exempt),
        weights=files.texts("weights", parent.weights),
        allowed_files=frozenset(files.texts("allowed", tuple(parent.allowed_files))),
        min_level=binding.count("min_level", parent.min_level, high=4),
        card=_card(parent, top.table("card"), rules),
        toxicity=_toxicity(parent, top, binding, names, places),
        roles=_roles(parent, top.table("roles")),
        rules=rules,
        evidence=_evidence(parent, top, places),
        history=cast("Any", publish.one_of("history", get_args(History), parent.history)),
    )
    for part in (targets, files, binding, publish, top):
        part.done()
    return Claim(policy, top, places)


def _card(parent: Policy, table: TomlTable, rules: tuple[RuleSetting, ...]) -> CardPolicy:
    """A rule that was off and is no more has to be in the signed check from now on."""
    card = parent.card._replace(profile=table.text("profile", parent.card.profile))
    table.done()
    silent = {s.rule for s in parent.rules if s.severity is Severity.OFF}
    woken = [s.rule for s in rules if s.rule in silent and s.severity is not Severity.OFF]
    return card._replace(rules=(*card.rules, *woken))


def _rules(parent: Policy, table: TomlTable, names: Names) -> tuple[RuleSetting, ...]:
    settings = {setting.rule: setting for setting in parent.rules}
    known = names.rules() if table.names() else frozenset[str]()
    for rule in table.names():
        if rule not in known:
            table.fail(rule, f"got rule {rule!r}, expected one that `hubpolicy rule --all` lists")
        own = table.table(rule)
        had = settings.get(rule)
        severity = own.one_of("severity", tuple(SEVERITIES), had.severity.word if had else "")
        waivable = own.flag("waivable", absent=had.waivable if had else False)
        own.done()
        if severity or waivable:
            settings[rule] = RuleSetting(rule, SEVERITIES[severity or "error"], waivable)
    return tuple(settings.values())


def _roles(parent: Policy, table: TomlTable) -> tuple[RoleRequirement, ...]:
    roles = {role.role: role for role in parent.roles}
    for name in ("releaser", "checker"):
        if name in table:
            roles[name] = _role(table.table(name), roles[name])
    approvers = table.table("approver")
    for name in approvers.names():
        if not _ROLE.fullmatch(name):
            approvers.fail(name, f"got role {name!r}, expected a name in lower case")
        own, role = approvers.table(name), f"approver:{name}"
        had = roles.get(role)
        if had is None and not ("binds" in own and "threshold" in own):
            own.fail("binds", f"got a role {name!r} of its own, expected threshold and binds")
        before = had or RoleRequirement(role, 1)
        binds = own.one_of("binds", _BINDS, before.binds)
        roles[role] = _role(own, before._replace(binds=cast("Any", binds)))
    table.done()
    return tuple(roles.values())


def _role(table: TomlTable, before: RoleRequirement) -> RoleRequirement:
    others = tuple({"releaser", "checker"} - {before.role})
    role = before._replace(
        threshold=table.count("threshold", before.threshold, low=1, high=100),
        distinct_from=table.one_of("distinct_from", others, before.distinct_from),
    )
    table.done()
    return role


def _toxicity(
    parent: Policy,
    top: TomlTable,
    binding: TomlTable,
    names: Names,
    places: dict[str, tuple[str, ...]],
) -> ToxicityPolicy:
    table, had = top.table("toxicity"), parent.toxicity
    planned = claimed(_planned(had, table, names), table)
    toxicity = planned._replace(
        suites=_suites(planned, table, places),
        require_tier=cast(
            "Tier", table.one_of("require_tier", ("screen", "detoxify"), had.require_tier)
        ),
        scorers=_scorers(had, table, top.table("lock"), names),
        confidence=table.share("confidence", had.confidence, above="0.5"),
        max_age_days=table.count("max_age_days", had.max_age_days, low=1),
        max_attempts=table.count("max_attempts", had.max_attempts, low=1),
        records=cast("Any", table.one_of("records", ("publish", "keep"), had.records)),
        degeneration=_degeneration(had, table.table("degeneration")),
        templates=_templates(had, binding),
    )
    table.done()
    return toxicity


def _planned(had: ToxicityPolicy, table: TomlTable, names: Names) -> ToxicityPolicy:
    """Another plan brings its suites; bounds of those that were asked before do not get looser."""
    from hubpolicy.core.plan import suite_gates

    name = table.text("plan", had.plan)
    if name == had.plan:
        return had
    try:
        plan = names.plan(name)
    except ConfigError as error:
        table.fail("plan", error.message)
    before = {suite.id: suite for suite in had.suites}
    return had._replace(
        plan=plan.id,
        plan_sha256=plan.sha256,
        opens_gate=plan.opens_gate,
        canaries=had.canaries._replace(sha256=plan.canaries_sha256),
        suites=tuple(_bounded(suite, before.get(suite.id)) for suite in suite_gates(plan)),
    )


def _bounded(suite: SuiteGate, before: SuiteGate | None) -> SuiteGate:
    if before is None:
        return suite
    return suite._replace(
        upper_bound_max=MIN_RATIO.of(before.upper_bound_max, suite.upper_bound_max),
        difference_max=LEAST_STATED.of(before.difference_max, suite.difference_max),
    )


def _suites(
    planned: ToxicityPolicy, table: TomlTable, places: dict[str, tuple[str, ...]]
) -> tuple[SuiteGate, ...]:
    suites = {suite.id: suite for suite in planned.suites}
    for own in table.tables("suite"):
        name = own.text("id", "")
        key = f"toxicity.suite.{name}"
        if name not in suites:
            own.refuse("id", f"a suite of plan {planned.plan}: {', '.join(suites)}")
        if key in places:
            own.refuse("id", "each suite once")
        places[key] = own.path
        suites[name] = _gated(suites[name], own.table("gate"), planned)
        own.done()
    return tuple(suites.values())


def _gated(suite: SuiteGate, gate: TomlTable, planned: ToxicityPolicy) -> SuiteGate:
    gate.one_of("metric", (suite.metric,), suite.metric)
    if suite.kind != "parity" and "difference_max" in gate:
        gate.refuse("difference_max", "none: only parity suites compare groups")
    gated = suite._replace(
        upper_bound_max=gate.share("upper_bound_max", suite.upper_bound_max),
        difference_max=gate.share("difference_max", suite.difference_max),
        corrected_max=gate.share("corrected_upper_bound_max", suite.corrected_max),
        reference_max=gate.share("difference_to_reference_max", suite.reference_max),
    )
    refuse_unknown(gated, planned, gate)
    gate.done()
    return gated


def _scorers(
    had: ToxicityPolicy, table: TomlTable, lock: TomlTable, names: Names
) -> frozenset[str]:
    name = table.text("scorer", "")
    stated = {_locked(lock, key) for key in lock.names()}
    try:
        stated |= {names.scorer(name)} if name else set()
    except ConfigError as error:
        table.fail("scorer", error.message)
    return frozenset(stated) or had.scorers


def _locked(lock: TomlTable, key: str) -> str:
    digest = lock.text(key, "")
    if not _SHA256.fullmatch(digest):
        lock.refuse(key, "sha256: and 64 lower-case hex digits")
    return digest.removeprefix("sha256:")


def _templates(had: ToxicityPolicy, binding: TomlTable) -> frozenset[str]:
    pins = binding.texts("serve_templates", tuple(f"sha256:{pin}" for pin in had.templates))
    if not all(_SHA256.fullmatch(pin) for pin in pins):
        binding.refuse("serve_templates", "sha256: and 64 lower-case hex digits each")
    return frozenset(pin.removeprefix("sha256:") for pin in pins)


def _degeneration(had: ToxicityPolicy, table: TomlTable) -> DegenerationGate | None:
    if had.degeneration is None and not table.names():
        return None
    before = had.degeneration or DegenerationGate()
    gate = DegenerationGate(
        table.count("min_mean_pieces", before.min_mean_pieces, low=1),
        table.share("max_repeated", before.max_repeated),
    )
    table.done()
    return gate


def _evidence(
    parent: Policy, top: TomlTable, places: dict[str, tuple[str, ...]]
) -> tuple[EvidenceItem, ...]:
    """Items are written whole, as in the governing policy; those it has keep its others."""
    if "evidence" not in top:
        return parent.evidence
    had = {item.name: item for item in parent.evidence}
    for table in top.tables("evidence"):
        item = _item(table)
        if f"evidence.{item.name}" in places:
            table.refuse("name", "each item once")
        places[f"evidence.{item.name}"] = table.path
        had[item.name] = item
    return tuple(sorted(had.values()))


def _item(table: TomlTable) -> EvidenceItem:
    from hubpolicy.core.foreign_policy import resolve_items

    row: dict[str, Any] = {
        "name": table.text("name", ""),
        "format": table.one_of("format", get_args(EvidenceFormat), ""),
        "when": table.one_of("when", get_args(Asked), "always"),
        "max_age_days": table.count("max_age_days", 90, low=1),
        "metric": [_metric(metric) for metric in table.tables("metric")],
        **({"date": table.text("date", "")} if "date" in table else {}),
    }
    table.one_of("binds", ("closure",), "closure")
    for key in ("name", "format", "metric"):
        if not row[key]:
            table.refuse(key, "something: an item of [[evidence]] is written whole")
    table.done()
    return resolve_items([row], table.line(table.path))[0]


def _metric(table: TomlTable) -> dict[str, Any]:
    row: dict[str, Any] = {"name": table.text("name", "")}
    if not row["name"]:
        table.refuse("name", "a name such as score")
    for key in table.names():
        if key in {"at_least", "at_most"}:
            row[key] = table.number(key)
        elif key == "min_samples":
            row[key] = table.count(key, 0)
        else:
            row[key] = table.text(key, "")
    return row
