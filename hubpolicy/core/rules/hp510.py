# SPDX-License-Identifier: Apache-2.0
"""HP510: a request that changes a hub in a way that nobody judges."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP510"
TITLE = "every change of a hub is one that is judged"
SEVERITY = Severity.ERROR


def check(what: str, why: str, fix: str = "") -> tuple[Finding, ...]:
    """One finding: ``what`` was asked (a short phrase), and ``why`` nobody may."""
    return (Finding(ID, SEVERITY, f"{what}: {why}", None, fix),)


def outside(repo: str, known: tuple[str, ...]) -> Finding:
    """A repository that the policy does not speak for."""
    names = ", ".join(known)
    message = f"got repository {repo!r}, expected one in {names} ([targets] of the policy)"
    fix = "add its namespace to [targets] namespaces, then: hubpolicy policy sign"
    return Finding(ID, SEVERITY, message, None, fix)
