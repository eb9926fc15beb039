# SPDX-License-Identifier: Apache-2.0
"""One person's own trust is not taken back by a restored backup either."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.trust_memory import trust_lock
from hubpolicy.cli.trust_revoke import Revoked, revoke_here
from hubpolicy.cli.wiring import seat
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


def test_of_two_revocations_at_once_none_is_lost(home: Path) -> None:
    """Whoever comes second is told to try again, or takes what the first one wrote along."""
    start = [sys.executable, "-W", "ignore", "-m", "hubpolicy", "trust", "revoke", "file"]
    done: list[str] = []
    for number in range(3):
        names = [sha(f"{number} {side}") for side in ("left", "right")]
        both = [subprocess.Popen([*start, name, "--yes"], stdout=-1, stderr=-1) for name in names]
        said = [process.communicate(timeout=60)[1].decode() for process in both]
        for process, name, text in zip(both, names, said, strict=True):
            assert process.returncode == 0 or "try again" in text, text
            done += [name] if process.returncode == 0 else []
    shown = run("trust", "show").out
    assert len(done) >= 3
    assert [name for name in done if name not in shown] == []


@pytest.mark.parametrize("command", [SIGN, REVOKE], ids=" ".join)
def test_nothing_is_signed_while_another_changes_the_trust(
    home: Path, command: tuple[str, ...]
) -> None:
    before = contents(config())
    with trust_lock(user_home()):
        ran = run(*command)
    assert (ran.code in {1, 3}, "try again" in ran.err) == (True, True), ran
    assert contents(config()) == before
    assert run(*command).code == 0


def test_what_was_revoked_meanwhile_stays_revoked(home: Path) -> None:
    """The first one has read what is in force, and signs after the second one has written."""
    place = seat()
    assert run("trust", "revoke", "file", sha("second"), "--yes").code == 0
    state = revoke_here(place, Revoked(files=frozenset({sha("first")})), "")
    assert state.revoked_files >= {sha("first"), sha("second")}
    assert seat().trusted.trust.state == state


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
