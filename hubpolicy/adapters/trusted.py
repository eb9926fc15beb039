# SPDX-License-Identifier: Apache-2.0
"""The governing policy and trust, as compiled in the user's configuration. On the hook's path."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE
from hubpolicy.core.gatefile import GateMeta, load_gate
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.home import Home
    from hubpolicy.core.reserved import Documents, Pin
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust

ROOT_FOLDER = ("trust", "root")
"""Every root of the line, ``1.json`` and so on; ``trust/root.json`` is the newest alone."""
MOST_ROOTS = 256


class Trusted(NamedTuple):
    """What judges: from outside of what is judged."""

    policy: Policy
    trust: Trust
    meta: GateMeta


def open_trusted(home: Home) -> Trusted:
    """Load ``gate.json``: of one's own policy file if it is as it was signed, or of a team's.

    Raises:
        ConfigError: absent, malformed, older than the policy file; or a policy file of one's own
            stands beside a team's policy, and would have no effect.

    """
    policy, trust, meta = load_gate(home.read(GATE_FILE))
    if meta.pin:
        if os.path.lexists(home.path(POLICY_FILE)):
            message = f"{home.path(POLICY_FILE)} has no effect: a team's policy is pinned here"
            raise ConfigError(
                message, hint=f"move it away: {POLICY_FILE} stands in the trust folder"
            )
    elif hashlib.sha256(home.read(POLICY_FILE)).hexdigest() != meta.source_sha256:
        message = f"{home.path(POLICY_FILE)} changed since it was signed"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return Trusted(policy, trust, meta)


def read_documents(home: Home) -> Documents:
    """The signed documents that the gate was compiled from.

    Raises:
        ConfigError: one of them is not there.

    """
    from hubpolicy.core.reserved import Documents

    return Documents(
        read_roots(home), home.read("trust", "policy.json"), home.read("trust", "state.json")
    )


def read_roots(home: Home) -> tuple[bytes, ...]:
    """Every root that is kept here, in the order of their versions.

    Raises:
        ConfigError: there is none.

    """
    numbers = range(1, MOST_ROOTS + 1)
    found: list[bytes] = []
    for number in numbers:
        parts = (*ROOT_FOLDER, f"{number}.json")
        if not os.path.lexists(home.path(*parts)):
            break
        found.append(home.read(*parts))
    return tuple(found) or (home.read("trust", "root.json"),)


def require_may_speak(
    home: Home, trusted: Trusted, namespace: str, pins: Callable[[], tuple[Pin, ...]]
) -> None:
    """Refuse a reserved namespace to any trust but the one that its pins lead to.

    Raises:
        ConfigError: the namespace is reserved for another trust; or the documents are not here.

    """
    known = pins()
    if not known:
        return
    from hubpolicy.core.reserved import pins_of, require_speaks

    mine = pins_of(known, namespace)
    if mine:
        require_speaks(mine, read_documents(home), trusted.trust, trusted.policy.sha256)
