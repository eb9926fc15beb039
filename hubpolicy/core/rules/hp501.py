# SPDX-License-Identifier: Apache-2.0
"""HP501: weights that wait in a private repository, unjudged, under a licence that lets them go."""

from __future__ import annotations

from hubpolicy.core.card.embargo import LICENSE, LICENSE_NAME
from hubpolicy.domain.finding import Finding, Location, Severity

ID = "HP501"
TITLE = "unjudged weights in a private repository are under an embargo licence"
SEVERITY = Severity.WARNING


def check(repo: str, place: str, *, embargoed: bool) -> tuple[Finding, ...]:
    """One remark. ``place`` names the revision of ``repo`` that holds the weights."""
    if embargoed:
        return ()
    message = (
        f"{repo} holds weights at {place} that nobody judged, and its card does not say that they "
        "may not be passed on"
    )
    fix = f"in the card: license: {LICENSE}, license_name: {LICENSE_NAME}"
    return (Finding(ID, SEVERITY, message, Location("README.md"), fix),)
