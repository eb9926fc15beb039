# SPDX-License-Identifier: Apache-2.0
"""The governing policy and trust, as compiled in the user's configuration. On the hook's path."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE
from hubpolicy.core.gatefile import GateMeta, load_gate
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.home import Home
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust


class Trusted(NamedTuple):
    """What judges: from outside of what is judged."""

    policy: Policy
    trust: Trust
    meta: GateMeta


def open_trusted(home: Home) -> Trusted:
    """Load ``gate.json`` and refuse it if ``hubpolicy.toml`` has changed since it was signed.

    Raises:
        ConfigError: absent, malformed, or older than the policy file.

    """
    policy, trust, meta = load_gate(home.read(GATE_FILE))
    if hashlib.sha256(home.read(POLICY_FILE)).hexdigest() != meta.source_sha256:
        message = f"{home.path(POLICY_FILE)} changed since it was signed"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return Trusted(policy, trust, meta)
