# SPDX-License-Identifier: Apache-2.0
"""Where a machine says who speaks for a namespace, and what is read of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import pins as places
from hubpolicy.adapters.pins import GitPins, PinPlaces, file_pins, read_pins
from hubpolicy.errors import ConfigError, ServiceError
from tests.git.repos import ZERO, Repo, init
from tests.golden.samples import sha
from tests.hook.pushes import URL, attested
from tests.hook.reserved_world import reserve, reserve_in_git, spoken
from tests.oracles.tools import need

if TYPE_CHECKING:
    from tests.flows.team_world import Team


# Where pins are read -------------------------------------------------------------------------


def test_the_real_places_are_not_of_the_users_choosing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PinPlaces().file == "/etc/hubpolicy/pins.toml"
    import pwd

    monkeypatch.setenv("HOME", "/somewhere/else")
    asked = GitPins(os.environ)
    asked.read()
    assert asked.home == pwd.getpwuid(os.getuid()).pw_dir


def test_only_what_git_has_for_everybody_or_for_the_user_counts(
    machine: PinPlaces, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = init(tmp_path / "theirs")
    repo.git("config", "hubpolicy.acme.pin", sha("mine"))
    monkeypatch.chdir(repo.path)
    reserve_in_git(machine, team)
    assert [pin.root for pin in read_pins(os.environ)] == [team.digest]
    included = Path(machine.home, "more")
    included.write_text(f'[hubpolicy "acme.labs"]\n pin = {team.digest}\n')
    Path(machine.home, ".gitconfig").write_text(f"[include]\n path = {included}\n")
    assert [pin.namespace for pin in read_pins(os.environ)] == ["acme.labs"]


OURS = f'[hubpolicy "acme"]\n\tpin = {sha("x")}\n'


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("", False),
        ("[user]\n name = Ada\n", False),
        (OURS, True),
        (OURS.replace("hubpolicy", "HubPolicy"), True),
        (OURS.replace("\n\t", " "), True),
        (f"[hubpolicy.acme]\npin={sha('x')}\n", True),
        (f"\ufeff{OURS}", True),
        ("[include]\n path = more\n", True),
        ("[Include] path=more\n", True),
        ('[includeIf "gitdir:/"]\n path = more\n', None),
        ('[includeIf "gitdir:/nowhere/"]\n path = more\n', None),
        ("[includ\\\ne]\n path = more\n", None),
        ('[hubpoli\\\ncy "acme"]\n', None),
    ],
)
@pytest.mark.parametrize("name", [".gitconfig", ".config/git/config"])
def test_git_is_spared_only_where_it_has_nothing_to_say(
    machine: PinPlaces, name: str, text: str, pinned: bool | None
) -> None:
    """None: what git makes of it may differ; asked it is."""
    file = Path(machine.home, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (file.parent / "more").write_text(OURS)
    asked = GitPins(os.environ)
    try:
        found = asked.read()
    except ServiceError:
        found = ()
    if places._is_of_the_system(os.environ) and not places._may_name_us("/etc/gitconfig"):
        lower = text.lower()
        assert (asked.running is None) is not ("hubpolicy" in lower or "include" in lower)
    assert pinned is None or bool(found) is pinned


def test_another_git_is_always_asked(
    machine: PinPlaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows where its system configuration is?"""
    where = shutil.which("git")
    assert where is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(where)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    asked = GitPins(os.environ)
    assert asked.running is not None
    assert asked.read() == ()


def test_without_git_nothing_of_gits_is_overlooked(
    machine: PinPlaces, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reserve_in_git(machine, team)
    with pytest.raises(ServiceError, match="git"):
        read_pins(os.environ)
    Path(machine.home, ".gitconfig").unlink()
    if not Path("/etc/gitconfig").exists():
        assert read_pins(os.environ) == ()


def test_configuration_of_gits_that_is_damaged_stops(machine: PinPlaces) -> None:
    Path(machine.home, ".gitconfig").write_text("[hubpolicy\n")
    with pytest.raises(ServiceError):
        read_pins(os.environ)


def test_a_file_that_cannot_be_read_is_not_an_absent_one(machine: PinPlaces) -> None:
    Path(machine.file).mkdir(parents=True)  # root may read any file, but no folder as one
    with pytest.raises(ServiceError, match="cannot read"):
        file_pins()


def test_a_file_without_end_is_not_read(machine: PinPlaces, team: Team) -> None:
    reserve(machine, team, "# \n" * 400_000)
    with pytest.raises(ConfigError, match="more than 1048576 bytes"):
        file_pins()


def test_a_folder_in_its_place_is_not_an_absent_file(machine: PinPlaces) -> None:
    Path(machine.file).mkdir()
    with pytest.raises(ServiceError, match="cannot read"):
        file_pins()


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_to_what_is_not_mounted_is_not_an_absent_file(
    machine: PinPlaces, link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "etc-hubpolicy"
    monkeypatch.setattr(places, "PLACES", PinPlaces(str(place / "pins.toml"), machine.home))
    assert file_pins() == ()
    if link == "folder":
        place.symlink_to(tmp_path / "not-mounted")
    else:
        place.mkdir()
        assert file_pins() == ()
        (place / "pins.toml").symlink_to(tmp_path / "not-mounted.toml")
    with pytest.raises(ServiceError, match="a link whose target is not there") as raised:
        file_pins()
    assert "mounts the target" in raised.value.hint


def own_etc() -> bool:
    """Whether this user may have a mount namespace of its own here."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    done = subprocess.run([unshare, "-rm", "mount", "--bind", "/tmp", "/mnt"], capture_output=True)
    return done.returncode == 0


@pytest.mark.parametrize("place", ["hubpolicy/pins.toml", "gitconfig"])
def test_the_installed_hook_under_an_etc_that_reserves(
    place: str, hooked: Repo, team: Team, tmp_path: Path
) -> None:
    """Nothing is handed in: the real hook, the real places, every variable that might help."""
    need(own_etc(), "mount namespaces for this user")
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), etc)
    text = f'[acme]\nroot = "{team.digest}"\n'
    if place == "gitconfig":
        text = f'[hubpolicy "acme"]\n\tpin = {team.digest}\n'
    (etc / place).parent.mkdir(exist_ok=True)
    commit = attested(hooked)
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    command = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', str(etc),
               str(hooked.path / ".git/hooks/pre-push"), "origin", URL]  # fmt: skip
    helping = {
        **os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null", "XDG_CONFIG_HOME": str(tmp_path),
    }  # fmt: skip
    codes = []
    for content in ("", text):
        (etc / place).write_text(content)
        done = subprocess.run(
            command, cwd=hooked.path, input=line, capture_output=True, timeout=60, env=helping
        )
        codes.append(done.returncode)
    assert codes == [0, 2], done.stderr
    assert spoken(done.stderr.decode(), team)
