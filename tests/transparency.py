# SPDX-License-Identifier: Apache-2.0
"""A Sigstore of our own: certificate authority, certificate log and transparency log in one.

It makes what Fulcio, its CT log and Rekor (version 1) make, with keys that are the same in every
run, so that everything that must be refused can be made too. Over loopback it answers the real
client, which then signs as it does elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hubpolicy.core.bundle import MEDIA_TYPE
from hubpolicy.core.dsse import Envelope, Signature, make_envelope, pae
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.statement import PAYLOAD_TYPE
from tests import certificates as pki

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUER = "https://login.acme.example"
IDENTITY = "rita@acme.example"
SIGNED_AT = datetime(2026, 11, 22, 14, 59, 30, tzinfo=UTC)
_START = {"start": "2020-01-01T00:00:00Z"}
_ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SCT_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


class Sigstore(NamedTuple):
    """One instance; its name makes its keys."""

    name: str = "acme"

    @property
    def ct(self) -> ec.EllipticCurvePrivateKey:
        return pki.key_of(f"{self.name} ct")

    @property
    def rekor(self) -> ec.EllipticCurvePrivateKey:
        return pki.key_of(f"{self.name} rekor")

    @property
    def root(self) -> pki.Issued:
        return pki.issue(f"{self.name} fulcio", ca=True)

    @property
    def between(self) -> pki.Issued:
        return pki.issue(f"{self.name} fulcio between", self.root, ca=True)

    def trusted_root(self, url: str = "https://rekor.acme.example") -> str:
        """The JSON that others pin."""
        chain = [{"rawBytes": b64(each.der)} for each in (self.between, self.root)]
        value = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log(self.rekor, url)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "acme", "commonName": "fulcio"},
                    "uri": "https://fulcio.acme.example",
                    "certChain": {"certificates": chain},
                    "validFor": _START,
                }
            ],
            "ctlogs": [_log(self.ct, "https://ct.acme.example")],
            "timestampAuthorities": [],
        }
        return json.dumps(value)

    def certificate(
        self,
        key: ec.EllipticCurvePublicKey,
        *,
        identity: str = IDENTITY,
        issuer: str = ISSUER,
        at: datetime = SIGNED_AT,
        logged_by: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        """Ten minutes for whom the issuer says it is, with the promise of the certificate log."""
        above = self.between
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(above.certificate.subject)
            .public_key(key)
            .serial_number(int(hashlib.sha256(spki(key)).hexdigest()[:30], 16) + 1)
            .not_valid_before(at - timedelta(minutes=1))
            .not_valid_after(at + timedelta(minutes=9))
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([pki.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()),
                critical=False,
            )
            .add_extension(_san(identity), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_OID, issuer.encode()), critical=False)
        )
        draft = builder.sign(above.key, SHA256(), ecdsa_deterministic=True)
        promise = _sct(logged_by or self.ct, above, draft.tbs_certificate_bytes, at)
        return builder.add_extension(
            x509.UnrecognizedExtension(_SCT_OID, promise), critical=False
        ).sign(above.key, SHA256(), ecdsa_deterministic=True)

    def entry(self, body: bytes, at: datetime = SIGNED_AT) -> dict[str, Any]:
        """A log entry of version 1: promised, and proven to be the second of two."""
        first = hashlib.sha256(b"\0another entry").digest()
        second = hashlib.sha256(b"\0" + body).digest()
        top = hashlib.sha256(b"\1" + first + second).digest()
        log_id = hashlib.sha256(spki(self.rekor.public_key())).digest()
        note = f"rekor.acme.example - 1\n2\n{b64(top)}\n"
        mark = b64(log_id[:4] + signed(self.rekor, note.encode()))
        time = int(at.timestamp())
        promised = {"body": b64(body), "integratedTime": time, "logID": log_id.hex(), "logIndex": 1}
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(log_id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {
                "signedEntryTimestamp": b64(signed(self.rekor, canonical(promised)))
            },
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(top),
                "treeSize": "2",
                "hashes": [b64(first)],
                "checkpoint": {"envelope": f"{note}\n\u2014 rekor.acme.example {mark}\n"},
            },
            "canonicalizedBody": b64(body),
        }

    def bundle(
        self, payload: bytes, *, at: datetime = SIGNED_AT, key: str = "minute", **who: Any
    ) -> dict[str, Any]:
        """A keyless bundle of a payload."""
        private = pki.key_of(f"{self.name} {key}")
        certificate = self.certificate(private.public_key(), at=who.pop("issued", at), **who)
        sig = signed(private, pae(PAYLOAD_TYPE, payload))
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self.entry(dsse_body(payload, sig, certificate), at)],
                "timestampVerificationData": {"rfc3161Timestamps": []},
            },
            "dsseEnvelope": make_envelope(Envelope(payload, PAYLOAD_TYPE, (Signature("", sig),))),
        }


def dsse_body(payload: bytes, sig: bytes, certificate: x509.Certificate) -> bytes:
    """What the log keeps of an envelope."""
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [
            {"signature": b64(sig), "verifier": b64(certificate.public_bytes(Encoding.PEM))}
        ],
    }
    return canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})


def token(*, identity: str = IDENTITY, issuer: str = ISSUER, audience: str = "sigstore") -> str:
    """An identity token as an issuer would sign it; only the authority would look at that."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": issuer, "sub": identity, "aud": audience, "iat": now, "exp": now + 300}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*texts, b"c2ln"]).decode()


@contextmanager
def serving(there: Sigstore, *, refuse: str = "") -> Iterator[str]:
    """The JSON of a ClientTrustConfig for the instance, while it answers on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if refuse and self.path.startswith(refuse):
                self._send(403, {"message": "not you"})
            elif self.path == "/api/v2/signingCert":
                self._send(200, _issued(there, asked, self.headers["Authorization"]))
            else:
                self._send(201, _integrated(there, asked))

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    service = {"url": url, "majorApiVersion": 1, "validFor": _START, "operator": "acme"}
    config = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": json.loads(there.trusted_root(url)),
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "oidcUrls": [],
            "rekorTlogUrls": [service],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [],
            "tsaConfig": {"selector": "ANY"},
        },
    }
    try:
        yield json.dumps(config)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _issued(there: Sigstore, asked: dict[str, Any], authorization: str) -> dict[str, Any]:
    """Fulcio's answer: a certificate for the key of the request and the identity of the token."""
    request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    claims = authorization.removeprefix("Bearer ").split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    certificate = there.certificate(
        key, identity=said["sub"], issuer=said["iss"], at=datetime.now(UTC)
    )
    chain = [certificate, there.between.certificate, there.root.certificate]
    texts = [each.public_bytes(Encoding.PEM).decode() for each in chain]
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": texts}}}


def _integrated(there: Sigstore, asked: dict[str, Any]) -> dict[str, Any]:
    """Rekor's answer: the entry of a proposed envelope."""
    content = asked["spec"]["proposedContent"]
    envelope = json.loads(content["envelope"])
    (verifier,) = content["verifiers"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(verifier))
    (signature,) = envelope["signatures"]
    payload = base64.b64decode(envelope["payload"])
    body = dsse_body(payload, base64.b64decode(signature["sig"]), certificate)
    entry = there.entry(body, datetime.now(UTC))
    proof = entry["inclusionProof"]
    return {
        "1" * 80: {
            "body": b64(body),
            "integratedTime": int(entry["integratedTime"]),
            "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
            "logIndex": 1,
            "verification": {
                "inclusionProof": {
                    "checkpoint": proof["checkpoint"]["envelope"],
                    "hashes": [base64.b64decode(each).hex() for each in proof["hashes"]],
                    "logIndex": 1,
                    "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                    "treeSize": 2,
                },
                "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            },
        }
    }


def _log(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
    der = spki(key.public_key())
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(der),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": _START,
        },
        "logId": {"keyId": b64(hashlib.sha256(der).digest())},
    }


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _san(identity: str) -> x509.SubjectAlternativeName:
    if identity.startswith("https://"):
        return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
    return x509.SubjectAlternativeName([x509.RFC822Name(identity)])


def _sct(key: ec.EllipticCurvePrivateKey, above: pki.Issued, tbs: bytes, at: datetime) -> bytes:
    """A signed certificate timestamp list (RFC 6962 §3.2) as the extension has it."""
    issuer = above.key.public_key()
    assert isinstance(issuer, ec.EllipticCurvePublicKey)
    entry = hashlib.sha256(spki(issuer)).digest() + len(tbs).to_bytes(3, "big") + tbs
    time = int(at.timestamp() * 1000)
    sig = signed(key, struct.pack("!BBQH", 0, 0, time, 1) + entry + b"\0\0")
    log_id = hashlib.sha256(spki(key.public_key())).digest()
    sct = b"\0" + log_id + struct.pack("!QHBBH", time, 0, 4, 3, len(sig)) + sig
    listed = struct.pack("!HH", len(sct) + 2, len(sct)) + sct
    return (
        bytes([4, len(listed)]) + listed
        if len(listed) < 128
        else bytes([4, 129, len(listed)]) + listed
    )
