# SPDX-License-Identifier: Apache-2.0
"""Who writes into the trust folder chooses nothing of the machine that reads it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.oracles.tools import need_package
from tests.transparency import Sigstore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.team_world import Team


# Who writes into the folder chooses nothing of this machine ------------------------------------

KEYLESS = """
[[identities]]
issuer = "https://issuer.example"
identity = "https://example.org/workflow"
principal = "robot"
trusted_root = "{}"
"""


def with_identity(team: Team, path: str) -> None:
    source = team.folder / "root.toml"
    source.write_text(source.read_text() + KEYLESS.format(path))


@pytest.mark.parametrize("through", ["file", "folder", "dangling"])
def test_a_link_in_the_folder_gives_no_file_of_this_machine_away(team: Team, through: str) -> None:
    secret = team.public_key("ada").with_name("solo.pem")
    (team.folder / "sigstore").mkdir()
    name = {"folder": "sigstore/there/solo.pem"}.get(through, "sigstore/trusted_root.json")
    to = {"file": secret, "folder": secret.parent, "dangling": secret.with_name("none")}[through]
    place = "there" if through == "folder" else "trusted_root.json"
    (team.folder / "sigstore" / place).symlink_to(to)
    with_identity(team, name)
    ran = team.trust("ada", "rotate")
    assert (ran.code, "is a symbolic link" in ran.err) == (2, True), ran
    assert "pending/root-2.json" not in team.files()
    body = secret.read_text().splitlines()[1]
    assert body not in ran.out + ran.err


@pytest.mark.parametrize("name", ["root.toml", "hubpolicy.toml", "keys/ada.pub.pem", "state.json"])
def test_no_document_is_read_through_a_link(team: Team, tmp_path: Path, name: str) -> None:
    (team.folder / name).rename(tmp_path / "moved")
    (team.folder / name).symlink_to(tmp_path / "moved")
    before = team.files()
    ran = team.trust("ada", "policy" if name == "hubpolicy.toml" else "rotate")
    assert (ran.code, "is a symbolic link" in ran.err) == (2, True), ran
    assert team.files() == before


def test_a_private_key_is_never_copied_into_a_root(team: Team) -> None:
    """Somebody put it there by mistake: no link is needed for that."""
    secret = team.public_key("ada").with_name("solo.pem")
    shutil.copy(secret, team.folder / "keys" / "trusted_root.json")
    with_identity(team, "keys/trusted_root.json")
    ran = team.trust("ada", "rotate")
    assert (ran.code, "got a private key" in ran.err) == (2, True), ran
    assert "pending/root-2.json" not in team.files()


def test_what_nobody_could_verify_with_is_not_pinned(team: Team) -> None:
    need_package("sigstore")
    text = Sigstore().trusted_root()
    (team.folder / "trusted_root.json").write_text(text.replace('"tlogs"', '"clogs"'))
    with_identity(team, "trusted_root.json")
    ran = team.trust("ada", "rotate")
    assert (ran.code, "no Sigstore trusted root" in ran.err) == (1, True), ran
    (team.folder / "trusted_root.json").write_text(text)
    assert team.trust("ada", "rotate").code == 0
