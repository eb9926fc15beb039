# SPDX-License-Identifier: Apache-2.0
"""HP320: people who must agree have not agreed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import (
    at_hand,
    closure_paths,
    differing,
    digests,
    runs,
    select,
    threshold,
    whole,
)
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import Approval

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.policy import RoleRequirement

ID = "HP320"
TITLE = "everybody who must agree has agreed"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Distinct principals per required approver role, on what the role binds."""
    found = []
    for role in evidence.policy.roles:
        if role.role.startswith("approver:"):
            agreed, wanted = approvers(evidence, role), threshold(evidence, role.role)
            if len(agreed) < wanted:
                name = role.role.removeprefix("approver:")
                message = f"{len(agreed)} of {wanted} {name} approvals (binds {role.binds})"
                message += f"; {_people(evidence, role, agreed)}"
                most = len(agreed | _others(evidence, role, agreed))
                fix = f"hubpolicy approve PATH --as {name}"
                if most < wanted:
                    message += f"; {wanted} are asked, the root names {most}"
                    fix = _way_out(evidence, role)
                found.append(Finding(ID, SEVERITY, message, None, fix, "pending"))
    return tuple(found)


def approvers(evidence: Evidence, role: RoleRequirement) -> frozenset[str]:
    """Principals whose unexpired approval binds the bytes at hand, less those who may not."""
    barred = signers_of(evidence, role.distinct_from) if role.distinct_from else frozenset()
    return frozenset(
        line.principal
        for line, approval in select(evidence.lines, Approval)
        if f"approver:{approval.role}" == role.role
        and approval.decision == "approve"
        and approval.binds == role.binds
        and approval.not_after >= evidence.now[: len(approval.not_after)]
        and line.principal not in barred
        and applies(evidence, line)
        and (role.binds != "closure" or _is_about_all_runs(evidence, line))
    )


def _people(evidence: Evidence, role: RoleRequirement, agreed: frozenset[str]) -> str:
    """Who has agreed, and who else can."""
    others = _others(evidence, role, agreed)
    can = f"who can: {', '.join(sorted(others)) or 'nobody else that the root names'}"
    return f"agreed: {', '.join(sorted(agreed))}; {can}" if agreed else can


def _others(evidence: Evidence, role: RoleRequirement, agreed: frozenset[str]) -> frozenset[str]:
    held = evidence.trust.root.role(role.role)
    barred = signers_of(evidence, role.distinct_from) if role.distinct_from else frozenset()
    return (held.principals if held else frozenset()) - agreed - barred


def _way_out(evidence: Evidence, role: RoleRequirement) -> str:
    """What to type where no number of approvals would do: more people, or fewer asked."""
    solo, key = evidence.trust.root.solo, f"roles.{role.role.replace(':', '.')}"
    more = "hubpolicy trust init --team DIR"
    if not solo:
        more = "$EDITOR DIR/root.toml && hubpolicy trust rotate DIR"
    asks = [
        each.where for each in evidence.policy.tightened if f"{each.key}.".startswith(f"{key}.")
    ]
    lower = "in hubpolicy.toml: hubpolicy policy sign"
    if not solo:
        lower = "in DIR/hubpolicy.toml: hubpolicy trust policy DIR"
    where = f"in {', '.join(dict.fromkeys(asks))}" if asks else lower
    return f"add a person: {more}; or lower the threshold of {key} {where}"


def signers_of(evidence: Evidence, role: str) -> frozenset[str]:
    """Principals that used the named role in this evidence."""
    signed = {line.principal for line in evidence.lines if role in line.roles}
    if role == "releaser" and evidence.model_signature is not None:
        signed.add(evidence.model_signature.principal)
    return frozenset(signed)


def applies(evidence: Evidence, line: VerifiedStatement) -> bool:
    """True if every subject, the whole included, is what stands here."""
    total = whole(line.statement)
    if total is not None and total != at_hand(evidence):
        return False
    return not differing(line.statement, digests(evidence))


def _is_about_all_runs(evidence: Evidence, line: VerifiedStatement) -> bool:
    """Somebody who agreed to one model has not agreed to a second one that came later."""
    ran = {path for run in runs(evidence) for path in closure_paths(run)}
    return bool(ran) and ran <= {subject.name for subject in line.statement.subjects}
