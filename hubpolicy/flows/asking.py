# SPDX-License-Identifier: Apache-2.0
"""A state that asks for more than revocations: a later hubpolicy, an earlier end of older policies.

Prepared in the trust folder and signed by the role ``state``, as a revocation is; or signed at once
by whoever holds every key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy import __version__
from hubpolicy.core.documents import state_payload
from hubpolicy.core.pending import propose
from hubpolicy.core.state_terms import ended, higher, is_before, is_version
from hubpolicy.core.times import is_date
from hubpolicy.core.trust_folder import put
from hubpolicy.errors import ConfigError
from hubpolicy.flows.trusting import next_state, require_published, signed_anew

if TYPE_CHECKING:
    from hubpolicy.core.trust_folder import TrustFolder
    from hubpolicy.domain.trust import State


def propose_terms(
    folder: TrustFolder, now: str, *, days: int, minimum: str = "", older_until: str = ""
) -> TrustFolder:
    """The next state with these terms; an empty one stays as it is.

    ``minimum``: the least hubpolicy, ``X.Y.Z``. ``older_until``: no older policy counts longer.

    Raises:
        ConfigError: nothing is published, it asks for less or for nothing new, or for a hubpolicy
            that is not even here.
        VerificationError: what is published does not hold together.

    """
    standing = require_published(folder)
    state = next_state(folder, standing, now, days)
    more = with_terms(state, now, minimum=minimum, older_until=older_until)
    folder = put(folder, propose("state", state_payload(more)))
    return signed_anew(folder, standing, now, days)


def with_terms(state: State, now: str, *, minimum: str = "", older_until: str = "") -> State:
    """The same state with these terms; an empty one stays as it is.

    Raises:
        ConfigError: it asks for less or for nothing new, or for a hubpolicy that is not even here.

    """
    more = state
    if minimum:
        _require_possible(minimum, state.minimum_version)
        more = more._replace(minimum_version=minimum)
    if older_until:
        if not is_date(older_until):
            message = f"got --older-until {older_until[:40]!r}, expected a date like 2026-12-31"
            raise ConfigError(message, hint="hubpolicy trust state set --help")
        more = more._replace(older_policies=ended(state, older_until, now))
    if more == state:
        message = "the state says so already: nothing changed"
        raise ConfigError(message, hint="hubpolicy trust show [DIR]")
    return more


def _require_possible(minimum: str, before: str) -> None:
    """Nobody can lower it again, so a slip of the finger must not go through."""
    if not is_version(minimum):
        message = f"got --minimum-version {minimum[:40]!r}, expected a version like 1.2.0"
        raise ConfigError(message, hint="hubpolicy --version says which one this is")
    if higher(before, minimum) != minimum:
        message = f"got --minimum-version {minimum}, and {before} is asked for: it never goes down"
        raise ConfigError(message, hint="hubpolicy trust show [DIR]")
    if is_before(__version__, minimum):
        message = (
            f"got --minimum-version {minimum}, and this is hubpolicy {__version__}: whoever asks "
            "for a version has it, for it never goes down again"
        )
        raise ConfigError(message, hint=f"pip install --upgrade 'hubpolicy>={minimum}', then again")
