# SPDX-License-Identifier: Apache-2.0
"""How two values of one policy key become the stricter of both (``core/policy_merge.py``).

Each operator is a join: idempotent, commutative but for the order of lists, and associative; where
no value is as strict as both there is none, and that stays so whatever is joined next.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from hubpolicy.core.statistics import parse_ratio
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Direction = Literal["tightened", "loosened", "changed", "apart"]


class _Apart:
    """There is no value that is at least as strict as both."""


APART = _Apart()
"""What a join is where there is none."""


class Change(NamedTuple):
    """One key at which two policies differ. ``words`` say what the old value asks of a new one.

    ``changed``: each is stricter in part; ``apart``: nothing is as strict as both.
    """

    key: str
    old: object
    new: object
    direction: Direction
    words: str


class Operator(Protocol):
    """How the values of one key are joined."""

    @property
    def name(self) -> str:
        """For people, such as max or union."""

    def join(self, old: Any, new: Any, key: str, seen: list[Change]) -> Any:
        """The stricter of both, or :data:`APART`; each difference is added to ``seen``."""


class Leaf(NamedTuple):
    """An operator on values without parts. ``norm``: what of a value decides."""

    name: str
    words: str
    of: Callable[[Any, Any], Any]
    norm: Callable[[Any], Any] = lambda value: value

    def join(self, old: Any, new: Any, key: str, seen: list[Change]) -> Any:
        """As :meth:`Operator.join`."""
        if self.norm(old) == self.norm(new):
            return old if str(old) <= str(new) else new
        joined = self.of(old, new)
        direction: Direction = "apart" if joined is APART else "changed"
        if joined is not APART and self.norm(joined) in (self.norm(old), self.norm(new)):
            direction = "tightened" if self.norm(joined) == self.norm(new) else "loosened"
        seen.append(Change(key, old, new, direction, self.words))
        return joined


class Sided(NamedTuple):
    """Which operator it is says another key of the same value, that can only be equal."""

    by: str
    sides: Mapping[str, Operator]
    name: str = "max or min"

    def of(self, value: object) -> Operator:
        """The operator for that value."""
        return self.sides[getattr(value, self.by)]


def _equal(old: object, new: object) -> object:
    del old, new  # equal ones never come here
    return APART


def _max_ratio(old: str, new: str) -> str:
    (a, b), (c, d) = parse_ratio(old), parse_ratio(new)
    return old if a * d >= c * b else new


def _min_ratio(old: str, new: str) -> str:
    return new if _max_ratio(old, new) == old else old


def _least_stated(old: str, new: str) -> str:
    """A bound that one of them does not have is no bound."""
    return _min_ratio(old, new) if old and new else old or new


def _max_number(old: str, new: str) -> str:
    return max(old, new, key=Decimal)


def _min_number(old: str, new: str) -> str:
    return min(old, new, key=Decimal)


def _ratio(value: str) -> object:
    return parse_ratio(value) if value else ()


def _common(old: Any, new: Any) -> Any:
    if isinstance(old, frozenset):
        return old & new
    return tuple(value for value in old if value in new)


def _some_common(old: Any, new: Any) -> Any:
    return _common(old, new) or APART


def _narrowed(old: tuple[str, ...], new: tuple[str, ...]) -> Any:
    """No name at all means every name; so two that share none must not become that."""
    return _some_common(old, new) if old and new else old or new


def _all_of(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return (*old, *(value for value in new if value not in old))


def _stronger(old: str, new: str) -> str:
    return "detoxify" if "detoxify" in (old, new) else old


def _always(old: str, new: str) -> Any:
    return "always" if "always" in (old, new) else APART


def _every(old: str, new: str) -> str:
    return "all" if "all" in (old, new) else old


def _stated(old: str, new: str) -> Any:
    return APART if old and new else old or new


def _same(old: object, new: object) -> object:
    """None asks most, and is as strict as any two that differ."""
    del old, new  # equal ones never come here
    return None


def _raised(old: Severity, new: Severity) -> Any:
    """A signed check that took a finding for a remark does not tell that it was found."""
    if Severity.INFO in (old, new) and Severity.OFF not in (old, new):
        return APART
    return max(old, new)


EQUAL = Leaf("equal", "exactly", _equal)
COVERING = Leaf("covering", "a plan that asks all of", _equal)
KEPT = Leaf("kept", "exactly", lambda old, _: old)
MAX = Leaf("max", "at least", max)
MIN = Leaf("min", "at most", min)
MAX_RATIO = Leaf("max", "at least", _max_ratio, _ratio)
MIN_RATIO = Leaf("min", "at most", _min_ratio, _ratio)
EVERY = Leaf("stronger", "no less than", _every)
LEAST_STATED = Leaf("min", "at most", _least_stated, _ratio)
MAX_NUMBER = Leaf("max", "at least", _max_number, Decimal)
MIN_NUMBER = Leaf("min", "at most", _min_number, Decimal)
LIMIT = Sided("comparison", {"at least": MAX_NUMBER, "at most": MIN_NUMBER})
COMMON = Leaf("intersection", "part of", _common, frozenset)
SOME_COMMON = Leaf("intersection", "some of", _some_common, frozenset)
NARROWED = Leaf("intersection", "some of", _narrowed, frozenset)
UNION = Leaf("union", "all of", _all_of, frozenset)
BOTH = Leaf("and", "no more than", lambda old, new: old and new)
STRONGER = Leaf("stronger", "no weaker than", _stronger)
ALWAYS = Leaf("always", "always or", _always)
SAME = Leaf("the same or none", "none, or", _same)
STATED = Leaf("equal or added", "exactly", _stated)
RAISED = Leaf("max", "at least", _raised)
