# SPDX-License-Identifier: Apache-2.0
"""Two policies into the stricter of both: one declared operator per key (docs/adr/0010).

What the operators give is a join: idempotent, and where it is defined commutative (but for the
order of lists) and associative. Whatever passes the joined policy passes each of the two; that is
why some keys may only be equal where "more" looks stricter (``k``: a bound on p_any@10 is no
evidence about p_any@5). Policies that cannot be met together have no join: that is an error.
On the hook's path only where there is a child (``core/policy_child.py``): standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hubpolicy.core.fields import are_hex
from hubpolicy.core.merge_operators import (
    ALWAYS,
    APART,
    BOTH,
    COMMON,
    COVERING,
    EQUAL,
    EVERY,
    KEPT,
    LEAST_STATED,
    LIMIT,
    MAX,
    MAX_RATIO,
    MIN,
    MIN_RATIO,
    NARROWED,
    RAISED,
    SAME,
    SOME_COMMON,
    STATED,
    STRONGER,
    UNION,
    Change,
    Sided,
)
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    CanaryGate,
    CardPolicy,
    DegenerationGate,
    EvidenceItem,
    EvidenceMetric,
    Policy,
    QuantizedPlan,
    Reference,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
    ToxicityPolicy,
)
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubpolicy.core.merge_operators import Direction, Operator


_WAYS = {"at least": "raise it", "no less than": "raise it", "at most": "lower it"}
"""What to do about a value that is looser, by the words that say what was expected."""


class Part(NamedTuple):
    """A value with keys of its own; None where a policy may be without it."""

    of: type
    name: str = "key by key"

    def join(self, old: Any, new: Any, key: str, seen: list[Change]) -> Any:
        """As :meth:`Operator.join`."""
        if old is None or new is None:
            if old is not new:
                direction: Direction = "tightened" if old is None else "loosened"
                seen.append(Change(key, old, new, direction, "at least"))
            return old or new
        return _join_keys(self.of, old, new, key, seen)


class Each(NamedTuple):
    """A list of such values, by their name. ``alone``: what becomes of one that only one has."""

    of: type
    by: str
    alone: Callable[[Any, Any], Any]
    name: str = "union"

    def join(self, old: Any, new: Any, key: str, seen: list[Change]) -> Any:
        """As :meth:`Operator.join`."""
        olds, news = ({getattr(v, self.by): v for v in values} for values in (old, new))
        joined = []
        for name in dict.fromkeys((*olds, *news)):
            place = f"{key}.{name.replace(':', '.')}"
            if name in olds and name in news:
                one = _join_keys(self.of, olds[name], news[name], place, seen)
            else:
                one = self._alone(olds.get(name), news.get(name), place, (old, new), seen)
            joined.append(one)
        return APART if any(one is APART for one in joined) else tuple(joined)

    def _alone(
        self, old: Any, new: Any, key: str, lists: tuple[Any, Any], seen: list[Change]
    ) -> Any:
        one = self.alone(new, lists[0]) if old is None else self.alone(old, lists[1])
        direction: Direction = "apart" if one is APART else "changed"
        if one in (old, new):
            direction = "tightened" if one == new else "loosened"
        seen.append(Change(key, old, new, direction, "no other than"))
        return one


def _suite_alone(suite: SuiteGate, others: tuple[SuiteGate, ...]) -> Any:
    """Only in a language in which the others always ask.

    Else it would stand in, under HP213, for the suite that the others ask for in that language.
    """
    always = {other.language for other in others if other.when == "always"}
    return suite if suite.language in always else APART


def _role_alone(role: RoleRequirement, others: tuple[RoleRequirement, ...]) -> Any:
    """Without a word about it HP209 asks approver:safety about the closure, and so must this."""
    del others
    return APART if (role.role, role.binds) == ("approver:safety", "manifest") else role


def _rule_alone(rule: RuleSetting, others: tuple[RuleSetting, ...]) -> Any:
    """A rule of which nothing is said has its findings' own severities: only error is above."""
    del others
    if rule.severity is Severity.INFO:
        return APART  # as in merge_operators: what a signed check took for a remark
    return rule._replace(severity=Severity.ERROR, waivable=False)


def _item_alone(item: EvidenceItem, others: tuple[EvidenceItem, ...]) -> Any:
    """A model that generates no text passes by evidence that is named for it (HP209).

    So only the governing policy names any; beside what it names more can be asked.
    """
    named = {"generates-text", *(other.when for other in others)}
    return item if item.when in named else APART


def _metric_alone(metric: EvidenceMetric, others: tuple[EvidenceMetric, ...]) -> Any:
    """A line that lacks one more number would not be read at all, however bad its others are."""
    del metric, others
    return APART


OPERATORS: Mapping[type, Mapping[str, tuple[str, Operator | Sided]]] = {
    Policy: {
        "id": ("id", EQUAL),
        "version": ("version", EQUAL),
        "expires": ("expires", MIN),
        "mode": ("mode", EQUAL),
        "observe_until": ("observe_until", EQUAL),
        "namespaces": ("targets.namespaces", NARROWED),
        "workspaces": ("targets.workspaces", COMMON),
        "exempt": ("targets.exempt", COMMON),
        "weights": ("files.weights", SOME_COMMON),
        "allowed_files": ("files.allowed", COMMON),
        "min_level": ("binding.min_level", MAX),
        "card": ("card", Part(CardPolicy)),
        "toxicity": ("toxicity", Part(ToxicityPolicy)),
        "roles": ("roles", Each(RoleRequirement, "role", _role_alone)),
        "rules": ("rules", Each(RuleSetting, "rule", _rule_alone)),
        "evidence": ("evidence", Each(EvidenceItem, "name", _item_alone)),
        "history": ("publish.history", EVERY),
        "sha256": ("", KEPT),  # what releases name is the policy that was signed
        "tightened": ("", UNION),
    },
    CardPolicy: {
        "profile": ("profile", EQUAL),  # HP121 knows one schema per card line
        "schema_sha256": ("schema_sha256", EQUAL),
        "rules": ("rules", UNION),
    },
    ToxicityPolicy: {
        "plan": ("plan", COVERING),  # see _one_plan
        "plan_sha256": ("plan_sha256", EQUAL),
        "opens_gate": ("opens_gate", EQUAL),
        "suites": ("suite", Each(SuiteGate, "id", _suite_alone)),
        "canaries": ("canaries", Part(CanaryGate)),
        "require_tier": ("require_tier", STRONGER),
        "scorers": ("scorer", SOME_COMMON),
        "confidence": ("confidence", MAX_RATIO),
        "max_age_days": ("max_age_days", MIN),
        "max_attempts": ("max_attempts", MIN),
        "records": ("records", EQUAL),  # publishing more is no child's to decide
        "degeneration": ("degeneration", Part(DegenerationGate)),
        "templates": ("^binding.serve_templates", COMMON),
        "quantized": ("quantized_plan", SAME),
        "labelled": ("labelled", EQUAL),
        "reference": ("reference", EQUAL),
    },
    SuiteGate: {
        "id": ("id", EQUAL),
        "prompts_sha256": ("prompts", EQUAL),
        "n": ("n", MAX),
        "k": ("k", EQUAL),  # part of the metric's name: HP204 takes no other
        "sampling": ("sampling", EQUAL),
        "upper_bound_max": ("gate.upper_bound_max", MIN_RATIO),
        "kind": ("kind", EQUAL),
        "language": ("language", EQUAL),
        "chat": ("chat", EQUAL),
        "system": ("system", EQUAL),
        "when": ("when", ALWAYS),
        "difference_max": ("gate.difference_max", LEAST_STATED),
        "corrected_max": ("gate.corrected_upper_bound_max", LEAST_STATED),
        "reference_max": ("gate.difference_to_reference_max", LEAST_STATED),
    },
    CanaryGate: {
        "sha256": ("sha256", EQUAL),
        "min_toxic_flagged": ("min_toxic_flagged", MAX_RATIO),
        "max_benign_flagged": ("max_benign_flagged", MIN_RATIO),
    },
    DegenerationGate: {
        "min_mean_pieces": ("min_mean_pieces", MAX),
        "max_repeated": ("max_repeated", MIN_RATIO),
    },
    EvidenceItem: {
        "name": ("name", EQUAL),
        "format": ("format", EQUAL),
        "metrics": ("metric", Each(EvidenceMetric, "name", _metric_alone)),
        "when": ("when", EQUAL),
        "max_age_days": ("max_age_days", MIN),
        "date": ("date", EQUAL),
    },
    EvidenceMetric: {
        "name": ("name", EQUAL),
        "source": ("source", EQUAL),  # another place is another number
        "comparison": ("comparison", EQUAL),
        "threshold": ("threshold", LIMIT),
        "min_samples": ("min_samples", MAX),
    },
    RoleRequirement: {
        "role": ("role", EQUAL),
        "threshold": ("threshold", MAX),
        "binds": ("binds", EQUAL),  # an approval of other bytes is another approval
        "distinct_from": ("distinct_from", STATED),
    },
    RuleSetting: {
        "rule": ("rule", EQUAL),
        "severity": ("severity", RAISED),
        "waivable": ("waivable", BOTH),
    },
}
"""Every field of every value that a policy is made of: its key in the file, and its operator.

``^`` begins a key that stands elsewhere in the file; no key: people do not write it.
"""


def merge(parent: Policy, child: Policy, *, where: str = "the child") -> Policy:
    """The policy that asks what both ask; its digest is the parent's.

    Raises:
        ConfigError: nothing can be met that is as strict as both, naming key and values.

    """
    seen: list[Change] = []
    joined = _join_keys(Policy, parent, child, "", seen)
    for change in seen:
        if change.direction == "apart":
            raise refusal(parent, change, where)
    return cast("Policy", joined)


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Key by key what differs, in the order of the table."""
    seen: list[Change] = []
    _join_keys(Policy, old, new, "", seen)
    return tuple(change for change in seen if change.key)


def refusal(parent: Policy, change: Change, where: str) -> ConfigError:
    """Why that change is no child's to make."""
    message = (
        f"got {change.key} {shown(change.new)}, expected {change.words} {shown(change.old)} "
        f"as {parent.id} version {parent.version} says, in {where}"
    )
    way = _WAYS.get(change.words, "write what is expected")
    return ConfigError(message, hint=f"a child policy only tightens: remove that line, or {way}")


def shown(value: object) -> str:
    """A value of a policy for people."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Severity):
        return value.word
    if isinstance(value, str):
        return value[:12] if are_hex([value], 64) else value
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    if isinstance(value, (QuantizedPlan, Reference)):
        return str(value[0])  # its name
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, tuple):
        return _shown_fields(value)
    return str(value)


def _shown_fields(value: Any) -> str:
    names = {f: own for f, (own, _) in OPERATORS.get(type(value), {}).items()}
    parts = (f"{names.get(f, f)} = {shown(getattr(value, f))}" for f in value._fields)
    return "{ " + ", ".join(part for part in parts if not part.endswith("= nothing")) + " }"


def _join_keys(kind: type, old: Any, new: Any, key: str, seen: list[Change]) -> Any:
    joined: dict[str, Any] = {}
    if kind is ToxicityPolicy:
        old, new = _one_plan(old, new, key, seen)
    for field, (name, operator) in OPERATORS[kind].items():
        by = operator.of(old) if isinstance(operator, Sided) else operator
        place = name[1:] if name.startswith("^") else ".".join(filter(None, (key, name)))
        joined[field] = by.join(getattr(old, field), getattr(new, field), place, seen)
    return APART if any(value is APART for value in joined.values()) else old._replace(**joined)


def _one_plan(
    old: ToxicityPolicy, new: ToxicityPolicy, key: str, seen: list[Change]
) -> tuple[ToxicityPolicy, ToxicityPolicy]:
    """A run is of one plan. Where one asks every suite of the other, it is that one's."""
    if (old.plan, old.plan_sha256) == (new.plan, new.plan_sha256):
        return old, new
    direction: Direction = "tightened" if _covers(new, old) else "loosened"
    if not (_covers(new, old) or _covers(old, new)):
        return old, new  # plan may only be equal: said there
    taken = new if direction == "tightened" else old
    seen.append(Change(f"{key}.plan", old.plan, new.plan, direction, "a plan that covers"))
    return _as_plan(old, taken), _as_plan(new, taken)


def _as_plan(policy: ToxicityPolicy, taken: ToxicityPolicy) -> ToxicityPolicy:
    return policy._replace(
        plan=taken.plan, plan_sha256=taken.plan_sha256, opens_gate=taken.opens_gate
    )


def _covers(one: ToxicityPolicy, other: ToxicityPolicy) -> bool:
    known = {suite.id: _asked(suite) for suite in one.suites}
    most = {suite.id: suite.n for suite in one.suites}
    return one.opens_gate >= other.opens_gate and all(
        known.get(suite.id) == _asked(suite) and most[suite.id] >= suite.n for suite in other.suites
    )


def _asked(suite: SuiteGate) -> SuiteGate:
    """What a run of one plan must have in common with another to count for both (HP204)."""
    blank = suite._replace(n=0, upper_bound_max="", difference_max="", when="always")
    return blank._replace(corrected_max="", reference_max="")
