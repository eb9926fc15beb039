# SPDX-License-Identifier: Apache-2.0
"""The one decision behind every enforcement point: hook, push, verify, audit.

:func:`judge` trusts no word "passed" in a file. From verified lines, the bytes at hand and a
policy it recomputes the verdict:

1. the reader's refusals: paths, modes, twins, unreadable files (HP401-HP405, HP411);
2. evidence that did not verify (HP302-HP306, HP701, HP702);
3. a release line by enough releasers, for this target, these bytes, these inputs, and this policy
   or one that the state lets count still (HP301, HP307-HP310), and no revoked file (HP703);
4. the signed card check covers this card and profile, and passed (HP120-HP122);
5. every toxicity line that covers bytes at hand is recomputed from its counts (HP202-HP211), and
   every weight is in a tested closure (HP201, HP209); so is third-party evidence (HP218, HP219);
6. every other file is in a tested closure or of a known inert type (HP406-HP410, HP412);
7. people: approvals, rejections, roles kept apart (HP320-HP322);
8. the policy's severities, then waivers (HP710); waived findings are kept;
9. under a policy that only observes nothing passes, whatever was checked (HP330).

What the caller owes: fresh bytes, the policy and trust from outside of what is judged, and now.
On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import coverage
from hubpolicy.core.policy import is_card_rule
from hubpolicy.core.rules import (
    hp120,
    hp121,
    hp122,
    hp201,
    hp203,
    hp301,
    hp307,
    hp308,
    hp309,
    hp310,
    hp320,
    hp321,
    hp322,
    hp703,
    hp710,
)
from hubpolicy.core.signatories import STRANGER
from hubpolicy.core.state_terms import require_version
from hubpolicy.domain.finding import Decision, Finding, Severity, verdict_of
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust, TrustRoot

    Check = Callable[[Evidence], tuple[Finding, ...]]

_RELEASE: tuple[Check, ...] = (
    hp301.check, hp307.check, hp308.check, hp309.check, hp310.check, hp703.check
)  # fmt: skip
_CARD: tuple[Check, ...] = (hp120.check, hp121.check, hp122.check)
_PEOPLE: tuple[Check, ...] = (hp320.check, hp321.check, hp322.check, hp710.check)


class Step(NamedTuple):
    """One numbered step of ``hubpolicy verify``."""

    title: str
    checks: tuple[Check, ...]


def _refused(evidence: Evidence) -> tuple[Finding, ...]:
    return evidence.refusals


def _foreign(evidence: Evidence) -> tuple[Finding, ...]:
    """Third-party evidence, where the policy asks for any."""
    if not evidence.policy.evidence:
        return ()
    from hubpolicy.core.rules import hp218, hp219  # most pushes are spared the import

    return (*hp218.check(evidence), *hp219.check(evidence))


def _rejected(evidence: Evidence) -> tuple[Finding, ...]:
    return evidence.rejected


STEPS = (
    Step("paths and readability", (_refused,)),
    Step("signatures, signers, roles", (_rejected,)),
    Step("release: target, bytes, policy, inputs", _RELEASE),
    Step("card check", _CARD),
    Step("runs recomputed, all weights covered", (coverage.check, _foreign)),
    Step("approvals, roles kept apart, waivers", _PEOPLE),
)
GATE: tuple[Check, ...] = tuple(check for step in STEPS for check in step.checks)
"""Everything that must hold before bytes leave, in report order."""

INPUTS: tuple[Check, ...] = (
    _refused,
    _rejected,
    hp703.check,
    *_CARD,
    coverage.check,
    _foreign,
    *_PEOPLE,
)
"""What must hold before a releaser signs: all of the gate but the release line itself."""


def judge(evidence: Evidence, checks: tuple[Check, ...] = GATE) -> Decision:
    """Recompute the verdict (steps 1-9 of the module's docstring).

    Raises:
        ConfigError: the policy or the trust expired, or asks for a later hubpolicy.

    """
    require_current(evidence)
    if not checks:
        message = "got an empty rule set, expected rules to judge by"
        raise ConfigError(message)
    found = [finding for check in checks for finding in check(evidence)]
    if evidence.policy.mode != "enforce":
        from hubpolicy.core.rules import hp330  # a push under a policy that enforces spares it

        found += hp330.check(evidence)
    weighed = tuple(
        dict.fromkeys(weigh(finding, evidence.policy) for finding in _without_echoes(found))
    )
    waived = hp710.waived_rules(evidence)
    kept = tuple(f for f in weighed if not (f.rule in waived and _waivable(f)))
    kept = tuple(sorted(kept, key=_order))
    spared = tuple(f for f in weighed if f.rule in waived and _waivable(f))
    return Decision(verdict_of(kept), kept, spared)


def _without_echoes(found: list[Finding]) -> list[Finding]:
    """Changed bytes (HP308) void ``model.sig`` too: one sentence says it; the verdict stays."""
    if not any(finding.rule == hp308.ID for finding in found):
        return found
    return [finding for finding in found if not _is_echo(finding)]


def _is_echo(finding: Finding) -> bool:
    if finding.rule == hp310.ID:
        return True
    place = finding.location
    return finding.rule == "HP302" and place is not None and place.path == MODEL_SIGNATURE


def step_findings(evidence: Evidence, step: Step) -> tuple[Finding, ...]:
    """What one step finds, before the policy's severities and waivers."""
    return tuple(finding for check in step.checks for finding in check(evidence))


_CAUSES = frozenset({hp201.ID, hp203.ID})
"""Without a run that passed, all else follows: people read these first."""


def _order(finding: Finding) -> int:
    """Where nobody here knows the signer, even that there is no run follows from it."""
    if finding.fix == STRANGER:
        return 0
    return 1 if finding.rule in _CAUSES else 2


def require_current(evidence: Evidence) -> None:
    """Refuse to judge by documents that are out of date, or by a hubpolicy that is.

    Raises:
        ConfigError: naming which document ended when, or the hubpolicy version that is asked for.

    """
    require_in_force(evidence.policy, evidence.trust, evidence.now)


def require_in_force(policy: Policy, trust: Trust, now: str) -> None:
    """The same where there is no evidence: a stale state knows no recent withdrawal.

    Raises:
        ConfigError: as there.

    """
    root, state = trust.root, trust.state
    require_version(state)
    for name, expires, role, hint in (
        (
            "policy",
            policy.expires,
            "policy",
            "set a later `expires` in hubpolicy.toml: hubpolicy policy sign",
        ),
        ("trust root", root.expires, "root", "hubpolicy policy sign renews it in solo mode"),
        ("trust state", state.expires, "state", "hubpolicy policy sign renews it in solo mode"),
    ):
        # A date is the last day on which it holds; an instant is the last second.
        if expires < now[: len(expires)]:
            message = f"the {name} expired on {expires}, it is {now}"
            raise ConfigError(message, hint=hint if root.solo else _ask_the_team(root, role))


def _ask_the_team(root: TrustRoot, role: str) -> str:
    """A team renews its documents at their source; here they are only fetched."""
    return f"hubpolicy trust update; if that brings no newer one, ask {root.holders(role)}"


def weigh(finding: Finding, policy: Policy) -> Finding:
    """The finding under the policy's severity; what holds the gate is never lowered."""
    setting = policy.setting(finding.rule)
    if setting is None or setting.severity is finding.severity:
        return finding
    if setting.severity < finding.severity and not is_card_rule(finding.rule):
        return finding
    return finding._replace(severity=setting.severity)


def _waivable(finding: Finding) -> bool:
    """What was not evaluated is never waived: a waiver forgives a bad answer, not a missing one."""
    return finding.effect == "failed" and finding.severity is not Severity.OFF
