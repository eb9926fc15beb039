# SPDX-License-Identifier: Apache-2.0
"""Under a policy that observes, git's hooks say what they would have blocked and let it go."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.gatefile import GateMeta, make_gate
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical, parse
from tests.cli.world import run
from tests.hook.gate_world import ENDPOINT, MODEL, POLICY, person, sha, sign
from tests.hook.hooked import install, push
from tests.hook.pushes import refs, refused

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.policy import Policy
    from tests.git.repos import Repo


def day(days: int) -> str:
    return (datetime.now(tz=UTC) + timedelta(days=days)).date().isoformat()


def observing(days: int) -> Policy:
    return POLICY._replace(mode="observe", observe_until=day(days))


def govern(home: Path, policy: Policy, *, files: frozenset[str] = frozenset()) -> None:
    """Put a gate of this policy where the hook looks, revocations included."""
    compiled = parse(person().gate, what="a gate")
    assert isinstance(compiled, dict)
    state = parse(compiled["state"].encode(), what="a state")
    payload = canonical(policy_payload(policy))
    assert isinstance(state, dict)
    state["policy"]["digest"]["sha256"] = hashlib.sha256(payload).hexdigest()
    state["revokedFiles"] = sorted(files)
    meta = GateMeta(sha("hubpolicy.toml"), (ENDPOINT,))
    gate = make_gate(compiled["root"].encode(), payload, canonical(state), meta)
    person()._replace(gate=gate).install(home)


@pytest.fixture
def watched(repo: Repo, home: Path) -> Repo:
    """A repository whose hook only observes, for a month."""
    govern(home, observing(30))
    install(repo)
    return repo


def test_the_whole_screen_is_printed_and_the_push_goes(watched: Repo, remote: Repo) -> None:
    watched.commit(MODEL)
    pushed = push(watched, "origin", "main")
    assert pushed.code == 0, pushed.said
    assert "OBSERVED, would have blocked." in pushed.said
    assert f"observes until {day(30)}" in pushed.said
    assert {"HP201", "HP120", "HP301"} <= set(pushed.said.split())
    assert "Nothing was pushed" not in pushed.said
    assert " passed " not in pushed.said
    assert refs(remote) == ["refs/heads/main"]


def test_what_else_would_hold_is_said(watched: Repo, home: Path) -> None:
    patient = POLICY.toxicity._replace(max_age_days=4000)
    govern(home, observing(30)._replace(toxicity=patient))
    watched.write(MODEL)
    watched.git("add", "-A")
    sign(watched.path, person())
    release = watched.path / ".hubpolicy" / "release.intoto.jsonl"
    release.write_bytes(b"".join(release.read_bytes().splitlines(keepends=True)[:-1]))
    (policy,) = (watched.path / ".hubpolicy" / "policy").iterdir()
    policy.unlink()
    watched.commit()
    pushed = push(watched, "origin", "main")
    assert pushed.code == 0, pushed.said
    assert "All else holds: once the policy enforces" in pushed.said


def test_a_push_that_releases_nothing_stays_one_line(watched: Repo) -> None:
    watched.commit({"notes.txt": b"notes"})
    pushed = push(watched, "origin", "main")
    assert (pushed.code, "OBSERVED" in pushed.said) == (0, False)
    assert "not a release" in pushed.said


@pytest.mark.parametrize("days", [-1, -400, 91, 5000])
def test_before_and_after_it_blocks(repo: Repo, remote: Repo, home: Path, days: int) -> None:
    govern(home, observing(days))
    install(repo)
    repo.commit(MODEL)
    pushed = push(repo, "origin", "main")
    assert {"HP201", "HP330"} <= refused(pushed)
    assert "OBSERVED" not in pushed.said
    assert refs(remote) == []


def test_today_is_its_last_day(repo: Repo, home: Path) -> None:
    govern(home, observing(0))
    install(repo)
    repo.commit(MODEL)
    first = push(repo, "origin", "main")
    assert first.code == 0 or day(0) not in first.said  # unless midnight passed meanwhile


def test_weights_in_the_history_are_observed_too(watched: Repo, remote: Repo) -> None:
    watched.commit({"leaked.safetensors": b"\x10\0\0\0\0\0\0\0{}" + b"leaked" * 40})
    watched.commit({"notes.txt": b"notes"}, remove=("leaked.safetensors",))
    pushed = push(watched, "origin", "main")
    assert (pushed.code, "HP601" in pushed.said) == (0, True), pushed.said
    assert "OBSERVED, would have blocked." in pushed.said
    assert refs(remote) == ["refs/heads/main"]


def test_revoked_weights_are_blocked_all_the_same(repo: Repo, remote: Repo, home: Path) -> None:
    weights = hashlib.sha256(MODEL["model.safetensors"]).hexdigest()
    govern(home, observing(30), files=frozenset({weights}))
    install(repo)
    repo.commit(MODEL)
    assert "HP703" in refused(push(repo, "origin", "main"))
    assert refs(remote) == []


def test_revoked_weights_in_the_history_are_blocked_too(
    repo: Repo, remote: Repo, home: Path
) -> None:
    leaked = b"\x10\0\0\0\0\0\0\0{}" + b"leaked" * 40
    govern(home, observing(30), files=frozenset({hashlib.sha256(leaked).hexdigest()}))
    install(repo)
    repo.commit({"leaked.safetensors": leaked})
    repo.commit({"notes.txt": b"notes"}, remove=("leaked.safetensors",))
    assert {"HP601", "HP703"} <= refused(push(repo, "origin", "main"))
    assert refs(remote) == []


def test_who_cannot_decide_still_blocks(repo: Repo, remote: Repo, home: Path) -> None:
    """Breaking something is no way to be observed."""
    govern(home, observing(30)._replace(expires="2025-12-31"))
    install(repo)
    repo.commit(MODEL)
    pushed = push(repo, "origin", "main")
    assert (pushed.code != 0, "expired" in pushed.said) == (True, True)
    assert refs(remote) == []


@pytest.mark.parametrize(
    "text", ['mode = "observe"\nobserve_until = {day}\n', 'schema = "hubpolicy/policy/1"\n']
)
def test_no_policy_in_the_commit_and_no_variable_chooses_it(
    hooked: Repo, remote: Repo, text: str
) -> None:
    hooked.commit({**MODEL, "hubpolicy.toml": text.format(day=day(9)).encode()})
    variables = {"HUBPOLICY_MODE": "observe", "HUBPOLICY_CONFIG": "hubpolicy.toml"}
    pushed = push(hooked, "-c", "hubpolicy.mode=observe", "origin", "main", **variables)
    assert pushed.code != 0
    pushed = push(hooked, "origin", "main", **variables)
    assert pushed.code != 0
    assert "OBSERVED" not in pushed.said
    assert refs(remote) == []


@pytest.mark.parametrize(("days", "code"), [(30, 0), (-1, 1)])
def test_the_same_on_a_server(repo: Repo, remote: Repo, home: Path, days: int, code: int) -> None:
    govern(home, observing(days))
    for name, value in (
        ("receive.fsckObjects", "true"),
        ("hubpolicy.target", "acme/wizard"),
        ("hubpolicy.endpoint", ENDPOINT),
    ):
        remote.git("config", name, value)
    assert run("hook", "install", "--server", remote.path).code == 0
    repo.commit(MODEL)
    pushed = push(repo, "origin", "main")
    assert (pushed.code, "OBSERVED, would have blocked." in pushed.said) == (code, code == 0)
    assert ("Nothing was accepted." in pushed.said) == (code == 1)
    assert refs(remote) == (["refs/heads/main"] if code == 0 else [])
