# SPDX-License-Identifier: Apache-2.0
"""Reserved namespaces: no fresh solo root, other HOME, flag or variable speaks for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hubpolicy
from hubpolicy.adapters.hookplace import this_interpreter
from hubpolicy.core.documents import STATE_TYPE, make_document, state_payload
from hubpolicy.core.gatefile import GateMeta, load_gate, make_gate
from hubpolicy.errors import ConfigError
from tests.cli.world import config, run
from tests.flows.team_world import FAR, Team
from tests.git.repos import ZERO, Repo
from tests.golden.samples import sha, signer
from tests.hook.gate_world import ENDPOINT, person
from tests.hook.hooked import install
from tests.hook.pushes import URL, attested
from tests.hook.reserved_world import reserve, reserve_in_git, spoken
from tests.hook.team_home import own_key, pinned, released, releaser

if TYPE_CHECKING:
    from hubpolicy.adapters.pins import PinPlaces
    from tests.hook.hooked import Pushed

RUN = """
import io, sys
folders, file, home, *arguments = sys.argv[1:]
sys.path += folders.split(":")
from hubpolicy.adapters import pins
pins.PLACES = pins.PinPlaces(file, home)
from hubpolicy.prepush import main
sys.exit(main(arguments))
"""


def hook(machine: PinPlaces, repo: Repo, commit: str, url: str = URL, **environment: str) -> Pushed:
    """The hook's entry point in a process of its own, on that machine."""
    from tests.hook.hooked import Pushed

    here = this_interpreter()
    arguments = (":".join(here.folders), machine.file, machine.home, "origin", url)
    done = subprocess.run(
        [here.python, "-I", "-S", "-c", RUN, *arguments],
        cwd=repo.path,
        input=f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode(),
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    return Pushed(done.returncode, done.stderr.decode())


# The hook ------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [reserve, reserve_in_git])
def test_a_fresh_solo_root_speaks_for_other_names_alone(
    where: object, machine: PinPlaces, repo: Repo, gate: None, team: Team
) -> None:
    commit = attested(repo)
    assert hook(machine, repo, commit).code == 0
    where(machine, team)  # type: ignore[operator]
    pushed = hook(machine, repo, commit)
    assert pushed.code == 2
    assert spoken(pushed.said, team)
    assert "a solo root" in pushed.said
    assert "Nothing was pushed." in pushed.said
    # Another name on that machine is not theirs: it is judged by its evidence, as ever.
    assert "HP307" in hook(machine, repo, commit, f"{ENDPOINT}/ada/wizard").said


def test_the_team_speaks_for_it_whichever_root_of_its_was_pinned(
    machine: PinPlaces, repo: Repo, team: Team
) -> None:
    reserve(machine, team)
    first = team.digest
    team.rotate()
    team.publish_state()
    pinned(team)
    commit = released(repo, releaser(team))
    assert hook(machine, repo, commit).code == 0
    reserve(machine, team)
    assert team.digest != first
    assert hook(machine, repo, commit).code == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_CONFIG_NOSYSTEM": "1"},
        {"GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_GLOBAL": "/dev/null"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "hubpolicy.acme.pin",
         "GIT_CONFIG_VALUE_0": sha("mine")},
        {"GIT_CONFIG_PARAMETERS": "'hubpolicy.acme.pin'='x'"},
        {"XDG_CONFIG_HOME": "/nowhere"},
        {"GIT_DIR": "/nowhere"},
        {"HUBPOLICY_CONFIG": ""},
        {"HF_ENDPOINT": "https://elsewhere.example.org"},
    ],
    ids=lambda variables: next(iter(variables)),
)  # fmt: skip
@pytest.mark.parametrize("where", [reserve, reserve_in_git])
def test_no_variable_moves_it(
    where: object, variables: dict[str, str], machine: PinPlaces, repo: Repo, gate: None, team: Team
) -> None:
    commit = attested(repo)
    where(machine, team)  # type: ignore[operator]
    pushed = hook(machine, repo, commit, **variables)
    assert pushed.code != 0
    assert "GIT_DIR" in variables or (pushed.code == 2 and spoken(pushed.said, team))


@pytest.mark.parametrize("where", [reserve, reserve_in_git])
def test_another_home_does_not_speak_either(
    where: object, machine: PinPlaces, repo: Repo, team: Team, tmp_path: Path
) -> None:
    where(machine, team)  # type: ignore[operator]
    pinned(team)
    elsewhere = tmp_path / "another-home"
    person().install(elsewhere)
    (elsewhere / ".gitconfig").write_text(f'[hubpolicy "acme"]\n\tpin = {sha("mine")}\n')
    pushed = hook(machine, repo, attested(repo), HOME=str(elsewhere))
    assert pushed.code == 2
    assert spoken(pushed.said, team)


def test_a_home_that_forgot_a_private_hub_is_reminded_by_the_machine(
    machine: PinPlaces, repo: Repo, team: Team
) -> None:
    """Without the endpoint a push there is one to nowhere in particular."""
    person().install(Path(os.environ["HOME"]))
    gate = config("gate.json")
    policy, trust, _ = load_gate(gate.read_bytes())
    gate.write_bytes(gate.read_bytes().replace(ENDPOINT.encode(), b"https://huggingface.co"))
    assert load_gate(gate.read_bytes())[:2] == (policy, trust)
    commit = attested(repo)
    reserve(machine, team, f'endpoint = "{ENDPOINT}"\n')
    assert spoken(hook(machine, repo, commit).said, team)


def test_a_gate_written_by_hand_does_not_speak(machine: PinPlaces, repo: Repo, team: Team) -> None:
    """Real root and policy, and a state that its writer signed."""
    from hubpolicy.core.documents import POLICY_TYPE, ROOT_TYPE, open_document

    reserve(machine, team)
    pinned(team)
    commit = released(repo, releaser(team))
    assert hook(machine, repo, commit).code == 0
    root = open_document((team.folder / "root/1.json").read_bytes(), ROOT_TYPE, where="x").payload
    raw = (team.folder / "policy/1.json").read_bytes()
    policy = open_document(raw, POLICY_TYPE, where="x").payload
    lax = state_payload(team.state._replace(version=9, expires=FAR))
    config("gate.json").write_bytes(
        make_gate(root, policy, lax, GateMeta("", (ENDPOINT,), team.digest))
    )
    pushed = hook(machine, repo, commit)
    assert pushed.code == 2
    assert "gate.json was not compiled from the signed documents" in pushed.said
    state = make_document(lax, STATE_TYPE, [signer("mallory")])
    config("trust", "state.json").write_bytes(state)
    pushed = hook(machine, repo, commit)
    assert pushed.code == 2
    assert "got 0 of 1 signatures of role state" in pushed.said
    config("trust", "state.json").unlink()
    assert hook(machine, repo, commit).code == 2
    assert run("trust", "update").code == 0
    assert hook(machine, repo, commit).code == 0


@pytest.mark.parametrize("name", ["ACME", "Acme"])
def test_case_is_no_way_around_it(
    machine: PinPlaces, repo: Repo, gate: None, team: Team, name: str
) -> None:
    reserve(machine, team)
    pushed = hook(machine, repo, attested(repo), URL.replace("acme", name))
    assert pushed.code == 2
    assert spoken(pushed.said, team)


def test_what_releases_nothing_is_not_asked_who_speaks(
    machine: PinPlaces, repo: Repo, gate: None, team: Team, tmp_path: Path
) -> None:
    reserve(machine, team)
    commit = repo.commit({"main.py": b"print()"})
    assert hook(machine, repo, commit, str(tmp_path / "remote.git")).code == 0
    assert hook(machine, repo, commit, f"{ENDPOINT}/datasets/acme/rows").code == 0


@pytest.mark.parametrize("damage", ["[acme]\n", "acme = 1\n", "\0"])
def test_a_damaged_file_of_the_machine_stops_every_push(
    machine: PinPlaces, repo: Repo, gate: None, damage: str
) -> None:
    Path(machine.file).write_text(damage)
    assert hook(machine, repo, repo.commit({"main.py": b"print()"})).code == 2


def test_it_costs_no_import_and_no_second_look(
    machine: PinPlaces, repo: Repo, gate: None, team: Team
) -> None:
    """No TOML parser, and on a machine without pins not even our own."""
    here = this_interpreter()
    code = RUN.replace("sys.exit(main(arguments))", "main(arguments); print(*sorted(sys.modules))")
    commit = attested(repo)
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    loaded = []
    for reserved in (False, True):
        if reserved:
            reserve(machine, team)
        arguments = (":".join(here.folders), machine.file, machine.home, "origin", URL)
        done = subprocess.run(
            [here.python, "-I", "-S", "-c", code, *arguments],
            cwd=repo.path, input=line, capture_output=True, timeout=60,
        )  # fmt: skip
        loaded.append(set(done.stdout.decode().split()))
    assert "hubpolicy.adapters.pins" in loaded[0]
    assert "hubpolicy.core.reserved" not in loaded[0]
    assert "hubpolicy.core.reserved" in loaded[1]
    assert {"tomllib", "datetime", "configparser", "subprocess"} & loaded[1] == set()


# The commands --------------------------------------------------------------------------------


COMMANDS = [
    ("verify", "PATH", "--repo", "acme/wizard"),
    ("verify", "PATH"),
    ("verify", "PATH", "--revision", "HEAD"),
    ("attest", "PATH", "--repo", "acme/wizard"),
    ("push", "PATH", "acme/wizard"),
    ("push", "PATH", "acme/wizard", "--no-attest", "--dry-run"),
    ("push", "PATH", "acme/wizard", "--key", "KEY"),
    ("audit", "acme/wizard"),
    ("approvals", "PATH", "--repo", "acme/wizard"),
    ("approve", "PATH", "--as", "safety", "--repo", "acme/wizard", "--yes"),
    ("withdraw", "acme/wizard", "--reason", "toxic", "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("where", [reserve, reserve_in_git])
def test_no_command_speaks_for_it_under_a_solo_root(
    where: object, command: tuple[str, ...], machine: PinPlaces, repo: Repo, gate: None, team: Team
) -> None:
    attested(repo)
    own_key("ada")
    where(machine, team)  # type: ignore[operator]
    named = {"PATH": str(repo.path), "KEY": f"file:{config('keys', 'solo.pem')}"}
    ran = run(*(named.get(word, word) for word in command), HF_ENDPOINT="http://127.0.0.1:9")
    assert ran.code == 2, ran
    assert spoken(ran.err, team)


def test_no_child_policy_and_no_variable_of_ours_speaks_for_it(
    machine: PinPlaces, repo: Repo, gate: None, team: Team, tmp_path: Path
) -> None:
    attested(repo)
    reserve(machine, team)
    child = tmp_path / "child.toml"
    child.write_text('[targets]\nnamespaces = ["acme"]\n')
    for more, variables in (
        (("-c", child), {}),
        ((), {"HUBPOLICY_CONFIG": str(child)}),
        ((), {"GIT_CONFIG_NOSYSTEM": "1", "XDG_CONFIG_HOME": str(tmp_path)}),
    ):
        ran = run(*more, "verify", repo.path, "--repo", "acme/wizard", **variables)
        assert ran.code == 2, ran
    assert spoken(ran.err, team)


def test_the_library_does_not_speak_for_it_either(
    machine: PinPlaces, repo: Repo, gate: None, team: Team, tmp_path: Path
) -> None:
    commit = attested(repo)
    copy = tmp_path / "copied-gate.json"
    shutil.copy(config("gate.json"), copy)
    assert hubpolicy.verify(repo.path, trust=copy).passed
    reserve(machine, team)
    for trust in ("user", copy):
        for name in ("", "acme/wizard"):
            with pytest.raises(ConfigError, match="'acme' is reserved"):
                hubpolicy.verify(repo.path, trust=trust, repo=name, revision=commit)


def test_the_team_may_by_command_and_by_library(machine: PinPlaces, repo: Repo, team: Team) -> None:
    reserve(machine, team)
    pinned(team)
    released(repo, releaser(team))
    ran = run("verify", repo.path, "--repo", "acme/wizard", HF_ENDPOINT=ENDPOINT)
    assert ran.code == 0, ran
    assert "team" in ran.out or "solo" not in ran.out
    told = hubpolicy.TrustPin(str(team.folder), team.digest)
    for trust in ("user", told):
        assert hubpolicy.verify(repo.path, trust=trust).passed
    with pytest.raises(ConfigError, match=r"a gate\.json alone does not speak"):
        hubpolicy.verify(repo.path, trust=config("gate.json"))


def test_a_server_does_not_take_it_from_a_solo_user(
    machine: PinPlaces, repo: Repo, remote: Repo, gate: None, team: Team
) -> None:
    """The same check where a bare repository receives: what it is, is its administrator's word."""
    attested(repo)
    install(repo)
    reserve(machine, team)
    remote.git("config", "receive.fsckObjects", "true")
    remote.git("config", "hubpolicy.target", "acme/wizard")
    remote.git("config", "hubpolicy.endpoint", ENDPOINT)
    here = this_interpreter()
    script = remote.path / "hooks" / "pre-receive"
    code = RUN.replace("hubpolicy.prepush", "hubpolicy.prereceive")
    words = (here.python, "-I", "-S", "-c", code, ":".join(here.folders), machine.file,
             machine.home)  # fmt: skip
    quoted = " ".join(f"'{word}'" for word in words)
    script.write_text(f"#!/bin/sh\nexec {quoted}\n")
    script.chmod(0o755)
    pushed = repo.raw("push", "--no-verify", "origin", "main", ok=False)
    assert pushed.returncode != 0
    assert spoken(pushed.stderr.decode().replace("remote: ", "").replace("\n", " "), team)
    Path(machine.file).unlink()
    assert repo.raw("push", "--no-verify", "origin", "main").returncode == 0
