# SPDX-License-Identifier: Apache-2.0
"""One person's own trust is not taken back by a restored backup either."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubpolicy.adapters.home import user_home
from tests.cli.world import add_to_policy, config, contents, run
from tests.flows.team_world import Team
from tests.golden.samples import sha

SIGN = ("policy", "sign")
REVOKE = ("trust", "revoke", "file", sha("another"), "--yes")


def memory() -> Path:
    return Path(user_home().state) / "trust-seen.json"


@pytest.mark.parametrize("command", [SIGN, REVOKE], ids=" ".join)
def test_a_restored_backup_loses_no_revocation(
    home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    backup = shutil.copytree(config(), tmp_path / "backup")
    for name in ("one", "two", "three"):
        assert run("trust", "revoke", "file", sha(name), "--yes").code == 0
    current = shutil.copytree(config(), tmp_path / "current")
    shutil.rmtree(config())
    shutil.copytree(backup, config())
    before = contents(config())
    ran = run(*command)
    assert ran.code == 1
    assert "got version 2 of the trust state, expected at least 4, as seen before" in ran.err
    assert contents(config()) == before
    shutil.rmtree(config())
    shutil.copytree(current, config())
    assert run(*command).code == 0


def test_a_root_that_was_renewed_is_the_same_line(home: Path, tmp_path: Path) -> None:
    """The policy lives longer now, and a solo root with it: version 2 of the root."""
    backup = shutil.copytree(config(), tmp_path / "backup")
    text = config("hubpolicy.toml").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("expires"))
    add_to_policy("expires = 2091-01-01", old=line)
    assert run(*SIGN).code == 0
    assert run(*SIGN).code == 0
    assert "version 2" in run("trust", "show").out
    shutil.rmtree(config())
    shutil.copytree(backup, config())
    assert run(*SIGN).code == 1


def test_a_damaged_memory_signs_nothing(home: Path) -> None:
    run(*SIGN)
    memory().write_bytes(b"[]")
    before = contents(config())
    for command in (SIGN, REVOKE):
        ran = run(*command)
        assert ran.code == 2
        assert "trust-seen.json" in ran.err
    assert contents(config()) == before


def test_what_is_pinned_is_signed_elsewhere(tmp_path: Path) -> None:
    team = Team(tmp_path / "trust")
    assert run("trust", "pin", team.folder, "--sha256", team.digest).code == 0
    before = contents(config())
    for command in (SIGN, REVOKE):
        ran = run(*command)
        assert ran.code == 2
        assert "team's" in ran.err
    assert contents(config()) == before
