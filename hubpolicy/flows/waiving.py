# SPDX-License-Identifier: Apache-2.0
"""The ``waive`` trip: one signed line that forgives one rule, for these bytes, until a day.

Nothing is forgiven here: the judge decides whether the waiver holds (HP710), and shows it on
every screen. What the rule found must stand there, so that nobody signs in advance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.judge import INPUTS, judge
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.lines import select
from hubpolicy.core.rules.hp710 import refusal
from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.core.statements import waiver_statement
from hubpolicy.core.verify import APPROVER_PREFIX
from hubpolicy.domain.statement import CardResult, ReleaseSummary, Waiver
from hubpolicy.errors import AccessError, ConfigError
from hubpolicy.flows.kept import Line, Revised, evidence_of, parse_lines, release_file, sign

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Finding
    from hubpolicy.flows.attesting import Assemble
    from hubpolicy.flows.kept import Desk
    from hubpolicy.ports import EvidenceWriter, ReleaseReader


class Wish(NamedTuple):
    """Which rule, until which day (ISO date, the last on which it holds), and why."""

    rule: str
    until: str
    reason: str


class Waived(NamedTuple):
    """A waiver that would hold: what it forgives, and everything as the judge will see it."""

    findings: tuple[Finding, ...]
    evidence: Evidence
    content: bytes


def draft_waiver(reader: ReleaseReader, wish: Wish, desk: Desk, assemble: Assemble) -> Waived:
    """Sign the waiver in memory and let the judge look at it; nothing is written.

    Raises:
        ConfigError: the waiver would not hold, with the judge's reason, or there is nothing to
            forgive.
        AccessError: the key at hand is not an approver's.

    """
    now = desk.clock.now()
    files = reader.evidence_files()
    before = assemble(reader, None, desk.policy, desk.trust, now)
    found = forgivable(before, wish.rule)
    if not found:
        message = f"got nothing to waive: {wish.rule} finds nothing in this evidence"
        hint = "hubpolicy attest PATH makes the evidence and says which rules fail"
        raise ConfigError(message, hint=hint)
    line = _signed(reader, wish, desk, now)
    kept = [
        item
        for item in parse_lines(files, desk.trust, now)
        if not isinstance(item.line.predicate, ReleaseSummary) and not _same_waiver(item, line)
    ]
    content = release_file([*kept, line])
    others = {file.path: file.content for file in files if file.path != RELEASE_FILE}
    revised = Revised(reader, evidence_of({**others, RELEASE_FILE: content}))
    after = assemble(revised, None, desk.policy, desk.trust, now)
    waiver = line.line.predicate
    reason = refusal(after, line.line, waiver) if isinstance(waiver, Waiver) else "is none"
    if reason:
        message = f"the waiver of {wish.rule} {reason}"
        raise ConfigError(message, hint="hubpolicy policy explain says what the policy allows")
    return Waived(found, after, content)


def write_waiver(waived: Waived, writer: EvidenceWriter) -> None:
    """Put the line among the others. The release line goes: it does not name the waiver.

    Raises:
        ServiceError: it could not be written; what stood there still stands.

    """
    writer.write(RELEASE_FILE, waived.content)


def forgivable(evidence: Evidence, rule: str) -> tuple[Finding, ...]:
    """What that rule finds here; of a card rule, that a signed check says it failed."""
    checks = judge(evidence, INPUTS)
    direct = tuple(f for f in (*checks.findings, *checks.waived) if f.rule == rule)
    if direct:
        return direct
    failed = {name for _, card in select(evidence.lines, CardResult) for name in _bad(card)}
    return tuple(f for f in checks.findings if f.rule == "HP122" and rule in failed)


def _bad(card: CardResult) -> tuple[str, ...]:
    return (*card.failed, *card.warned)


def _signed(reader: ReleaseReader, wish: Wish, desk: Desk, now: str) -> Line:
    root = desk.trust.root
    principal = principal_at_hand(desk.signer, root)
    held = root.roles_of(principal)
    if not any(role.startswith(APPROVER_PREFIX) for role in held):
        who = principal or f"the key {desk.signer.keyid[:16]}"
        roles = ", ".join(sorted(held)) or "no role"
        message = f"got a waiver by {who}, who holds {roles}, expected an approver"
        raise AccessError(message, hint="hubpolicy trust show lists who holds which role")
    waiver = Waiver(rule=wish.rule, who=principal, why=wish.reason, until=wish.until)
    return sign(waiver_statement(waiver, reader.manifest), desk, now)


def _same_waiver(item: Line, new: Line) -> bool:
    """The same person's earlier waiver of the same rule: this one takes its place."""
    old, waiver = item.line.predicate, new.line.predicate
    return isinstance(old, Waiver) and isinstance(waiver, Waiver) and (
        (old.rule, item.line.principal) == (waiver.rule, new.line.principal)
    )  # fmt: skip
