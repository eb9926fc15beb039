# SPDX-License-Identifier: Apache-2.0
"""Certificates, timestamps and model signatures of others on the command line, end to end."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.certified import Identity
from tests import certificates as pki
from tests import transparency as sig
from tests.cli.world import REPO, config, contents, own_key, released, resign, run, sign_run
from tests.golden import samples
from tests.oracles.test_model_signing_import import certify, sign
from tests.stamping import Stamper, serving, stamper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubpolicy.domain.trust import TrustRoot

BETWEEN = pki.issue("issuing", pki.root(), ca=True)


def pinning(**changes: object) -> Callable[[TrustRoot], TrustRoot]:
    return lambda root: root._replace(**changes)  # type: ignore[arg-type]


def certified(folder: Path) -> str:
    """Ada's certified key, and an authority in the root that vouches for her."""
    resign(root=pinning(authorities=(pki.authority("ada"),)))
    leaf = pki.issue("ada", BETWEEN, email="ada@acme.example")
    (folder / "ada.pem").write_bytes(leaf.key_pem)
    (folder / "ada.pem").chmod(0o600)
    (folder / "ada.chain.pem").write_text(leaf.pem + BETWEEN.pem)
    return f"x509:{folder}/ada.pem?chain={folder}/ada.chain.pem"


def pinned(folder: Path) -> Stamper:
    authority = stamper(folder / "time")
    resign(root=pinning(time_authorities=(authority.pinned,)))
    return authority


# Certificates --------------------------------------------------------------------------------


def test_a_release_under_a_certificate(home: Path, model: Path, tmp_path: Path) -> None:
    key = certified(tmp_path)
    sign_run(model, key=key)
    ran = run("attest", model, "--repo", REPO, "--key", key)
    assert ran.code == 0, ran
    assert "signed: card, model.sig, release" in ran.out
    again = run("attest", model, "--key", key)
    assert "signed: nothing new" in again.out
    verified = run("verify", model, "--repo", REPO)
    assert verified.code == 0
    assert "signed by ada" in verified.out
    lines = (model / ".hubpolicy" / "release.intoto.jsonl").read_text().splitlines()
    for line in lines:
        assert "x509CertificateChain" in json.loads(line)["verificationMaterial"]


def test_a_certificate_that_nobody_pinned(home: Path, model: Path, tmp_path: Path) -> None:
    key = certified(tmp_path)
    sign_run(model, key=key)
    resign(root=pinning(authorities=()))
    ran = run("attest", model, "--repo", REPO, "--key", key)
    assert ran.code == 1
    assert "the trust root pins no authority" in ran.err


@pytest.mark.parametrize("what", ["name", "certificate"])
def test_revoking_somebody_who_is_certified(
    home: Path, model: Path, tmp_path: Path, what: str
) -> None:
    key = certified(tmp_path)
    sign_run(model, key=key)
    assert run("attest", model, "--repo", REPO, "--key", key).code == 0
    (tmp_path / "leaf.pem").write_bytes((tmp_path / "ada.chain.pem").read_bytes())
    value = ("name", "email:ada@acme.example") if what == "name" else ("key", tmp_path / "leaf.pem")
    assert run("trust", "revoke", *value, "--yes").code == 0
    ran = run("verify", model, "--repo", REPO, "--format", "json")
    assert (ran.code, "HP701" in ran.rules) == (1, True)


def test_names_and_files_that_revoke_nobody(home: Path, model: Path, tmp_path: Path) -> None:
    certified(tmp_path)
    ran = run("trust", "revoke", "name", "email:eve@acme.example", "--yes")
    assert (ran.code, "expected one that a root lets" in ran.err) == (2, True)
    ran = run("trust", "revoke", "key", tmp_path / "ada.pem", "--yes")
    assert (ran.code, "no X.509 certificate" in ran.err) == (2, True)


def test_keys_that_take_an_extra_or_are_none(home: Path, model: Path) -> None:
    ran = run("attest", model, "--repo", REPO, "--key", "hsm:x")
    assert (ran.code, "expected the number of a key" in ran.err) == (2, True)
    ran = run("attest", model, "--repo", REPO, "--key", "gnupg:x")
    assert (ran.code, "file: or x509:" in ran.err) == (3, True)


# Identities ----------------------------------------------------------------------------------


def test_a_release_by_an_identity_is_verified_offline(
    home: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", sig.token(identity="ada@acme.example"))
    config_file = tmp_path / "trust_config.json"
    key = f"sigstore:{config_file}"
    with sig.serving(sig.Sigstore()) as text:
        config_file.write_text(text)
        pinned_root = json.dumps(json.loads(text)["trustedRoot"])
        digest = hashlib.sha256(pinned_root.encode()).hexdigest()
        identity = Identity(sig.ISSUER, "ada@acme.example", "ada", digest)
        resign(root=pinning(identities=(identity,), trusted_roots=((digest, pinned_root),)))
        sign_run(model, key=key)
        ran = run("attest", model, "--repo", REPO, "--key", key)
        assert ran.code == 0, ran
        assert "signed: nothing new" in run("attest", model, "--key", key).out
    verified = run("verify", model, "--repo", REPO)
    assert verified.code == 0, verified
    assert "by the transparency log" in verified.out
    assert run("trust", "revoke", "key", identity.keyid, "--yes").code == 0
    ran = run("verify", model, "--repo", REPO, "--format", "json")
    assert (ran.code, "HP701" in ran.rules) == (1, True)


# Timestamps ----------------------------------------------------------------------------------


def test_a_release_line_with_a_timestamp(home: Path, model: Path, tmp_path: Path) -> None:
    authority = pinned(tmp_path)
    sign_run(model)
    with serving(authority.reply) as url:
        ran = run("attest", model, "--repo", REPO, "--timestamp", url)
    assert ran.code == 0, ran
    assert "signed: card, model.sig, release, timestamp" in ran.out
    verified = run("verify", model, "--repo", REPO)
    assert verified.code == 0
    assert "by acme time" in verified.out
    assert "self-declared" not in verified.out
    before = contents(model)
    again = run("attest", model, "--timestamp", "http://127.0.0.1:9/nobody")
    assert (again.code, "signed: nothing new" in again.out) == (0, True)
    assert contents(model) == before


def test_a_timestamp_is_added_later_without_signing_again(
    home: Path, model: Path, tmp_path: Path
) -> None:
    authority = pinned(tmp_path)
    released(model)
    assert "self-declared" in run("verify", model, "--repo", REPO).out
    with serving(authority.reply) as url:
        ran = run("attest", model, "--timestamp", url)
    assert "signed: timestamp" in ran.out
    assert "by acme time" in run("verify", model, "--repo", REPO).out


def test_where_the_root_pins_nobody_it_is_said(home: Path, model: Path, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    sign_run(model)
    with serving(authority.reply) as url:
        ran = run("attest", model, "--repo", REPO, "--timestamp", url)
    assert ran.code == 0
    assert "pins no time authority" in ran.err
    verified = run("verify", model, "--repo", REPO)
    assert (verified.code, "self-declared" in verified.out) == (0, True)


def test_the_word_of_another_authority_is_refused(home: Path, model: Path, tmp_path: Path) -> None:
    pinned(tmp_path)
    stranger = stamper(tmp_path / "other", root="stranger root")
    sign_run(model)
    before = contents(model)
    with serving(stranger.reply) as url:
        ran = run("attest", model, "--repo", REPO, "--timestamp", url)
    assert ran.code == 1
    assert "expected one by acme time" in ran.err
    assert contents(model) == before


def test_an_authority_that_does_not_answer(home: Path, model: Path, tmp_path: Path) -> None:
    pinned(tmp_path)
    sign_run(model)
    before = contents(model)
    ran = run("attest", model, "--repo", REPO, "--timestamp", "http://127.0.0.1:9/nobody")
    assert (ran.code, "no answer from" in ran.err) == (3, True)
    ran = run("attest", model, "--repo", REPO, "--timestamp", "timestamp.acme.example")
    assert (ran.code, "expected the http address" in ran.err) == (2, True)
    assert contents(model) == before


def test_a_timestamp_of_another_line_blocks(home: Path, model: Path, tmp_path: Path) -> None:
    authority = pinned(tmp_path)
    sign_run(model)
    with serving(authority.reply) as url:
        assert run("attest", model, "--repo", REPO, "--timestamp", url).code == 0
    path = model / ".hubpolicy" / "release.intoto.jsonl"
    *others, release = path.read_text().splitlines()
    value, stamped = json.loads(others[0]), json.loads(release)
    part = "timestampVerificationData"
    value["verificationMaterial"][part] = stamped["verificationMaterial"][part]
    path.write_text("\n".join([json.dumps(value), *others[1:], release]) + "\n")
    ran = run("verify", model, "--repo", REPO, "--format", "json")
    assert ran.code == 1
    assert "HP311" in ran.rules


# Model signatures of others ------------------------------------------------------------------


def signature(model: Path, name: str = "made elsewhere") -> bytes:
    return make_bundle(oms_statement(FolderRelease(model).manifest, name), own_key())


def test_a_model_signature_made_elsewhere_is_kept(home: Path, model: Path, tmp_path: Path) -> None:
    released(model)
    given = tmp_path / "given.sig"
    leaf = certified(tmp_path)
    assert leaf
    from hubpolicy.adapters.signers import signer_for

    raw = make_bundle(oms_statement(FolderRelease(model).manifest, "elsewhere"), signer_for(leaf))
    given.write_bytes(json.dumps(json.loads(raw), indent=2).encode())
    ran = run("attest", model, "--model-sig", given)
    assert ran.code == 0, ran
    assert "signed: release" in ran.out
    assert (model / "model.sig").read_bytes() == given.read_bytes()
    verified = run("verify", model, "--repo", REPO)
    assert verified.code == 0
    assert "signed by ada" in verified.out
    assert "signed: nothing new" in run("attest", model).out
    assert (model / "model.sig").read_bytes() == given.read_bytes()


@pytest.mark.parametrize("case", ["other files", "a stranger's", "no bundle", "no file"])
def test_model_signatures_that_are_refused(
    home: Path, model: Path, tmp_path: Path, case: str
) -> None:
    released(model)
    given = tmp_path / "given.sig"
    if case == "other files":
        given.write_bytes(signature(model))
        (model / "README.md").write_text((model / "README.md").read_text() + "\nMore.\n")
    elif case == "a stranger's":
        statement = oms_statement(FolderRelease(model).manifest, "x")
        given.write_bytes(make_bundle(statement, samples.signer("mallory")))
    elif case == "no bundle":
        given.write_bytes(b"-----BEGIN PGP SIGNATURE-----")
    before = contents(model)
    ran = run("attest", model, "--model-sig", given)
    code = {"no bundle": 3, "no file": 2}.get(case, 1)
    assert ran.code == code, ran
    assert ran.err.count("\n") <= 4
    assert "Traceback" not in ran.err
    assert contents(model) == before


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("method", ["key", "certificate"])
def test_what_model_signing_signed_is_taken_over_and_judged(
    home: Path, model: Path, tmp_path: Path, method: str
) -> None:
    released(model)
    options: tuple[str | Path, ...] = ("--private_key", config("keys", "solo.pem"))
    if method == "certificate":
        resign(root=pinning(authorities=(pki.authority("ada"),)))
        leaf = pki.issue("ada", BETWEEN, email="ada@acme.example")
        options = certify(tmp_path / "pki", leaf, BETWEEN)
    given = sign(method, model, tmp_path / "given.sig", *options)
    ran = run("attest", model, "--model-sig", tmp_path / "given.sig")
    assert ran.code == 0, ran
    verified = run("verify", model, "--repo", REPO)
    assert verified.code == 0, verified
    assert "signed: nothing new" in run("attest", model).out
    assert (model / "model.sig").read_bytes() == given
    if method == "certificate":
        resign(root=pinning(authorities=()))
        ran = run("verify", model, "--repo", REPO, "--format", "json")
        assert (ran.code, "HP302" in ran.rules) == (1, True)
