# SPDX-License-Identifier: Apache-2.0
"""HP913: the file that says which hubs are behind one's gateways cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Asked

ID = "HP913"
TITLE = "what is said of gateways can be read"
SEVERITY = Severity.ERROR


def check(asked: Asked) -> tuple[Finding, ...]:
    """No file is fine; one that nobody can read stops every command, and the hook."""
    if not asked.problem:
        return ()
    return (Finding(ID, SEVERITY, asked.problem, None, asked.fix),)
