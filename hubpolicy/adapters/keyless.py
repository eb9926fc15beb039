# SPDX-License-Identifier: Apache-2.0
"""Proves keyless bundles, offline, with ``sigstore`` (extra ``[keyless]``).

The Sigstore trusted root stands in our own trust root, signed with it: nothing is fetched, and no
cache of this machine is believed. What is proven: the certificate chains to that Fulcio at the
time of signing and stands in a certificate log, it is of that identity by that issuer, the entry
of this very envelope is included in the transparency log, and the signature holds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import UnsupportedError, VerificationError

if TYPE_CHECKING:
    from sigstore.models import Bundle
    from sigstore.verify import Verifier

    from hubpolicy.domain.certified import Identity

EXTRA = "pip install 'hubpolicy[keyless]'"
_HINT = "hubpolicy trust show lists who may sign"


class SigstoreWitness(NamedTuple):
    """A ``domain.certified.Witness``; it holds nothing, and costs nothing until it is asked."""

    def witnessed(self, raw: bytes, identity: Identity, trusted_root: str, *, where: str) -> str:
        """When the bundle was signed, by the log's or a time authority's word (ISO 8601 UTC)."""
        try:
            from sigstore.models import Bundle
            from sigstore.verify.policy import Identity as Named
        except ImportError as error:
            message = f"keyless signatures take sigstore, which is not installed, in {where}"
            raise UnsupportedError(message, hint=EXTRA) from error
        policy = Named(identity=identity.identity, issuer=identity.issuer)
        try:
            bundle = Bundle.from_json(raw)
            _verifier(trusted_root).verify_dsse(bundle, policy)
            return _earliest(raw, bundle)
        except Exception as error:
            # Its errors, pydantic's and cryptography's have no common base; none is a proof.
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            message = f"the keyless signature of {identity.identity} does not hold: {reason}"
            text = f"{message}, in {where}"
            raise VerificationError(text, hint=_HINT) from error


@lru_cache(maxsize=4)
def _verifier(trusted_root: str) -> Verifier:
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier
    from sigstore_models.trustroot.v1 import TrustedRoot as Model

    return Verifier(trusted_root=TrustedRoot(Model.from_json(trusted_root)))


def _earliest(raw: bytes, bundle: Bundle) -> str:
    """The time that the verifier believed: of a promised log entry, or of a time authority."""
    (entry,) = json.loads(raw)["verificationMaterial"]["tlogEntries"]
    times = []
    if entry.get("integratedTime") and entry.get("inclusionPromise"):
        times.append(datetime.fromtimestamp(int(entry["integratedTime"]), UTC))
    stamps = bundle.verification_material.timestamp_verification_data
    times += [token.tst_info.gen_time for token in (stamps.rfc3161_timestamps if stamps else [])]
    return min(times).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_trusted_root(text: str, *, where: str) -> None:
    """Refuse JSON that is no Sigstore trusted root, where somebody is about to pin it.

    Raises:
        UnsupportedError: ``sigstore`` is not installed.
        VerificationError: it does not parse, or names no log.

    """
    try:
        import sigstore  # noqa: F401
    except ImportError as error:
        message = "keyless identities take sigstore, which is not installed"
        raise UnsupportedError(message, hint=EXTRA) from error
    try:
        json.loads(text)
        _verifier(text)
    except Exception as error:
        message = f"got no Sigstore trusted root ({type(error).__name__}), in {where}"
        raise VerificationError(message, hint="the JSON of a TrustedRoot, version 0.1") from error
