# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hubpolicy.adapters.signers import SCHEMES, signer_for
from hubpolicy.adapters.signers.file import FileSigner, create_key
from hubpolicy.core.keys import keyid_of, verify_signature
from hubpolicy.errors import AccessError, ConfigError, ServiceError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def write(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


def pem(key: Private, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


P256 = ec.derive_private_key(5, ec.SECP256R1())


def test_new_key_signs_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "me.pem"
    made = create_key(path)
    opened = signer_for(f"file:{path}")
    assert opened.keyid == made.keyid == keyid_of(made.public_pem)
    assert opened.public_pem == made.public_pem
    signature = opened.sign(b"message")
    assert verify_signature(made.public_pem, signature, b"message", where="x")


def test_public_half_is_what_other_tools_write() -> None:
    text = P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert FileSigner(P256).public_pem == text.decode()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("passphrase", [None, b"secret words"])
def test_private_key_is_its_owners_alone(
    tmp_path: Path, passphrase: bytes | None, mask: int
) -> None:
    path = tmp_path / "new" / "key.pem"
    before = os.umask(mask)
    try:
        create_key(path, passphrase=passphrase)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["key.pem"]


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"the old key")
    with pytest.raises(ConfigError, match="never overwritten"):
        create_key(path)
    assert path.read_bytes() == b"the old key"
    assert os.listdir(tmp_path) == ["key.pem"]


def test_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(ConfigError, match="never overwritten"):
        create_key(tmp_path / "key.pem")
    assert not (tmp_path / "elsewhere.pem").exists()


def test_nothing_is_left_where_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServiceError, match="No space left"):
        create_key(tmp_path / "key.pem")
    assert os.listdir(tmp_path) == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((ServiceError, ConfigError)):
        create_key(tmp_path / "file" / "key.pem")


def test_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = create_key(path, passphrase=b"secret words")
    assert b"ENCRYPTED" in path.read_bytes()
    uri = f"file:{path}"
    assert signer_for(uri, passphrase=lambda: b"secret words").keyid == made.keyid
    with pytest.raises(AccessError, match="does not open"):
        signer_for(uri, passphrase=lambda: b"secret word")
    with pytest.raises(AccessError, match="does not open"):
        signer_for(uri, passphrase=lambda: b"")
    with pytest.raises(ConfigError, match="no passphrase"):
        signer_for(uri)
    with pytest.raises(ConfigError, match="empty passphrase"):
        create_key(tmp_path / "other.pem", passphrase=b"")


def test_passphrase_costs_more_than_2048_rounds(tmp_path: Path) -> None:
    create_key(tmp_path / "key.pem", passphrase=b"secret words")
    lines = (tmp_path / "key.pem").read_text().splitlines()
    der = base64.b64decode("".join(lines[1:-1]))
    scrypt, salt = bytes.fromhex("06092b06010401da47040b"), 20
    costs = der.partition(scrypt)[2][salt : salt + 10]
    assert costs == bytes.fromhex("02024000 020108 020105")  # n = 16384, r = 8, p = 5


@pytest.mark.parametrize("passphrase", [b"x", "pässwörd €".encode(), b"\0\xff" * 40])
def test_passphrases_are_bytes_of_any_kind(tmp_path: Path, passphrase: bytes) -> None:
    made = create_key(tmp_path / "key.pem", passphrase=passphrase)
    opened = signer_for(f"file:{tmp_path}/key.pem", passphrase=lambda: passphrase)
    assert opened.keyid == made.keyid


def test_passphrase_is_asked_for_only_where_it_is_needed(tmp_path: Path) -> None:
    def never() -> bytes:
        pytest.fail("asked")

    create_key(tmp_path / "key.pem")
    assert signer_for(f"file:{tmp_path / 'key.pem'}", passphrase=never).keyid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o677])
def test_keys_that_others_can_reach_are_refused(tmp_path: Path, mode: int) -> None:
    uri = write(tmp_path / "key.pem", pem(P256), mode)
    with pytest.raises(ConfigError, match=f"got mode {mode:04o}, expected 0600") as caught:
        signer_for(uri)
    assert caught.value.hint == f"chmod 600 {tmp_path / 'key.pem'}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_keys_of_the_owner_alone_open(tmp_path: Path, mode: int) -> None:
    uri = write(tmp_path / "key.pem", pem(P256), mode)
    assert signer_for(uri).keyid == FileSigner(P256).keyid


def test_traditional_pem_of_openssl_opens(tmp_path: Path) -> None:
    uri = write(tmp_path / "key.pem", pem(P256, PrivateFormat.TraditionalOpenSSL))
    assert signer_for(uri).keyid == FileSigner(P256).keyid


OTHER_KINDS: dict[str, bytes] = {
    "P-384": pem(ec.derive_private_key(5, ec.SECP384R1())),
    "secp256k1": pem(ec.derive_private_key(5, ec.SECP256K1())),
    "Ed25519": pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"\1" * 32)),
    "RSA": pem(rsa.generate_private_key(65537, 2048)),
    "public key": FileSigner(P256).public_pem.encode(),
    "empty": b"",
    "text": b"not a key",
    "truncated": pem(P256)[:60],
}


@pytest.mark.parametrize("content", OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
def test_only_p256_private_keys(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"expected (ECDSA on P-256|PKCS #8)"):
        signer_for(write(tmp_path / "key.pem", content))


def test_missing_key_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ServiceError, match="cannot be read"):
            signer_for(f"file:{path}")


def test_file_uri_with_slashes(tmp_path: Path) -> None:
    write(tmp_path / "key.pem", pem(P256))
    assert signer_for(f"file://{tmp_path}/key.pem").keyid == FileSigner(P256).keyid


@pytest.mark.parametrize("uri", ["gnupg:x", "FILE:/x", "/x/key.pem", "", ":", "file"])
def test_registry_is_closed(uri: str) -> None:
    with pytest.raises(UnsupportedError, match="expected file:"):
        signer_for(uri)
    services = {"awskms", "gcpkms", "azurekms", "hv", "sigstore"}
    assert set(SCHEMES) == {"file", "x509", "hsm"} | services
