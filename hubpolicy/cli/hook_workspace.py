# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in a private workspace go without evidence, as long as the hub says it is private.

Asked only when a push is refused otherwise, so that no other push waits for the hub. Making the
repository public later is a release of its own, and takes evidence then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId


def why_judged(policy: Policy, target: RepoId | None) -> str | None:
    """Why a push there needs evidence; None if it is into a private repository of a workspace.

    Empty where no workspace is concerned. What the hub does not answer counts as public.
    """
    if target is None or target.namespace not in policy.workspaces:
        return ""
    from hubpolicy.cli.wiring import hub

    try:
        found = hub(target).repo(target)
    except HubpolicyError as error:
        return f"nobody could tell whether {target.text} is private: {error.message}"
    if not found.exists:
        return f"there is no {target.text} on the hub, or this login cannot see it"
    return None if found.private else f"{target.text} is in a workspace, but it is public"
