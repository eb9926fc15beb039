# SPDX-License-Identifier: Apache-2.0
"""The same release by people without a key in the root: an X.509 chain, an identity, and timestamps.

Rita signs the release and ``model.sig`` under a chain, the checker without a key, and both approvals
are timestamped. Nothing else differs from the release of ``mutation_world``.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from hubpolicy.core import documents
from hubpolicy.core.bundle import add_timestamp, make_chain_bundle, parse_bundle
from hubpolicy.core.dsse import decode_base64, encode_base64, pae
from hubpolicy.domain.certified import Identity
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.statement import PAYLOAD_TYPE
from tests import certificates as pki
from tests import tokens, transparency
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_cases import always
from tests.attacks.mutation_fields import at, dump
from tests.attacks.mutation_world import SIGNERS
from tests.golden.samples import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.attacks.mutation_world import World

EMAIL = "rita@acme.example"
CHECKER = "ci@acme.example"
FORMS = {
    "release": "by a chain",
    MODEL_SIGNATURE: "by a chain",
    "card": "keyless",
    "approval": "timestamped",
}
"""One bundle of each form, and ``model.sig``."""
CHAINED = ("release", MODEL_SIGNATURE)
KEYLESS = ("card", "toxicity", "applicability", "evidence")
STAMPED = ("approval", "approval of sue")

HERE = transparency.Sigstore()
TRUSTED_ROOT = HERE.trusted_root()
TRUSTED_SHA256 = hashlib.sha256(TRUSTED_ROOT.encode()).hexdigest()
PINNED = ROOT._replace(
    authorities=(pki.authority("rita"),),
    time_authorities=(tokens.authority(),),
    identities=(Identity(transparency.ISSUER, CHECKER, "ci", TRUSTED_SHA256),),
    trusted_roots=((TRUSTED_SHA256, TRUSTED_ROOT),),
)


def chained(payload: bytes, *chain: pki.Issued, by: pki.Issued | None = None) -> bytes:
    """A payload as the bundle of a leaf; ``by``: whose key signs it, if not the leaf's."""
    links = chain or (pki.leaf(), pki.between())
    key = (by or links[0]).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    sig = key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(SHA256(), deterministic_signing=True))
    return make_chain_bundle(payload, sig, tuple(each.der for each in links))


def keyless(payload: bytes, **options: Any) -> bytes:
    """A payload as the keyless bundle of the checker."""
    return dump(HERE.bundle(payload, **{"identity": CHECKER, **options}))


@lru_cache
def loose(name: str, above: pki.Issued, **options: Any) -> pki.Issued:
    """A good certificate whose signature ends with a zero bit."""
    made = (pki.issue(name, above, uri=f"urn:{n}", **options) for n in range(99))
    return next(each for each in made if pki.with_bits_unused(each))


def stamped(raw: bytes, *, over: bytes = b"", unused: bool = False, **options: Any) -> bytes:
    """The bundle with a timestamp of its signature, or of something else.

    ``unused``: the signature of the stamper's certificate is said to leave a bit unused.
    """
    signature = parse_bundle(raw, where="the test").signature
    token = tokens.token(over or signature, **options)
    if unused:
        by = loose("loose stamps", tokens.root(), purposes=None, extra=tokens.PURPOSE)
        token = tokens.token(signature, by=by).replace(by.der, pki.with_bits_unused(by))
    return add_timestamp(raw, token, where="the test")


@lru_cache
def bundles() -> dict[str, bytes]:
    """The bundle of each statement that is not signed with a key of the root, or is timestamped."""
    made = worlds.payloads()
    plain = {name: worlds.bundled(made[name], SIGNERS[name]) for name in STAMPED}
    return {
        **{name: chained(made[name]) for name in CHAINED},
        **{name: keyless(made[name]) for name in KEYLESS},
        **{name: stamped(raw) for name, raw in plain.items()},
    }


class Part(NamedTuple):
    """DER within a bundle, and the bundle with other bytes in its place."""

    what: str
    der: bytes
    put: Callable[[bytes], bytes]


def parts() -> Iterator[Part]:
    """Every certificate, token and log entry of the release's bundles."""
    material = ("verificationMaterial",)
    entry = (*material, "tlogEntries", 0)
    chain = (*material, "x509CertificateChain", "certificates")
    token = (*material, "timestampVerificationData", "rfc3161Timestamps", 0, "signedTimestamp")
    for what, name, path in (
        ("the leaf", "release", (*chain, 0, "rawBytes")),
        ("the certificate above it", "release", (*chain, 1, "rawBytes")),
        ("a keyless certificate", "card", (*material, "certificate", "rawBytes")),
        ("a log entry", "card", (*entry, "canonicalizedBody")),
        ("its promise", "card", (*entry, "inclusionPromise", "signedEntryTimestamp")),
        ("a timestamp", "approval", token),
    ):
        value = json.loads(bundles()[name])
        text = at(value, path)
        put = partial(_put, bundles()[name].decode(), text)
        yield Part(what, decode_base64(text, where=what), put)


def _put(bundle: str, old: str, new: bytes) -> bytes:
    return bundle.replace(old, encode_base64(new)).encode()


@lru_cache
def trusting() -> dict[str, bytes]:
    """Both roots and the state, which know authority, identity and whose times count."""
    first = documents.root_payload(PINNED)
    pin = hashlib.sha256(first).hexdigest()
    second = documents.root_payload(PINNED._replace(version=2), previous=pin)
    return {"root 1": first, "root 2": second}


def release(changed: Mapping[str, bytes] = worlds.NOTHING, **state: Any) -> World:
    """The release; ``changed``: other bundles by name. ``state``: what the trust state says."""
    told = {"state": worlds.state_bytes(**state)} if state else {}
    made = {**bundles(), **changed}
    wrap = {name: always(raw) for name, raw in made.items()}
    return worlds.make({**trusting(), **told}, wrap=wrap)
