# SPDX-License-Identifier: Apache-2.0
"""What a policy may add about toxicity: a plan for quantisations, the scorer's misses, a reference.

From ``hubpolicy.toml``, from and to what is signed, and from a child. Few policies have any of it,
and only there it is on the hook's path: standard library. What a calibration's file looks like is
the business of ``core/reference.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.core.side_bounds import refuse_labelled
from hubpolicy.core.statistics import parse_ratio
from hubpolicy.domain.policy import Labelled, QuantizedPlan, Reference, ReferenceCounts
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.fields import Fields
    from hubpolicy.core.reference import Calibration
    from hubpolicy.core.toml_table import TomlTable
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import SuiteGate, ToxicityPolicy

NO_PLAN = "none"
"""What a child says that lets no quantisation have a smaller plan."""


def parse_measures(
    fields: Fields, policy: ToxicityPolicy, suite_of: Callable[[Fields], SuiteGate]
) -> ToxicityPolicy:
    """The policy with what its signed form adds.

    Raises:
        MalformedError: other fields or types.

    """
    if fields.has("quantizedPlan"):
        part = fields.object("quantizedPlan")
        suites = tuple(suite_of(item) for item in part.objects("suites"))
        plan = QuantizedPlan(part.words("plan"), part.hexdigest("planSha256"), suites)
        policy = policy._replace(quantized=plan)
        part.done()
    if fields.has("labelled"):
        part = fields.object("labelled")
        counts = (part.count(key) for key in ("toxic", "toxicFlagged", "benign", "benignFlagged"))
        policy = policy._replace(labelled=Labelled(*counts))
        part.done()
    if fields.has("reference"):
        policy = policy._replace(reference=_reference(fields.object("reference")))
    return policy


def _reference(fields: Fields) -> Reference:
    suites = []
    for item in fields.objects("suites"):
        n = item.count("n", low=1)
        hits = item.count("hits", high=n)
        imputed = item.count("imputed", high=hits)
        suites.append(ReferenceCounts(item.words("id"), n, hits, imputed))
        item.done()
    reference = Reference(
        fields.words("name"),
        fields.hexdigest("sha256"),
        fields.hexdigest("closure"),
        tuple(suites),
    )
    fields.done()
    return reference


def measures_payload(
    policy: ToxicityPolicy, payload_of: Callable[[SuiteGate], dict[str, Any]]
) -> dict[str, Any]:
    """The inverse of :func:`parse_measures`."""
    made: dict[str, Any] = {}
    if policy.quantized is not None:
        made["quantizedPlan"] = {
            "plan": policy.quantized.plan,
            "planSha256": policy.quantized.plan_sha256,
            "suites": [payload_of(suite) for suite in policy.quantized.suites],
        }
    if policy.labelled is not None:
        errs = policy.labelled
        made["labelled"] = {
            "toxic": errs.toxic,
            "toxicFlagged": errs.toxic_flagged,
            "benign": errs.benign,
            "benignFlagged": errs.benign_flagged,
        }
    if policy.reference is not None:
        made["reference"] = {
            "name": policy.reference.name,
            "sha256": policy.reference.sha256,
            "closure": policy.reference.closure,
            "suites": [
                {"id": one.suite, "n": one.n, "hits": one.hits, "imputed": one.imputed}
                for one in policy.reference.suites
            ],
        }
    return made


def toothless(policy: ToxicityPolicy) -> str:
    """Why what was added could never block, or ""; see ``core/policy.py``.

    Raises:
        MalformedError: decimals or counts out of range.

    """
    small = policy.quantized.suites if policy.quantized is not None else ()
    bounds = [suite.upper_bound_max for suite in small]
    bounds += [suite.difference_max for suite in small if suite.kind == "parity"]
    sides = [(s, limit) for s in policy.suites for limit in (s.corrected_max, s.reference_max)]
    bounds += [limit for _, limit in sides if limit]
    ids = [suite.id for suite in small]
    reference = policy.reference
    if policy.labelled is not None:
        refuse_labelled(policy.labelled)
    compared = [suite.id for suite in policy.suites if suite.reference_max]
    wrong = {
        "a plan for quantisations without a suite of toxic answers for every model": (
            policy.quantized is not None
            and not any(s.when == "always" and s.kind == "toxicity" for s in small)
        ),
        "a plan for quantisations with a suite without prompts or draws": any(
            s.n < 1 or s.k < 1 for s in small
        ),
        "a plan for quantisations with two suites of one name": len(set(ids)) != len(ids),
        "a second bound outside of (0, 1)": not all(map(_is_share, bounds)),
        "a second bound for a suite that has none": any(
            limit and suite.kind != "toxicity" for suite, limit in sides
        ),
        "a bound on what the scorer misses without [toxicity.labelled]": (
            policy.labelled is None and any(suite.corrected_max for suite in policy.suites)
        ),
        "a difference to a reference that was not asked that suite": any(
            reference is None or reference.of(name) is None for name in compared
        ),
    }
    return next((what for what, is_wrong in wrong.items() if is_wrong), "")


def _is_share(text: str) -> bool:
    over, under = parse_ratio(text)
    return 0 < over < under


def quantized_of(name: str, plan: Plan, plans: dict[str, Plan], where: str) -> QuantizedPlan | None:
    """The smaller plan that a policy file names, beside its ``plan``.

    Raises:
        ConfigError: it is none, never opens the gate, is not smaller, or has other controls.

    """
    from hubpolicy.core.plan import suite_gates

    if name == NO_PLAN:
        return None
    small = plans.get(name)
    expected = ""
    if small is None:
        expected = f"one of {', '.join(plans)}, or {NO_PLAN}"
    elif not small.opens_gate:
        expected = "a plan that may open the gate"
    elif _samples(small) >= _samples(plan):
        expected = f"fewer samples than the {_samples(plan)} of {plan.id!r}"
    elif small.canaries_sha256 != plan.canaries_sha256:
        expected = f"the control texts of {plan.id!r}"
    if small is None or expected:
        message = f"got quantized_plan {name!r}, expected {expected}, in {where}"
        raise ConfigError(message)
    return QuantizedPlan(small.id, small.sha256, suite_gates(small))


def _samples(plan: Plan) -> int:
    return sum(suite.n * suite.k for suite in plan.suites)


def claimed(had: ToxicityPolicy, table: TomlTable) -> ToxicityPolicy:
    """What a child says: no plan for quantisations, or what the governing policy says anyway."""
    small, reference = had.quantized, had.reference
    known = tuple(dict.fromkeys((small.plan if small else NO_PLAN, NO_PLAN)))
    if table.one_of("quantized_plan", known, known[0]) == NO_PLAN:
        small = None
    name = reference.name if reference is not None else ""
    if table.text("reference", name) != name:
        table.refuse("reference", f"{name!r}, as the governing policy says" if name else "none")
    return had._replace(quantized=small, labelled=_labelled(had.labelled, table.table("labelled")))


def _labelled(had: Labelled | None, table: TomlTable) -> Labelled | None:
    if had is None and not table.names():
        return None
    before = had or Labelled(0, 0, 0, 0)
    stated = Labelled(*(table.count(key, value) for key, value in before._asdict().items()))
    table.done()
    return stated


def refuse_unknown(suite: SuiteGate, policy: ToxicityPolicy, table: TomlTable) -> None:
    """A child's second bound, of which nothing is known, would make every release impossible."""
    reference = policy.reference
    if suite.corrected_max and policy.labelled is None:
        table.refuse("corrected_upper_bound_max", "none: the policy has no [toxicity.labelled]")
    if suite.reference_max and (reference is None or reference.of(suite.id) is None):
        table.refuse("difference_to_reference_max", "none: no reference was asked that suite")


def reference_of(
    name: str, plan: Plan, scorer_sha256: str, known: dict[str, Calibration], where: str
) -> Reference:
    """The calibration that a policy file names, if it is of this plan and scorer.

    Raises:
        ConfigError: there is none, or it was made with others.

    """
    found = known.get(name)
    if found is None:
        listed = ", ".join(known) or "none: hubpolicy calibrate makes one"
        message = f"got reference {name!r}, expected one of {listed}, in {where}"
        raise ConfigError(message)
    for what, got, wanted in (
        ("plan", found.plan_sha256, plan.sha256),
        ("scorer", found.scorer_sha256, scorer_sha256),
    ):
        if got != wanted:
            message = (
                f"got reference {name!r} of {what} {got[:12]}, expected {wanted[:12]} as the "
                f"policy's, in {where}"
            )
            raise ConfigError(message, hint=f"hubpolicy calibrate PATH --name {name}")
    return found.reference
