# SPDX-License-Identifier: Apache-2.0
"""Proves keyless bundles, offline, with ``sigstore`` (extra ``[keyless]``).

The Sigstore trusted root stands in our own trust root, signed with it: nothing is fetched, and no
cache of this machine is believed. What is proven: the certificate chains to that Fulcio at the
time of signing and stands in a certificate log, it is of that identity by that issuer, the entry
of this very envelope is included in the transparency log, and the signature holds.

``sigstore`` asks for one source of time and drops timestamps that do not hold. Here each one is
verified, and one that does not hold refuses the bundle: dropped, it could be believed later.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.cms import names_signer, unsigned_oddity
from hubpolicy.domain.certified import Witnessed
from hubpolicy.errors import UnsupportedError, VerificationError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier

    from hubpolicy.domain.certified import Identity

EXTRA = "pip install 'hubpolicy[keyless]'"
LOG = "the transparency log"
_HINT = "hubpolicy trust show lists who may sign"


class SigstoreWitness(NamedTuple):
    """A ``domain.certified.Witness``; it holds nothing, and costs nothing until it is asked."""

    def witnessed(
        self, raw: bytes, identity: Identity, trusted_root: str, *, where: str
    ) -> tuple[Witnessed, ...]:
        """When the bundle was signed, by the log's and time authorities' word."""
        try:
            from sigstore.models import Bundle
            from sigstore.verify.policy import Identity as Named
        except ImportError as error:
            message = f"keyless signatures take sigstore, which is not installed, in {where}"
            raise UnsupportedError(message, hint=EXTRA) from error
        policy = Named(identity=identity.identity, issuer=identity.issuer)
        try:
            bundle = Bundle.from_json(raw)
            known, verifier = _opened(trusted_root)
            verifier.verify_dsse(bundle, policy)
            return _proven_times(raw, bundle, known)
        except Exception as error:
            # Its errors, pydantic's and cryptography's have no common base; none is a proof.
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            message = f"the keyless signature of {identity.identity} does not hold: {reason}"
            text = f"{message}, in {where}"
            raise VerificationError(text, hint=_HINT) from error


@lru_cache(maxsize=4)
def _opened(trusted_root: str) -> tuple[TrustedRoot, Verifier]:
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier
    from sigstore_models.trustroot.v1 import TrustedRoot as Model

    known = TrustedRoot(Model.from_json(trusted_root))
    return known, Verifier(trusted_root=known)


def _proven_times(raw: bytes, bundle: Bundle, known: TrustedRoot) -> tuple[Witnessed, ...]:
    """The times of a verified bundle: of a promised log entry, and of every timestamp."""
    from sigstore.errors import VerificationError as NotProven
    from sigstore_models.bundle.v1 import Bundle as Model

    # By the verifier's own parser: it checks the promise only where it reads a time that is not 0.
    (entry,) = Model.from_json(raw).verification_material.tlog_entries
    times = []
    if entry.integrated_time and entry.inclusion_promise:
        times.append(Witnessed(_text(datetime.fromtimestamp(entry.integrated_time, UTC)), LOG))
    stamps = bundle.verification_material.timestamp_verification_data
    tokens = stamps.rfc3161_timestamps if stamps else []
    times += [_proven_stamp(token, bundle.signature, known) for token in tokens]
    if not times:
        message = "nobody vouches for its time"
        raise NotProven(message)
    return tuple(times)


def _proven_stamp(token: TimeStampResponse, signature: bytes, known: TrustedRoot) -> Witnessed:
    """The time of a token, by the authority of the trusted root that it verifies under."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from rfc3161_client import VerificationError as NotHolding
    from rfc3161_client import VerifierBuilder
    from sigstore.errors import VerificationError as NotProven

    moment = token.tst_info.gen_time
    if odd := unsigned_oddity(token.as_bytes()):
        message = f"a timestamp of {_text(moment)} is not in standard form ({odd})"
        raise NotProven(message)
    for authority in known.get_timestamp_authorities():
        chain = authority.certificates(allow_expired=True)
        end = authority.validity_period_end
        if moment < authority.validity_period_start or (end and moment >= end) or len(chain) == 1:
            continue
        leaf, *between, root = chain
        verifier = VerifierBuilder(
            tsa_certificate=leaf, roots=[root], intermediates=between
        ).build()
        try:
            verifier.verify_message(token, signature)
        except NotHolding:
            continue
        if not names_signer(token.as_bytes(), (each.public_bytes(Encoding.DER) for each in chain)):
            continue
        return Witnessed(_text(moment), leaf.subject.rfc4514_string() or "a time authority")
    message = f"a timestamp of {_text(moment)} is by no time authority of the trusted root"
    raise NotProven(message)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


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
        _opened(text)
    except Exception as error:
        message = f"got no Sigstore trusted root ({type(error).__name__}), in {where}"
        raise VerificationError(message, hint="the JSON of a TrustedRoot, version 0.1") from error
