# SPDX-License-Identifier: Apache-2.0
"""Whose key may sign what a run found: asked before hours of work, and of every shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.dsse import SigningKey
    from hubpolicy.domain.trust import Trust

ROLE = "checker"


def checker_pem(trust: Trust, keyid: str, *, what: str) -> str:
    """The public key with that id, if it is a checker's. ``what`` was or shall be signed by it.

    Raises:
        VerificationError: the trust root does not know it, it is revoked, or its holder is no
            checker.

    """
    key = trust.root.key(keyid)
    _require(trust, keyid, "" if key is None else key.principal, what)
    return "" if key is None else key.pem


def require_checker(trust: Trust, signer: SigningKey, *, what: str) -> None:
    """Refuse a key at hand that is no checker's: a plain one, or one that is certified.

    Raises:
        VerificationError: as for :func:`checker_pem`.

    """
    _require(trust, signer.keyid, principal_at_hand(signer, trust.root), what)


def _require(trust: Trust, keyid: str, principal: str, what: str) -> None:
    hint = "hubpolicy trust show lists who holds which role"
    if not principal:
        got = f"key {keyid[:16]}" if keyid else "nobody's key"
        message = f"got {got} for {what}, expected one of the trust root"
        raise VerificationError(message, hint=hint)
    if keyid in trust.state.revoked_keys:
        message = f"got key {keyid[:16]} of {principal} for {what}, which is revoked"
        raise VerificationError(message, hint="use another key: hubpolicy test --key file:PATH")
    if ROLE not in trust.root.roles_of(principal):
        held = ", ".join(sorted(trust.root.roles_of(principal))) or "no role"
        message = f"got the key of {principal}, who holds {held}, for {what}, expected {ROLE}"
        raise VerificationError(message, hint=hint)
