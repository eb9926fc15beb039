# SPDX-License-Identifier: Apache-2.0
"""Where a release may go: only namespaces that the policy names, where it names any."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId


def require_known_namespace(policy: Policy, target: RepoId) -> None:
    """Refuse a target outside of the policy's namespaces, before anything is signed for it.

    A policy that names none takes all.

    Raises:
        ConfigError: naming the namespaces, and the one that was probably meant.

    """
    known = (*policy.namespaces, *policy.workspaces)
    if not policy.namespaces or target.namespace in known:
        return
    message = (
        f"got repository {target.text!r}, expected one in {', '.join(known)} "
        "([targets] namespaces of the policy); nothing was signed"
    )
    near = get_close_matches(target.namespace, known, 1)
    hint = f"add {target.namespace!r} to [targets] namespaces, then: hubpolicy policy sign"
    if near:
        hint = f"did you mean {near[0]}/{target.name}? Otherwise {hint}"
    raise ConfigError(message, hint=hint)
