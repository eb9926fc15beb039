# SPDX-License-Identifier: Apache-2.0
"""HP913: the hub does not answer, or what says which hub is behind a gateway cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Asked

ID = "HP913"
TITLE = "the hub answers, and what is said of gateways can be read"
SEVERITY = Severity.ERROR


def check(asked: Asked, silent: str | None = None) -> tuple[Finding, ...]:
    """No file is fine; one that nobody can read stops every command, and the hook.

    ``silent``: why the hub did not answer. Then nobody can tell of clock and token: a warning with
    the effect ``inconclusive``.
    """
    if asked.problem:
        return (Finding(ID, SEVERITY, asked.problem, None, asked.fix),)
    if not silent:
        return ()
    message = f"not reached: {asked.endpoint} ({silent})"
    fix = "look at the network and at HF_ENDPOINT; hubpolicy doctor --offline asks no hub"
    return (Finding(ID, Severity.WARNING, message, None, fix, "inconclusive"),)
