# SPDX-License-Identifier: Apache-2.0
"""``x509:`` keys: what they sign carries its chain, and what nobody could accept is not signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.signers import signer_for
from hubpolicy.core import verify
from hubpolicy.core.bundle import Sealing, make_bundle, parse_bundle
from hubpolicy.core.keys import verify_signature
from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import AccessError, ConfigError
from tests import certificates as pki
from tests.golden import samples

if TYPE_CHECKING:
    from pathlib import Path

ROOT = samples.ROOT._replace(authorities=(pki.authority("rita"),))
PAYLOAD = samples.payloads()["release"]
BETWEEN = pki.issue("now between", pki.root(), ca=True)


def write(folder: Path, leaf: pki.Issued, *others: pki.Issued, mode: int = 0o600) -> str:
    (folder / "key.pem").write_bytes(leaf.key_pem)
    (folder / "key.pem").chmod(mode)
    (folder / "chain.pem").write_text("".join(each.pem for each in (leaf, *others)))
    return f"x509:{folder}/key.pem?chain={folder}/chain.pem"


def test_bundles_carry_the_chain_and_hold(tmp_path: Path) -> None:
    signer = signer_for(write(tmp_path, pki.leaf(), pki.between()))
    assert isinstance(signer, Sealing)
    assert signer.names == ("email:rita@acme.example", "subject:CN=rita")
    raw = make_bundle(PAYLOAD, signer)
    assert parse_bundle(raw, where="x").certificates == (pki.leaf().der, pki.between().der)
    trust = Trust(ROOT, samples.STATE)
    line = verify.verify_bundle(raw, trust, now=SystemClock().now(), where="x")
    assert (line.principal, line.keyid) == ("rita", signer.keyid)
    assert verify_signature(signer.public_pem, signer.sign(b"m"), b"m", where="x")


def test_whose_key_is_at_hand(tmp_path: Path) -> None:
    signer = signer_for(write(tmp_path, pki.leaf(), pki.between()))
    assert principal_at_hand(signer, ROOT) == "rita"
    assert principal_at_hand(signer, samples.ROOT) == ""
    plain = samples.signer("rita")
    assert principal_at_hand(plain, samples.ROOT) == "rita"
    stranger = samples.signer("mallory")
    assert principal_at_hand(stranger, ROOT) == ""


def test_passphrase(tmp_path: Path) -> None:
    uri = write(tmp_path, pki.leaf(), pki.between())
    content = pki.leaf().key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"words")
    )
    (tmp_path / "key.pem").write_bytes(content)
    assert signer_for(uri, passphrase=lambda: b"words").keyid
    with pytest.raises(AccessError, match="does not open"):
        signer_for(uri, passphrase=lambda: b"word")


LEAVES: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"end": pki.shifted(-1)}, "the certificate is valid from"),
    "not yet valid": ({"begin": pki.shifted(1)}, "the certificate is valid from"),
    "for TLS": ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "not codeSigning"),
    "an authority": ({"ca": True}, "certificate of an authority"),
}


@pytest.mark.parametrize(("options", "reason"), LEAVES.values(), ids=LEAVES.keys())
def test_nothing_is_signed_that_nobody_would_accept(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    leaf = pki.issue("rita", BETWEEN, email="rita@acme.example", **options)
    with pytest.raises(ConfigError, match=reason) as caught:
        signer_for(write(tmp_path, leaf, BETWEEN))
    assert caught.value.hint


def test_the_leaf_is_the_keys_own(tmp_path: Path) -> None:
    uri = write(tmp_path, pki.leaf(), pki.between())
    (tmp_path / "chain.pem").write_text(pki.leaf("mallory").pem + pki.leaf().pem)
    with pytest.raises(ConfigError, match="of another key"):
        signer_for(uri)


@pytest.mark.parametrize(
    "rest",
    ["", "key.pem", "key.pem?", "key.pem?chain=", "key.pem?chain=c&x=1", "?chain=c", "key.pem?x=c"],
)
def test_both_files_are_named(rest: str) -> None:
    with pytest.raises(ConfigError, match="expected a key and its chain") as caught:
        signer_for(f"x509:{rest}")
    assert "?chain=" in caught.value.hint


@pytest.mark.parametrize("name", ["a+b", "a b", "ä=?", "100%25"])
def test_paths_are_taken_letter_by_letter(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    write(folder, pki.leaf(), pki.between())
    quoted = f"{tmp_path}/{quote(name, safe='+ =')}"
    signer = signer_for(f"x509:{quoted}/key.pem?chain={quoted}/chain.pem")
    assert isinstance(signer, Sealing)
    assert signer.names[0] == "email:rita@acme.example"


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    uri = write(tmp_path, pki.leaf(), mode=0o644)
    with pytest.raises(ConfigError, match="got mode 0644, expected 0600"):
        signer_for(uri)
    (tmp_path / "chain.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"no X\.509 certificate"):
        signer_for(uri)
    (tmp_path / "chain.pem").unlink()
    with pytest.raises(AccessError, match="cannot be read"):
        signer_for(uri)
