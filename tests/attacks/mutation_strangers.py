# SPDX-License-Identifier: Apache-2.0
"""Named attacks on a release: certificates, identities and timestamps that must not count."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from hubpolicy.core import documents
from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.dsse import encode_base64
from hubpolicy.core.keys import keyid_of
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.certified import name_id
from tests import certificates as pki
from tests import tokens, transparency
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_cases import Case, Control, always, place_of
from tests.attacks.mutation_fields import dump, spoil
from tests.attacks.mutation_signers import (
    CHAINED,
    CHECKER,
    EMAIL,
    FORMS,
    KEYLESS,
    PINNED,
    STAMPED,
    bundles,
    chained,
    keyless,
    loose,
    release,
    stamped,
)
from tests.attacks.mutation_world import SIGNERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.attacks.mutation_world import World


def signer_fields() -> Iterator[Case | Control]:
    """Every field of every such bundle, spoilt after it was signed."""
    for name, form in FORMS.items():
        for spoilt in spoil(json.loads(bundles()[name])):
            what = f"{name} {form}, {spoilt.place or 'the whole'}: {spoilt.how}"
            world = partial(release, {name: spoilt.raw})
            why = _same(form, spoilt.place, spoilt.how)
            if why:
                yield Control(what, world, why)
            else:
                words = (spoilt.field, *_FIELD_WORDS)
                yield Case("signer fields", what, world, place_of(name), words)


_FIELD_WORDS = (
    "strict base64", "does not hold", "can be read", "'publicKey'", "log entries are not checked",
    "that was granted",
)  # fmt: skip
_TIMES = "no signature covers a timestamp: without it the time is the one that the signer declares"
_MEMBERS = "verificationMaterial.timestampVerificationData"


def _same(form: str, place: str, how: str) -> str:
    """Why such a bundle means what the untouched one means; empty if it must not pass."""
    if (place, how) == ("dsseEnvelope.signatures.0.keyid", "missing"):
        return "optional: certificate, identity or hint select the key"
    gone = how == "missing" and place in (_MEMBERS, f"{_MEMBERS}.rfc3161Timestamps")
    gone = gone or (how == "empty" and place == _MEMBERS)
    return _TIMES if gone and form != "by a chain" else ""


# Chains --------------------------------------------------------------------------------------

_CHAIN = ("does not chain", "not on the way", "of an authority", "no authority may certify")
_LEAVES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "expired": ({"end": datetime(2026, 11, 1, tzinfo=UTC)}, _CHAIN),
    "not yet valid": ({"begin": datetime(2026, 12, 1, tzinfo=UTC)}, _CHAIN),
    "an authority": ({"ca": True}, _CHAIN),
    "not for signatures": ({"signs": False}, ("not digitalSignature",)),
    "for TLS": ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, ("not codeSigning",)),
    "for timestamps": ({"purposes": (ExtendedKeyUsageOID.TIME_STAMPING,)}, ("not codeSigning",)),
    "for anything": ({"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)}, ("not codeSigning",)),
    "for nothing": ({"signs": None, "purposes": None}, ("does not say",)),
    "nobody's address": ({"email": "eve@acme.example"}, ("eve@acme.example",)),
    "no address": ({"email": ""}, ("no authority may certify",)),
    "a longer address": ({"email": f"{EMAIL}.evil"}, ("no authority may certify",)),
    "an upper-case address": ({"email": EMAIL.upper()}, ("no authority may certify",)),
    "an address with a zero byte": ({"email": f"{EMAIL}\0.evil"}, ("no authority may certify",)),
    "the address as a URI": ({"email": "", "uri": EMAIL}, ("no authority may certify",)),
    "a critical extension that nobody knows": (
        {"extra": ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), True),)},
        _CHAIN,
    ),
}  # fmt: skip


def leaves() -> Iterator[Case]:
    """Certificates of rita that must not sign, and chains that lead elsewhere."""
    for how, (options, words) in _LEAVES.items():
        leaf = pki.issue("rita", pki.between(), **{"email": EMAIL, **options})
        yield from _by_chain(how, (leaf, pki.between()), words)
    for how, chain in _chains().items():
        yield from _by_chain(how, chain, _CHAIN)
    other = pki.leaf("mallory")
    yield from _by_chain("another's key", (pki.leaf(), pki.between()), ("does not hold",), by=other)
    p384 = pki.issue(
        "rita", pki.between(), email=EMAIL, key=ec.derive_private_key(7, ec.SECP384R1())
    )
    yield from _by_chain("P-384", (p384, pki.between()), ("ECDSA P-256",), by=pki.leaf())
    rita = loose("rita", pki.between(), email=EMAIL)
    for name in CHAINED:
        raw = chained(worlds.payloads()[name], rita, pki.between())
        raw = raw.replace(_text(rita.der), _text(pki.with_bits_unused(rita)))
        world = partial(release, {name: raw})
        how = f"{name}: bits of the certificate's signature unused"
        yield Case("chains", how, world, place_of(name), ("leave bits unused",))
    for what, keyid in _revocable().items():
        world = partial(release, revoked_keys=frozenset({keyid}))
        yield Case("chains", f"revoked: {what}", world, RELEASE_FILE, ("is revoked",))
    world = partial(_unpinned, authorities=())
    yield Case("chains", "no authority is pinned", world, RELEASE_FILE, ("pins no authority",))
    late = partial(_later, "2036-06-01T00:00:00Z")
    yield Case("chains", "ten years later", late, "", ("expired",))


def _by_chain(
    how: str, chain: tuple[pki.Issued, ...], words: tuple[str, ...], by: pki.Issued | None = None
) -> Iterator[Case]:
    for name in CHAINED:
        raw = chained(worlds.payloads()[name], *chain, by=by)
        world = partial(release, {name: raw})
        yield Case("chains", f"{name}: {how}", world, place_of(name), words)


def _chains() -> dict[str, tuple[pki.Issued, ...]]:
    other = pki.issue("acme root 2", ca=True)
    namesake = pki.issue("acme root", ca=True, key=pki.key_of("evil"))
    old = pki.issue("old", pki.root(), ca=True, end=datetime(2026, 2, 1, tzinfo=UTC))
    only = x509.NameConstraints([x509.RFC822Name("other.example")], None)
    narrow = pki.issue("narrow", pki.root(), ca=True, extra=((only, True),))
    mallory = pki.leaf("mallory")
    return {
        "without the one between": (pki.leaf(),),
        "of another root": (pki.issue("rita", other, email=EMAIL), other),
        "of a namesake of the root": (pki.issue("rita", namesake, email=EMAIL), namesake),
        "below a leaf": (pki.issue("rita", mallory, email=EMAIL), mallory, pki.between()),
        "self-signed": (pki.issue("rita", email=EMAIL),),
        "below an expired one": (pki.issue("rita", old, email=EMAIL), old),
        "below one that may not name her": (pki.issue("rita", narrow, email=EMAIL), narrow),
        "the root itself": (pki.root(),),
        "the leaf not first": (pki.between(), pki.leaf()),
        "with a stranger": (pki.leaf(), pki.between(), mallory),
        "with another root": (pki.leaf(), pki.between(), other),
        "with the root of a namesake": (pki.leaf(), pki.between(), namesake),
    }


def _revocable() -> dict[str, str]:
    return {
        **{
            issued: keyid_of(_pem(certificate))
            for issued, certificate in (
                ("the leaf", pki.leaf()), ("the one between", pki.between()), ("the root", pki.root()),
            )
        },
        "the address": name_id(f"email:{EMAIL}"),
        "the subject": name_id("subject:CN=rita"),
    }  # fmt: skip


def _text(der: bytes) -> bytes:
    return encode_base64(der).encode()


def _pem(issued: pki.Issued) -> str:
    from hubpolicy.core.certificates import read_leaf

    return read_leaf(issued.der, where="the test").pem


def _unpinned(**changed: Any) -> World:
    """The release under roots that pin less."""
    root = PINNED._replace(**changed)
    first = documents.root_payload(root)
    pin = hashlib.sha256(first).hexdigest()
    second = documents.root_payload(root._replace(version=2), previous=pin)
    wrap = {name: always(raw) for name, raw in bundles().items()}
    return worlds.make({"root 1": first, "root 2": second}, wrap=wrap)


def _later(now: str) -> World:
    return release()._replace(now=now)


# Identities ----------------------------------------------------------------------------------

_LATE = transparency.SIGNED_AT + timedelta(hours=1)
_NOT_HOLDING = ("does not hold",)
_OTHERS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "signed after the certificate ended": ({"issued": _LATE - timedelta(hours=3)}, _NOT_HOLDING),
    "signed before it began": ({"issued": _LATE}, _NOT_HOLDING),
    "logged in the future": ({"at": _LATE + timedelta(days=1)}, ("expected none after",)),
    "a certificate that no log promised": ({"logged_by": pki.key_of("stranger")}, _NOT_HOLDING),
    "by another issuer": ({"issuer": "https://evil.example"}, _NOT_HOLDING),
    "by a longer issuer": ({"issuer": f"{transparency.ISSUER}.evil"}, _NOT_HOLDING),
    "of somebody else": ({"identity": "eve@acme.example"}, ("expected one of the trust root",)),
    "of a longer name": ({"identity": f"{CHECKER}.evil"}, ("expected one of the trust root",)),
    "of a name in upper case": ({"identity": CHECKER.upper()}, ("expected one of the trust root",)),
}


def identities() -> Iterator[Case]:
    """Keyless bundles of others, made wrong, or proven by the entry of something else."""
    payloads = worlds.payloads()
    for name in KEYLESS:
        payload = payloads[name]
        for how, (options, words) in _OTHERS.items():
            yield _keyless(name, how, keyless(payload, **options), words)
        stranger = transparency.Sigstore("other").bundle(payload, identity=CHECKER)
        yield _keyless(name, "of another Sigstore", dump(stranger), _NOT_HOLDING)
        for how, change in _ENTRIES.items():
            value = json.loads(bundles()[name])
            change(value)
            yield _keyless(name, how, dump(value), _ENTRY_WORDS)
    world = partial(_unpinned, identities=(), trusted_roots=())
    yield Case("identities", "no identity is named", world, RELEASE_FILE, ("names no identity",))
    keyid = frozenset({PINNED.identities[0].keyid})
    world = partial(release, revoked_keys=keyid)
    yield Case("identities", "revoked", world, RELEASE_FILE, ("is revoked",))


def _keyless(name: str, how: str, raw: bytes, words: tuple[str, ...]) -> Case:
    world = partial(release, {name: raw})
    return Case("identities", f"{name}: {how}", world, RELEASE_FILE, words)


def _entry(bundle: Any) -> Any:
    return bundle["verificationMaterial"]["tlogEntries"][0]


def _note(bundle: Any, old: str, new: str) -> None:
    checkpoint = _entry(bundle)["inclusionProof"]["checkpoint"]
    assert old in checkpoint["envelope"]
    checkpoint["envelope"] = checkpoint["envelope"].replace(old, new)


def _other_entry(bundle: Any) -> None:
    other = json.loads(keyless(worlds.payloads()["waiver"]))
    bundle["verificationMaterial"]["tlogEntries"] = [_entry(other)]


def _other_leaf(bundle: Any) -> None:
    other = json.loads(keyless(b"{}", key="another minute"))
    bundle["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"]


_ENTRY_WORDS = (*_NOT_HOLDING, "log entries", "a whole number", "the name of its log")
_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "the entry of another statement": _other_entry,
    "the certificate of another minute": _other_leaf,
    "the payload of another": lambda b: b["dsseEnvelope"].update(payload=encode_base64(worlds.payloads()["waiver"])),
    "an entry twice": lambda b: b["verificationMaterial"].update(tlogEntries=[_entry(b)] * 2),
    "no entry": lambda b: b["verificationMaterial"].update(tlogEntries=[]),
    "five entries": lambda b: b["verificationMaterial"].update(tlogEntries=[_entry(b)] * 5),
    "no promise": lambda b: _entry(b).pop("inclusionPromise"),
    "no proof": lambda b: _entry(b).pop("inclusionProof"),
    "no checkpoint": lambda b: _entry(b)["inclusionProof"].pop("checkpoint"),
    "a proof by other hashes": lambda b: _entry(b)["inclusionProof"].update(hashes=[encode_base64(b"\1" * 32)]),
    "a proof by no hashes": lambda b: _entry(b)["inclusionProof"].update(hashes=[]),
    "a proof in another tree": lambda b: _entry(b)["inclusionProof"].update(treeSize="3"),
    "a proof of another place": lambda b: _entry(b)["inclusionProof"].update(logIndex="0"),
    "a minute later": lambda b: _entry(b).update(integratedTime=str(int(transparency.SIGNED_AT.timestamp()) + 60)),
    "at no time": lambda b: _entry(b).update(integratedTime="0"),
    "before the first second": lambda b: _entry(b).update(integratedTime="-1"),
    "by another log": lambda b: _entry(b)["logId"].update(keyId=encode_base64(b"\1" * 32)),
    "a checkpoint of another origin": lambda b: _note(b, "rekor.acme.example - 1\n", "rekor.evil.example - 1\n"),
    "a checkpoint under another name": lambda b: _note(b, "\u2014 rekor.acme.example ", "\u2014 rekor.evil.example "),
    "a checkpoint of a larger tree": lambda b: _note(b, "- 1\n2\n", "- 1\n3\n"),
    "a checkpoint without a signature": lambda b: _note(b, "\u2014 ", "- "),
}  # fmt: skip


# Timestamps ----------------------------------------------------------------------------------

_FAR = datetime(2036, 6, 1, tzinfo=UTC)
_FORM = ("not in standard form",)
_HELD = ("that does not hold",)
_ODD: dict[str, tuple[tokens.Odd, tuple[str, ...]]] = {
    "version 1": (tokens.Odd(version="v1"), ("that was granted", *_FORM)),
    "version 5": (tokens.Odd(version="v5"), _FORM),
    "version 3 of its signer": (tokens.Odd(signer_version="v3"), _FORM),
    "SHA-1 by name": (tokens.Odd(algorithm="sha1_ecdsa"), _FORM),
    "SHA-512 by name": (tokens.Odd(algorithm="sha512_ecdsa"), _FORM),
    "an attribute that nobody signed": (tokens.Odd(unsigned=b"more"), _FORM),
    "two signers": (tokens.Odd(signers=2), _FORM),
    "its signer named in other text": (tokens.Odd(loosely=True), _HELD),
    "of another content": (tokens.Odd(digest=b"\1" * 32), _HELD),
    "rejected": (tokens.Odd(status="rejection"), _HELD),
    "waiting": (tokens.Odd(status="waiting"), _HELD),
    "granted with changes": (tokens.Odd(status="granted_with_mods"), _HELD),
    "revocation imminent": (tokens.Odd(status="revocation_warning"), _HELD),
}


def stamps() -> Iterator[Case | Control]:
    """Timestamps of something else, by others, of other times, or in another form."""
    for name in (*STAMPED, "release"):
        for how, options, words in _tokens():
            world = partial(release, {name: stamped(_bare(name), **options)})
            yield Case("timestamps", f"{name}: {how}", world, place_of(name), words)
        for how, listed, words in (
            ("text", [b"text"], ("no RFC 3161",)),
            ("empty", [b""], ("no RFC 3161", "signedTimestamp")),
            ("five", [tokens.token(_sig(name))] * 5, ("at most 4",)),
            ("a good one and another's", [tokens.token(_sig(name)), tokens.token(b"x")], ("something else",)),
            ("a byte more", [tokens.token(_sig(name)) + b"\0"], ("no RFC 3161",)),
        ):  # fmt: skip
            raw = dump(_with_tokens(name, listed))
            world = partial(release, {name: raw})
            yield Case("timestamps", f"{name}: {how}", world, place_of(name), words)
        yield from _passing(name)


def _tokens() -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    namesake = pki.issue("time root", ca=True, key=pki.key_of("evil"))
    for how, (odd, words) in _ODD.items():
        yield how, {"odd": odd}, words
    yield "of something else", {"over": b"something else"}, ("of something else",)
    yield "over SHA-1", {"algorithm": "sha1"}, ("expected SHA-2",)
    yield "of the future", {"at": _LATE + timedelta(days=1)}, ("expected none after",)
    yield "of the year 1999", {"at": datetime(1999, 1, 1, tzinfo=UTC)}, _HELD
    yield "after its certificate ended", {"at": _FAR}, ("expected none after",)
    yield "by a stranger", {"by": tokens.stamper("another root")}, _HELD
    evil = pki.issue("time root stamps", namesake, purposes=None, extra=tokens.PURPOSE)
    yield "by a namesake", {"by": evil}, _HELD
    yield "with bits of a signature unused", {"unused": True}, _FORM
    yield "by a signer of models", {"by": pki.leaf()}, _HELD
    web = pki.issue("web", tokens.root(), purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))
    yield "by a web server", {"by": web}, _HELD
    lax = pki.issue("lax", tokens.root(), purposes=(ExtendedKeyUsageOID.TIME_STAMPING,))
    yield "by one whose purpose is not critical", {"by": lax}, _HELD


def _passing(name: str) -> Iterator[Control]:
    """What authorities write into tokens, and nobody signs or reads."""
    for how, odd, why in (
        ("words", tokens.Odd(words="Operation Okay"), "words of a time authority to who asked (RFC 3161 §2.4.2)"),
        ("a certificate more", tokens.Odd(more=(pki.leaf().der,)), "a token may carry certificates; only the pinned root makes one count"),
    ):  # fmt: skip
        world = partial(release, {name: stamped(_bare(name), odd=odd)})
        yield Control(f"timestamp of {name}: {how}", world, why)


def _bare(name: str) -> bytes:
    if name in CHAINED:
        return bundles()[name]
    return worlds.bundled(worlds.payloads()[name], SIGNERS[name])


def _sig(name: str) -> bytes:
    return parse_bundle(_bare(name), where="the test").signature


def _with_tokens(name: str, listed: list[bytes]) -> Any:
    value = json.loads(_bare(name))
    value["verificationMaterial"]["timestampVerificationData"] = {
        "rfc3161Timestamps": [{"signedTimestamp": encode_base64(token)} for token in listed]
    }
    return value


STRANGERS: tuple[Callable[[], Iterator[Case | Control]], ...] = (
    signer_fields, leaves, identities, stamps,
)  # fmt: skip
