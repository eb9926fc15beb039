# SPDX-License-Identifier: Apache-2.0
"""What another policy would mean: key by key, and for releases that were made under the old one.

A release line names the policy's digest, so every change takes a new one; everything else that a
release needs again follows from the key that changed. Whether a release has it already is what
:func:`needs_of` says, from its evidence judged under the new policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from hubpolicy.core.policy_merge import changes, shown
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.merge_operators import Change, Direction
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.policy import Policy

Need = Literal["signature", "recount", "approval", "card", "evidence", "bytes", "run"]
"""What a release may need again, the cheapest first."""

NEEDS: tuple[tuple[str, Need], ...] = (
    ("roles.approver", "approval"),
    ("roles.checker", "run"),
    ("roles.releaser", "signature"),
    ("card", "card"),
    ("rules.HP1", "card"),
    ("rules", "recount"),
    ("evidence", "evidence"),
    ("files", "bytes"),
    ("binding", "run"),
    ("toxicity.confidence", "recount"),
    ("toxicity.max_age_days", "recount"),
    ("toxicity.max_attempts", "recount"),
    ("toxicity.degeneration", "recount"),
    ("toxicity.records", "signature"),
    ("toxicity.labelled", "recount"),
    ("toxicity.reference", "recount"),
    ("toxicity", "run"),
    ("", "signature"),
)
"""Start of a key, and what its tightening asks of a release; the first that fits."""

_BOUNDS = (
    ".upper_bound_max",
    ".difference_max",
    ".corrected_upper_bound_max",
    ".difference_to_reference_max",
)
"""Limits of suites: runs are judged anew by them, from the counts that were signed."""

WORDS: dict[Need, str] = {
    "signature": "a new release line: hubpolicy attest PATH",
    "recount": "nothing else where the signed counts hold; where they do not, no release",
    "approval": "approvals: hubpolicy approve PATH --as ROLE",
    "card": "a new card check, which hubpolicy attest PATH makes",
    "evidence": "third-party evidence again: hubpolicy attest PATH --evidence NAME=FILE",
    "bytes": "files that are no longer allowed have to go, or be converted",
    "run": "a new run where the last one does not cover it: hubpolicy test PATH",
}

_RULES: tuple[tuple[str, Need], ...] = (
    ("HP1", "card"),
    ("HP218", "evidence"),
    ("HP219", "evidence"),
    ("HP2", "run"),
    ("HP309", "signature"),
    ("HP301", "signature"),
    ("HP307", "signature"),
    ("HP308", "signature"),
    ("HP310", "signature"),
    ("HP32", "approval"),
    ("HP4", "bytes"),
)
"""Start of a rule's id, and what mends it."""


class Consequence(NamedTuple):
    """One key that differs, both values as they are shown, and what follows for releases."""

    key: str
    old: str
    new: str
    direction: Direction
    need: Need


class Standing(NamedTuple):
    """One release under the new policy. ``held``: it passed the old one.

    ``needs`` are in the order of :data:`Need`; ``others`` are rules that nothing listed there
    mends, ``findings`` everything that keeps it from passing but the release line.
    """

    held: bool
    needs: tuple[Need, ...]
    others: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """For people: valid, or what is needed most."""
        if self.others:
            return "blocked"
        if not self.needs:
            return "valid"
        return self.needs[-1]


def diff(old: Policy, new: Policy) -> tuple[Consequence, ...]:
    """Key by key, in the order of the file."""
    return tuple(_consequence(change) for change in changes(old, new))


def _consequence(change: Change) -> Consequence:
    need: Need = "signature"
    if change.direction != "loosened":
        need = next(need for start, need in NEEDS if _starts(change.key, start))
    if need == "run" and change.key.endswith(_BOUNDS):
        need = "recount"
    direction = "changed" if change.direction == "apart" else change.direction
    return Consequence(change.key, shown(change.old), shown(change.new), direction, need)


def _starts(key: str, start: str) -> bool:
    return not start or key == start or key.startswith((f"{start}.", start))


def needs(found: Iterable[Consequence]) -> tuple[Need, ...]:
    """What releases may need, the cheapest first; a release line always, if anything changed."""
    wanted = {one.need for one in found}
    return tuple(need for need in get_args(Need) if need in wanted | _signed(wanted))


def _signed(wanted: set[Need]) -> set[Need]:
    return {"signature"} if wanted else set()


def needs_of(findings: Iterable[Finding], *, held: bool) -> Standing:
    """What one release needs under the new policy, from the findings of its judgement."""
    errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
    mended = {finding: _need(finding) for finding in errors}
    wanted: set[Need] = {need for need in mended.values() if need is not None}
    wanted |= _signed(wanted)
    return Standing(
        held=held,
        needs=tuple(need for need in get_args(Need) if need in wanted),
        others=tuple(sorted({finding.rule for finding, need in mended.items() if need is None})),
        findings=tuple(finding for finding, need in mended.items() if need != "signature"),
    )


def _need(finding: Finding) -> Need | None:
    """What would mend it. A bad answer is mended by another model, not by another run."""
    need = next((need for start, need in _RULES if finding.rule.startswith(start)), None)
    return None if need in {"run", "evidence"} and finding.effect == "failed" else need
