# SPDX-License-Identifier: Apache-2.0
"""The hook judges certificates, timestamps and identities; who has none of them pays for none."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.signers import signer_for
from hubpolicy.adapters.trusted import with_witness
from hubpolicy.core.documents import (
    ROOT_TYPE,
    STATE_TYPE,
    make_document,
    root_payload,
    state_payload,
)
from hubpolicy.core.gatefile import load_gate
from hubpolicy.domain.certified import Identity
from hubpolicy.flows.founding import compile_gate
from tests import certificates as pki
from tests import transparency as sig
from tests.flows.publishing_world import attest_here, desk, put_run
from tests.hook.gate_world import MADE, MODEL, POLICY, TARGET, Person, person
from tests.hook.hooked import install, push
from tests.hook.pushes import refs, refused
from tests.hook.test_lean import HEAVY, modules_after
from tests.stamping import stamper

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.trust import TrustRoot
    from tests.git.repos import Repo

# The run is dated long ago, and timestamps are of now.
PATIENT = POLICY._replace(toxicity=POLICY.toxicity._replace(max_age_days=36500))
ADA = person("ada", PATIENT)
BETWEEN = pki.issue("issuing", pki.root(), ca=True)
SIGSTORE = sig.Sigstore()
FOREIGN = {"cryptography.x509", "rfc3161_client", "sigstore", "pydantic", "requests"}


def under(root: TrustRoot) -> Person:
    """Ada's policy under another root of hers."""
    _, trust, meta = load_gate(ADA.gate)
    documents = (
        make_document(root_payload(root), ROOT_TYPE, (ADA.signer,)),
        ADA.policy_document,
        make_document(state_payload(trust.state), STATE_TYPE, (ADA.signer,)),
    )
    return ADA._replace(gate=compile_gate(*documents, meta, MADE).gate)


def full_root(folder: Path) -> TrustRoot:
    """Somebody who pins one of each."""
    pinned = SIGSTORE.trusted_root()
    digest = hashlib.sha256(pinned.encode()).hexdigest()
    return load_gate(ADA.gate)[1].root._replace(
        authorities=(pki.authority("ada"),),
        identities=(Identity(sig.ISSUER, "ada@acme.example", "ada", digest),),
        trusted_roots=((digest, pinned),),
        time_authorities=(stamper(folder / "time").pinned,),
    )


def certified(folder: Path) -> str:
    leaf = pki.issue("ada", BETWEEN, email="ada@acme.example")
    (folder / "ada.pem").write_bytes(leaf.key_pem)
    (folder / "ada.pem").chmod(0o600)
    (folder / "chain.pem").write_text(leaf.pem + BETWEEN.pem)
    return f"x509:{folder}/ada.pem?chain={folder}/chain.pem"


@pytest.fixture
def tested(repo: Repo, home: Path, tmp_path: Path) -> Repo:
    """A tested model, and a hook whose trust root pins one of each."""
    under(full_root(tmp_path)).install(home)
    install(repo)
    repo.write(MODEL)
    put_run(repo.path, ADA)
    return repo


def test_a_release_under_a_certificate_leaves(tested: Repo, remote: Repo, tmp_path: Path) -> None:
    here = under(full_root(tmp_path))
    signer = signer_for(certified(tmp_path))
    attest_here(tested.path, TARGET, desk(here)._replace(signer=signer))
    commit = tested.commit()
    code, loaded = modules_after(tested, commit)
    assert code == 0
    assert "sigstore" not in loaded
    pushed = push(tested, "origin", "main")
    assert (pushed.code, refs(remote)) == (0, ["refs/heads/main"]), pushed.said


def test_nobody_pinned_nothing_leaves(
    tested: Repo, remote: Repo, home: Path, tmp_path: Path
) -> None:
    here = under(full_root(tmp_path))
    signer = signer_for(certified(tmp_path))
    attest_here(tested.path, TARGET, desk(here)._replace(signer=signer))
    tested.commit()
    ADA.install(home)
    assert "HP302" in refused(push(tested, "origin", "main"))
    assert refs(remote) == []


def test_a_timestamp_is_checked_where_there_is_one(
    tested: Repo, remote: Repo, tmp_path: Path
) -> None:
    here = under(full_root(tmp_path))
    service = stamper(tmp_path / "time")
    at = desk(here)._replace(time_service=service, clock=SystemClock())
    attest_here(tested.path, TARGET, at)
    commit = tested.commit()
    code, loaded = modules_after(tested, commit)
    assert (code, "rfc3161_client" in loaded) == (0, True)
    assert push(tested, "origin", "main").code == 0
    assert refs(remote) == ["refs/heads/main"]


def test_an_identity_is_proven_without_a_network(
    tested: Repo, remote: Repo, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", sig.token(identity="ada@acme.example"))
    with sig.serving(SIGSTORE) as text:
        pinned = json.dumps(json.loads(text)["trustedRoot"])
        digest = hashlib.sha256(pinned.encode()).hexdigest()
        identity = Identity(sig.ISSUER, "ada@acme.example", "ada", digest)
        root = full_root(tmp_path)._replace(
            identities=(identity,), trusted_roots=((digest, pinned),)
        )
        here = under(root)
        here.install(home)
        (tmp_path / "config.json").write_text(text)
        signer = signer_for(f"sigstore:{tmp_path}/config.json")
        at = desk(here)._replace(signer=signer, clock=SystemClock())
        attest_here(tested.path, TARGET, at._replace(trust=with_witness(at.trust)))
    tested.commit()
    pushed = push(tested, "origin", "main")
    assert (pushed.code, refs(remote)) == (0, ["refs/heads/main"]), pushed.said


def test_plain_keys_under_such_a_root_import_none_of_it(tested: Repo, tmp_path: Path) -> None:
    attest_here(tested.path, TARGET, desk(under(full_root(tmp_path))))
    code, loaded = modules_after(tested, tested.commit())
    assert code == 0
    assert not loaded & (FOREIGN | (HEAVY - {"datetime", "decimal"}))
