# SPDX-License-Identifier: Apache-2.0
"""Signatures by ``model_signing sign key|certificate``, judged by hubpolicy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hubpolicy.core import verify
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import HubpolicyError
from tests import certificates as pki
from tests.golden import samples
from tests.oracles.test_model_signing import FILES, manifest_of
from tests.oracles.tools import model_signing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

ROOT = samples.ROOT._replace(authorities=(pki.authority("rita", "ada"),))
TRUST = Trust(ROOT, samples.STATE)
IGNORED = (".hubpolicy", "model.sig")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model without a signature."""
    target = tmp_path / "wizard-7b"
    for name, content in FILES.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target


def certify(place: Path, leaf: pki.Issued, *chain: pki.Issued) -> tuple[str | Path, ...]:
    """Options of ``sign certificate`` for this leaf."""
    place.mkdir(exist_ok=True)
    (place / "leaf.key").write_bytes(leaf.key_pem)
    (place / "leaf.pem").write_text(leaf.pem)
    (place / "chain.pem").write_text("".join(each.pem for each in chain))
    return (
        "--private_key", place / "leaf.key", "--signing_certificate", place / "leaf.pem",
        "--certificate_chain", place / "chain.pem",
    )  # fmt: skip


def sign(method: str, target: Path, signature: Path, *options: str | Path) -> bytes:
    ignored = [word for name in IGNORED for word in ("--ignore-paths", target / name)]
    done = model_signing("sign", method, *options, *ignored, "--signature", signature, target)
    assert done.returncode == 0, done.stderr
    return signature.read_bytes()


def judged(raw: bytes, target: Path, trust: Trust = TRUST) -> str:
    found = verify.verify_model_signature(raw, trust, manifest_of(target), now=samples.NOW)
    return found.principal


def test_a_certificates_signature_is_its_members(folder: Path, tmp_path: Path) -> None:
    chain = (pki.between(), pki.root())
    options = certify(tmp_path / "pki", pki.leaf(), *chain)
    raw = sign("certificate", folder, tmp_path / "model.sig", *options)
    assert "x509CertificateChain" in json.loads(raw)["verificationMaterial"]
    assert judged(raw, folder) == "rita"
    (tmp_path / "root.pem").write_text(pki.root().pem)
    (folder / "model.sig").write_bytes(raw)
    theirs = model_signing(
        "verify", "certificate", "--certificate_chain", tmp_path / "root.pem",
        "--signature", folder / "model.sig", folder,
    )  # fmt: skip
    assert theirs.returncode == 0, theirs.stderr
    (folder / "config.json").write_bytes(b"[]")
    with pytest.raises(HubpolicyError, match=r"config\.json"):
        judged(raw, folder)


def test_an_expired_certificate_that_the_reference_accepts(folder: Path, tmp_path: Path) -> None:
    old = pki.issue(
        "rita", pki.between(), email="rita@acme.example", end=datetime(2026, 11, 1, tzinfo=UTC)
    )
    raw = sign(
        "certificate", folder, tmp_path / "model.sig", *certify(tmp_path / "p", old, pki.between())
    )
    (tmp_path / "root.pem").write_text(pki.root().pem)
    (folder / "model.sig").write_bytes(raw)
    theirs = model_signing(
        "verify", "certificate", "--certificate_chain", tmp_path / "root.pem",
        "--signature", folder / "model.sig", folder,
    )  # fmt: skip
    assert theirs.returncode == 0, theirs.stderr
    with pytest.raises(HubpolicyError, match="does not chain"):
        judged(raw, folder)


@pytest.mark.parametrize(
    "case", ["another root", "nobody's name", "another curve", "a stranger's key"]
)
def test_signers_that_are_refused(folder: Path, tmp_path: Path, case: str) -> None:
    method, options = "certificate", certify(tmp_path / "p", pki.leaf(), pki.between())
    trust, reason = TRUST, "no authority may certify"
    if case == "another root":
        other = pki.issue("other root", ca=True)
        trust = TRUST._replace(
            root=ROOT._replace(authorities=(ROOT.authorities[0]._replace(pem=other.pem),))
        )
        reason = "does not chain"
    elif case == "nobody's name":
        eve = pki.issue("eve", pki.between(), email="eve@acme.example")
        options = certify(tmp_path / "p", eve, pki.between())
    elif case == "another curve":
        key = ec.generate_private_key(ec.SECP384R1())
        leaf = pki.issue("rita", pki.between(), email="rita@acme.example", key=key)
        options, reason = certify(tmp_path / "p", leaf, pki.between()), "ECDSA P-256"
    else:
        method, reason = "key", "expected one of the trust root"
        options = ("--private_key", tmp_path / "p" / "leaf.key")
    raw = sign(method, folder, tmp_path / "model.sig", *options)
    with pytest.raises(HubpolicyError, match=reason):
        judged(raw, folder, trust)


def test_files_left_out_beyond_the_fixed_set(folder: Path, tmp_path: Path) -> None:
    options = certify(tmp_path / "p", pki.leaf(), pki.between())
    more = ("--ignore-paths", folder / "README.md")
    raw = sign("certificate", folder, tmp_path / "model.sig", *options, *more)
    with pytest.raises(HubpolicyError, match="ignore_paths"):
        judged(raw, folder)
