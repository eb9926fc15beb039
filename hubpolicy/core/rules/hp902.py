# SPDX-License-Identifier: Apache-2.0
"""HP902: the repository at hand would be pushed without a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Hook

ID = "HP902"
TITLE = "the hook judges every push from this repository"
SEVERITY = Severity.ERROR


def check(hook: Hook | None) -> tuple[Finding, ...]:
    """None = no repository. Without a hub among the remotes a missing hook is a warning."""
    if hook is None or hook.works:
        return ()
    to_hub = f", which pushes to {', '.join(hook.hubs)}" if hook.hubs else ""
    message = f"{hook.state} in this repository{to_hub}"
    if hook.problems:
        message += f": {'; '.join(hook.problems)}"
    if hook.elsewhere:
        message += f" ({hook.elsewhere})"
    serious = bool(hook.hubs or hook.problems)
    severity = SEVERITY if serious else Severity.WARNING
    return (Finding(ID, severity, message, None, hook.fix),)
