# SPDX-License-Identifier: Apache-2.0
"""RFC 3161 tokens: proof that a signature existed at a moment, by an authority that is pinned.

A token is over the signature's bytes, as Sigstore bundles have it. One that does not hold is
never passed over. Where the trust root pins no time authority nobody can say whose word a token
is, and the time stays unknown; but also then it has to be of this very signature.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hubpolicy.core import times
from hubpolicy.core.certificates import load_chain, reading
from hubpolicy.core.cms import names_signer, unsigned_oddity
from hubpolicy.core.signatories import RefusedError, Stamp
from hubpolicy.errors import MalformedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509
    from rfc3161_client import TimeStampResponse, Verifier

    from hubpolicy.core.bundle import Bundle
    from hubpolicy.domain.certified import TimeAuthority

RULE = "HP311"
SKEW_SECONDS = 300

_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


def verify_stamps(
    bundle: Bundle, authorities: tuple[TimeAuthority, ...], *, now: str, where: str
) -> tuple[Stamp, ...]:
    """What the tokens of a bundle prove, earliest first; empty where no authority is pinned.

    A keyless bundle's tokens are its log's business: whoever proves the bundle checks them.

    Raises:
        RefusedError: HP311, a token that does not parse, is of another signature, by nobody who
            is pinned, or of the future; or its unsigned fields are odd.

    """
    if bundle.logged:
        return ()
    stamps = [
        _verify_token(token, bundle.signature, authorities, now=now, where=where)
        for token in bundle.timestamps
    ]
    return tuple(sorted((s for s in stamps if s is not None), key=lambda s: (s.time, s.authority)))


class _Token(NamedTuple):
    """What a token says, once it was read as a whole: parts of it parse only when asked for."""

    response: TimeStampResponse
    algorithm: str
    imprint: bytes
    time: str


def _verify_token(
    raw: bytes,
    signature: bytes,
    authorities: tuple[TimeAuthority, ...],
    *,
    now: str,
    where: str,
) -> Stamp | None:
    token = _read(raw, where)
    if token.algorithm not in _HASHES:
        _refuse(f"got a timestamp under hash {token.algorithm}, expected SHA-2", where)
    digest = _HASHES[token.algorithm](signature).digest()
    if token.imprint != digest:
        _refuse("got a timestamp of something else, expected one of this signature", where)
    if times.seconds(token.time) > times.seconds(now) + SKEW_SECONDS:
        _refuse(f"got a timestamp of {token.time}, expected none after {now}", where)
    if not authorities:
        return None
    known = next((a for a in authorities if _holds(token, digest, a, where)), None)
    if known is None:
        names = ", ".join(authority.name for authority in authorities)
        _refuse(f"got a timestamp that does not hold, expected one by {names}", where)
    return Stamp(known.name, token.time)


def _read(raw: bytes, where: str) -> _Token:
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError as error:
        message = f"rfc3161-client is not installed, and there is a timestamp in {where}"
        raise UnsupportedError(message, hint="pip install rfc3161-client") from error
    try:
        response = decode_timestamp_response(raw)
        imprint = response.tst_info.message_imprint
        algorithm = imprint.hash_algorithm.dotted_string
        time = response.tst_info.gen_time.strftime("%Y-%m-%dT%H:%M:%SZ")
        token = _Token(response, algorithm, imprint.message, time)
    except (ValueError, OverflowError):
        _refuse("got no RFC 3161 timestamp that was granted", where)
    if not times.is_instant(token.time):
        _refuse(f"got a timestamp of {token.time}, expected a year of four digits", where)
    if odd := unsigned_oddity(raw):
        _refuse(f"got a timestamp that is not in standard form ({odd})", where)
    return token


def _holds(token: _Token, digest: bytes, authority: TimeAuthority, where: str) -> bool:
    from rfc3161_client import VerificationError

    verifier = _verifier(authority, where)
    pinned = load_chain(authority.pem.encode("latin-1"), where=where)
    try:
        with reading(where):  # certificates lie in tokens, too
            try:
                held = verifier.verify(token.response, digest)
                return bool(held) and names_signer(token.response.as_bytes(), pinned)
            except VerificationError:
                return False
    except MalformedError:
        return False


def _verifier(authority: TimeAuthority, where: str) -> Verifier:
    from cryptography import x509
    from rfc3161_client import VerifierBuilder

    certificates = x509.load_pem_x509_certificates(authority.pem.encode("latin-1"))
    roots = [c for c in certificates if c.issuer == c.subject]
    leaf = next((c for c in certificates if _is_stamper(c)), None)
    between = [c for c in certificates if c not in roots and c != leaf]
    if not roots:
        _refuse(f"the time authority {authority.name} has no root certificate", where)
    return VerifierBuilder(roots=roots, intermediates=between, tsa_certificate=leaf).build()


def _is_stamper(certificate: x509.Certificate) -> bool:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        purposes = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound:
        return False
    own = certificate.issuer != certificate.subject
    return own and ExtendedKeyUsageOID.TIME_STAMPING in purposes


def _refuse(message: str, where: str) -> NoReturn:
    hint = "attest again without it, or pin the authority in the trust root"
    text = f"{message}, in {where}"
    raise RefusedError(text, RULE, hint)


def told(stamps: Iterable[Stamp], declared: str) -> str:
    """For people: who vouches for which time, or that nobody but the signer does."""
    proven = ", ".join(f"timestamped {stamp.time} by {stamp.authority}" for stamp in stamps)
    return proven or f"self-declared {declared}"
