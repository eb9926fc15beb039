# SPDX-License-Identifier: Apache-2.0
"""Keys in services: AWS KMS and Vault over loopback, spoken to by their own clients.

The services here hold a real key and answer as the real ones do; Google's and Azure's clients
speak gRPC and HTTPS to fixed names, so of those only what needs no service is tried.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hubpolicy.adapters.signers import signer_for
from hubpolicy.adapters.signers.file import FileSigner
from hubpolicy.core import verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.keys import verify_signature
from hubpolicy.errors import AccessError, ConfigError, ServiceError, UnsupportedError
from tests.golden import samples
from tests.oracles.tools import need_package

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = ec.derive_private_key(77, ec.SECP256R1())
OTHER = ec.derive_private_key(78, ec.SECP256R1())
Answer = tuple[int, dict[str, Any]]


class Service:
    """What stands behind the addresses; ``key`` signs, whatever ``shown`` is said to."""

    def __init__(self) -> None:
        self.key = KEY
        self.shown = KEY.public_key()
        self.kind = "ecdsa-p256"
        self.refusal: Answer | None = None

    def aws(self, target: str, asked: dict[str, Any]) -> Answer:
        assert asked["KeyId"] == "alias/release"
        if target.endswith("GetPublicKey"):
            der = self.shown.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            algorithms = ["ECDSA_SHA_256"] if self.kind == "ecdsa-p256" else ["ECDSA_SHA_384"]
            public = base64.b64encode(der).decode()
            return 200, {"PublicKey": public, "SigningAlgorithms": algorithms}
        assert (asked["MessageType"], asked["SigningAlgorithm"]) == ("DIGEST", "ECDSA_SHA_256")
        digest = base64.b64decode(asked["Message"])
        sig = self.key.sign(digest, ec.ECDSA(Prehashed(SHA256())))
        return 200, {"Signature": base64.b64encode(sig).decode()}

    def vault(self, path: str, asked: dict[str, Any]) -> Answer:
        if path == "/v1/transit/keys/release":
            pem = self.shown.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            keys = {"1": {"public_key": "old"}, "2": {"public_key": pem.decode()}}
            return 200, {"data": {"type": self.kind, "latest_version": 2, "keys": keys}}
        assert path == "/v1/transit/sign/release"
        assert (asked["hash_algorithm"], asked["key_version"]) == ("sha2-256", 2)
        assert asked["marshaling_algorithm"] == "asn1"
        sig = self.key.sign(base64.b64decode(asked["input"]), ec.ECDSA(SHA256()))
        return 200, {"data": {"signature": f"vault:v2:{base64.b64encode(sig).decode()}"}}


@contextmanager
def serving(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = json.loads(body or b"{}")
            target = self.headers.get("X-Amz-Target", "")
            status, answer = service.refusal or (
                service.aws(target, asked) if target else service.vault(self.path, asked)
            )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    there = Service()
    with serving(there) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("VAULT_ADDR", address)
        monkeypatch.setenv("VAULT_TOKEN", "test")
        need_package("boto3")
        import boto3

        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps logins for a whole process
        yield there


URIS = pytest.mark.parametrize("uri", ["awskms:alias/release", "hv:release/2", "hv:release"])


@URIS
@pytest.mark.usefixtures("service")
def test_statements_signed_by_a_service_hold(uri: str) -> None:
    signer = signer_for(uri)
    assert signer.keyid == FileSigner(KEY).keyid
    raw = make_bundle(samples.payloads()["release"], signer)
    key = samples.key("rita")._replace(keyid=signer.keyid, pem=signer.public_pem)
    root = samples.ROOT._replace(keys=(*samples.ROOT.keys, key))
    trust = samples.TRUST._replace(root=root)
    assert verify.verify_bundle(raw, trust, now=samples.NOW, where="x").principal == "rita"
    assert verify_signature(signer.public_pem, signer.sign(b"m"), b"m", where="x")


@URIS
def test_a_key_that_changed_meanwhile_is_noticed(service: Service, uri: str) -> None:
    signer = signer_for(uri)
    service.key = OTHER
    with pytest.raises(ServiceError, match="under another key than before"):
        signer.sign(b"m")


@pytest.mark.parametrize(
    ("uri", "reason"),
    [("awskms:alias/release", "Unsupported scheme"), ("hv:release", "of type rsa-2048, expected")],
)
def test_other_kinds_of_keys(service: Service, uri: str, reason: str) -> None:
    service.kind = "rsa-2048"
    with pytest.raises((ConfigError, ServiceError), match=reason):
        signer_for(uri)


@URIS
def test_other_curves(service: Service, uri: str) -> None:
    service.shown = ec.derive_private_key(5, ec.SECP384R1()).public_key()
    with pytest.raises(ConfigError, match="expected ECDSA on P-256"):
        signer_for(uri)


@pytest.mark.usefixtures("service")
def test_a_version_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="got version 3"):
        signer_for("hv:release/3")


@URIS
def test_services_that_refuse(service: Service, uri: str) -> None:
    service.refusal = (403, {"__type": "AccessDeniedException", "errors": ["permission denied"]})
    with pytest.raises(ServiceError, match=r"AccessDenied|permission denied"):
        signer_for(uri)
    service.refusal = (500, {"__type": "KMSInternalException", "errors": ["internal"]})
    with pytest.raises(ServiceError) as caught:
        signer_for(uri)
    assert not isinstance(caught.value, AccessError)


@pytest.mark.usefixtures("service")
def test_a_login_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AccessError, match="NoCredentials") as caught:
        signer_for("awskms:alias/release")
    assert caught.value.hint


LIBRARIES = {
    "awskms:alias/release": ("securesystemslib", "securesystemslib.signer"),
    "gcpkms:projects/p": ("securesystemslib", "securesystemslib.signer"),
    "azurekms://v.vault.azure.net/keys/k": ("securesystemslib", "securesystemslib.signer"),
    "hv:release": ("hvac",),
    "hsm:2": ("securesystemslib", "securesystemslib.signer"),
}


@pytest.mark.parametrize(("uri", "modules"), LIBRARIES.items(), ids=LIBRARIES.keys())
def test_a_missing_extra_is_one_clear_message(
    uri: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYKCS11LIB", "/usr/lib/softhsm/libsofthsm2.so")
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match="take libraries that are not installed") as caught:
        signer_for(uri)
    assert caught.value.hint == "pip install 'hubpolicy[kms]'"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("uri", ["gcpkms:projects/p", "azurekms://v.vault.azure.net/keys/k"])
def test_a_vendors_library_that_is_missing(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from securesystemslib.signer import _azure_signer, _gcp_signer

    monkeypatch.setattr(_gcp_signer, "GCP_IMPORT_ERROR", "google-cloud-kms library required")
    monkeypatch.setattr(_azure_signer, "AZURE_IMPORT_ERROR", "azure-identity is required")
    with pytest.raises(UnsupportedError, match="required") as caught:
        signer_for(uri)
    assert caught.value.hint == "pip install 'hubpolicy[kms]'"


@pytest.mark.parametrize(
    "uri",
    [
        "azurekms:v", "azurekms://v.vault.azure.net.evil/keys/k", "azurekms://v.vault.azure.net/k",
        "hv:", "hv:a/b", "hv:a/0", "hv:../x", "hv:a b",
    ],
)  # fmt: skip
def test_names_that_are_none(uri: str) -> None:
    with pytest.raises(ConfigError, match="expected the"):
        signer_for(uri)


def test_opening_a_file_key_imports_none_of_them() -> None:
    import subprocess

    code = (
        "import sys, hubpolicy.adapters.signers;"
        "heavy = {'securesystemslib', 'hvac', 'boto3', 'pkcs11', 'sigstore', 'rfc3161_client',"
        " 'cryptography.x509', 'requests', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
