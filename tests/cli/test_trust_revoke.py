# SPDX-License-Identifier: Apache-2.0
"""``trust revoke`` of people with certificates, and of what strangers left in a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.bundle import make_chain_bundle
from hubpolicy.core.certificates import read_leaf
from hubpolicy.core.keys import keyid_of
from hubpolicy.domain.certified import name_id
from tests import certificates as pki
from tests.cli.team_world import Team, found_team
from tests.cli.world import contents, released, run
from tests.unit.core.test_hostile_certificates import HOSTILE, pem

if TYPE_CHECKING:
    from pathlib import Path

RITAS = ("email:rita@acme.example", "subject:CN=rita", "uri:urn:rita")
AUTHORITY = """
[authorities.acme-ca]
certificate = "certificates/ca.pem"
members = { "email:rita@acme.example" = "rita", "subject:CN=rita" = "rita", "email:sam@acme.example" = "sam" }
[authorities.other-ca]
certificate = "certificates/other.pem"
members = { "uri:urn:rita" = "rita" }
"""


@pytest.fixture
def certified(tmp_path: Path) -> Team:
    """A team whose root lets two authorities certify rita, by three names, and one sam."""
    team = found_team(tmp_path)
    assert team.sign("ada", "bob").code == 0
    folder = team.folder / "certificates"
    folder.mkdir()
    (folder / "ca.pem").write_text(pki.root().pem)
    (folder / "other.pem").write_text(pki.issue("other root", ca=True).pem)
    path = team.folder / "root.toml"
    path.write_text(path.read_text() + AUTHORITY)
    assert team.trust("ada", "rotate").code == 0
    assert team.sign("ada", "bob").code == 0
    return team


@pytest.mark.parametrize("what", ["name", "key"])
@pytest.mark.parametrize("name", RITAS)
def test_a_name_revokes_every_name_of_that_person(certified: Team, name: str, what: str) -> None:
    value = name if what == "name" else name_id(name)
    ran = certified.run("ada", "trust", "revoke", what, value, certified.folder, "--yes")
    assert ran.code == 0
    assert all(f"name     {name_id(each)}  {each}" in ran.out for each in RITAS)
    assert "sam" not in ran.out
    assert certified.sign("ada").code == 0
    assert certified.state().revoked_keys == set(map(name_id, RITAS))


def test_a_name_that_nobody_certifies(certified: Team) -> None:
    ran = certified.run("ada", "trust", "revoke", "name", "email:eve@x", certified.folder, "--yes")
    assert ran.code == 2
    assert "expected one that a root lets an authority certify" in ran.err


def test_an_id_that_no_root_lists_is_warned_of(certified: Team) -> None:
    ran = certified.run("ada", "trust", "revoke", "key", "ab" * 32, certified.folder, "--yes")
    assert ran.code == 0
    assert f"warning: no root lists key {'ab' * 32}" in ran.err
    assert "hubpolicy trust revoke key leaf.pem" in ran.err
    for known in (name_id(RITAS[0]), certified.signer("bob").keyid):
        ran = certified.run("ada", "trust", "revoke", "key", known, certified.folder, "--yes")
        assert (ran.code, "warning" in ran.err) == (0, False), ran


def test_a_certificate_is_revoked_by_its_file(certified: Team, tmp_path: Path) -> None:
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(pki.leaf().pem)
    ran = certified.run("ada", "trust", "revoke", "key", leaf, certified.folder, "--yes")
    assert (ran.code, "warning" in ran.err) == (0, False)
    assert certified.sign("ada").code == 0
    keyid = keyid_of(read_leaf(pki.leaf().der, where="x").pem)
    assert certified.state().revoked_keys == {keyid}


@pytest.mark.parametrize("der", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_certificate_is_refused_by_name(home: Path, tmp_path: Path, der: bytes) -> None:
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(pem(der))
    before = contents(home)
    ran = run("trust", "revoke", "key", leaf, "--yes")
    assert ran.code == 2
    assert "no X.509 certificate that can be read" in ran.err
    assert str(leaf) in ran.err
    assert contents(home) == before


def test_a_hostile_line_stops_neither_judging_nor_revoking(home: Path, model: Path) -> None:
    released(model)
    path = model / ".hubpolicy" / "release.intoto.jsonl"
    chain = (HOSTILE["an x400 address"], pki.between().der)
    path.write_bytes(path.read_bytes() + make_chain_bundle(b"{}", b"signature", chain) + b"\n")
    assert run("check", model).code == 0
    ran = run("verify", model, "--format", "json")
    assert (ran.code, "HP302" in ran.rules) == (1, True), ran
    ran = run("trust", "revoke", "release", model, "--yes")
    assert ran.code == 0
    assert "model.safetensors" in ran.out
