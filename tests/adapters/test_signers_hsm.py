# SPDX-License-Identifier: Apache-2.0
"""``hsm:`` keys on a real PKCS #11 token: SoftHSM2, from the system's packages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.signers import signer_for
from hubpolicy.core import documents, verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.keys import verify_signature
from hubpolicy.domain.trust import Key, Role, Trust
from hubpolicy.errors import AccessError, ConfigError, ServiceError
from tests.golden import samples
from tests.oracles.tools import need, need_package

if TYPE_CHECKING:
    from hubpolicy.ports import Signer

pytestmark = pytest.mark.oracle

PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
PIN = "1234"
KEYS = {b"\x02": "secp256r1", b"\x03": "secp384r1"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token with two keys. One per process: PKCS #11 reads its configuration only once."""
    found = next((place for place in PLACES if Path(place).exists()), "")
    here = bool(found) and shutil.which("softhsm2-util") is not None
    need(here, "SoftHSM2 (softhsm2)")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        for label in ("acme", "empty"):
            command = ["softhsm2-util", "--init-token", "--free", "--label", label]
            command += ["--pin", PIN, "--so-pin", "5678"]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        _generate(found)
    return found


def _generate(library: str) -> None:
    need_package("pkcs11")
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    token = pkcs11.lib(library).get_token(token_label="acme")
    with token.open(user_pin=PIN, rw=True) as session:
        for number, curve in KEYS.items():
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)},
                local=True,
            )
            parameters.generate_keypair(store=True, id=number, label="release")


@pytest.fixture
def token(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYKCS11LIB", library)


def opened(uri: str = "hsm:2?label=acme", pin: str = PIN) -> Signer:
    return signer_for(uri, passphrase=pin.encode)


def trusting(signer: Signer) -> Trust:
    key = Key(signer.keyid, signer.public_pem, "rita")
    return Trust(samples.ROOT._replace(keys=(*samples.ROOT.keys, key)), samples.STATE)


@pytest.mark.usefixtures("token")
def test_statements_signed_on_a_token_hold() -> None:
    signer = opened()
    for _ in range(8):  # half of all signatures have an integer that starts with a zero byte more
        raw = make_bundle(samples.payloads()["release"], signer)
        line = verify.verify_bundle(raw, trusting(signer), now=samples.NOW, where="x")
        assert line.principal == "rita"
    assert verify_signature(signer.public_pem, signer.sign(b"m"), b"m", where="x")
    assert not verify_signature(signer.public_pem, signer.sign(b"m"), b"n", where="x")


@pytest.mark.usefixtures("token")
def test_trust_documents_are_signed_on_a_token() -> None:
    signer = opened()
    key = Key(signer.keyid, signer.public_pem, "ada")
    roles = tuple(
        Role(name, frozenset({"ada"}), 1)
        for name in ("root", "policy", "state", "releaser", "checker")
    )
    root = samples.ROOT._replace(keys=(key,), roles=roles, solo=True)
    payload = documents.root_payload(root)
    raw = documents.make_document(payload, documents.ROOT_TYPE, [signer])
    envelope = documents.open_document(raw, documents.ROOT_TYPE, where="x")
    assert documents.signers_of(envelope, root, "root", where="x") == {"ada"}


@pytest.mark.usefixtures("token")
def test_the_pin_is_asked_for_once_and_only_to_sign() -> None:
    asked = []

    def pin() -> bytes:
        asked.append("pin")
        return PIN.encode()

    signer = signer_for("hsm:2?label=acme", passphrase=pin)
    assert signer.keyid
    assert asked == []
    signer.sign(b"one")
    signer.sign(b"two")
    assert asked == ["pin"]


@pytest.mark.usefixtures("token")
def test_what_cannot_be_used_says_why() -> None:
    with pytest.raises(AccessError, match="PinIncorrect"):
        opened(pin="9999").sign(b"m")
    with pytest.raises(AccessError, match="needs a PIN"):
        signer_for("hsm:2?label=acme").sign(b"m")
    with pytest.raises(ConfigError, match="expected ECDSA on P-256"):
        opened("hsm:3?label=acme")
    with pytest.raises(ConfigError, match="could not find ECDSA key"):
        opened("hsm:9?label=acme")
    with pytest.raises(ConfigError, match="No PKCS#11 token found for label none"):
        opened("hsm:2?label=none")
    with pytest.raises(ConfigError, match="Multiple PKCS#11 tokens"):
        opened("hsm:2")


def test_a_library_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYKCS11LIB", str(tmp_path / "none.so"))
    with pytest.raises(ServiceError, match=r"none\.so"):
        opened()
    monkeypatch.delenv("PYKCS11LIB")
    with pytest.raises(ConfigError, match="got no PYKCS11LIB") as caught:
        opened()
    assert "export PYKCS11LIB=" in caught.value.hint


@pytest.mark.parametrize("rest", ["x", "2?x=1", "2?label=", "2?label=a&label=b", "-1", "2/3"])
def test_uris_that_name_no_key(rest: str) -> None:
    with pytest.raises(ConfigError, match="expected the number of a key"):
        opened(f"hsm:{rest}")
