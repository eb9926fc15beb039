# SPDX-License-Identifier: Apache-2.0
"""HP505: an embargo licence on what is about to become public."""

from __future__ import annotations

from hubpolicy.core.card.embargo import LICENSE_NAME
from hubpolicy.domain.finding import Finding, Location, Severity

ID = "HP505"
TITLE = "no embargo licence on what becomes public"
SEVERITY = Severity.ERROR


def check(place: str, *, embargoed: bool) -> tuple[Finding, ...]:
    """One finding. ``place`` names the revision whose card still says it."""
    if not embargoed:
        return ()
    message = f"the card at {place} says license_name: {LICENSE_NAME}, and it would become public"
    fix = "write the licence of the release into README.md, push it, then publish"
    return (Finding(ID, SEVERITY, message, Location("README.md"), fix),)
