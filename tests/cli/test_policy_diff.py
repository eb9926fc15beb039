# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy policy diff``: files, signed policies, digests; and a whole organisation."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.demo.hub.process import HubProcess
from tests.cli.world import REPO, add_to_policy, config, released, run, sign_run
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def draft(home: Path, tmp_path: Path) -> Path:
    """Another version, with one failed attempt less and one approver more."""
    text = config("hubpolicy.toml").read_text()
    text = text.replace("version = 1", "version = 2").replace(
        "max_attempts = 2", "max_attempts = 1"
    )
    path = tmp_path / "draft.toml"
    path.write_text(text + 'approver.safety = { threshold = 1, binds = "closure" }\n')
    return path


def test_the_same_policy_asks_the_same(home: Path) -> None:
    ran = run("policy", "diff", "current", config("hubpolicy.toml"))
    assert ran.code == 0
    assert "nothing is asked differently" in ran.out
    assert "releases stay valid" in ran.out


def test_each_key_is_named_with_what_follows(draft: Path) -> None:
    ran = run("policy", "diff", "current", draft)
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["+", "tightened", "toxicity.max_attempts", "2", "->", "1"] in lines
    assert ["~", "changed", "version", "1", "->", "2"] in lines
    words = [line[0] for line in lines if line[0] in {"signature", "recount", "approval", "run"}]
    assert words == ["signature", "recount", "approval"]
    back = run("policy", "diff", draft, "current")
    assert "- loosened" in back.out
    assert "approval " not in back.out


def test_json_says_the_same(draft: Path) -> None:
    document = json.loads(run("policy", "diff", "current", draft, "--format", "json").out)
    assert document["needs"] == ["signature", "recount", "approval"]
    assert [one["key"] for one in document["changes"]] == [
        "version", "toxicity.max_attempts", "roles.approver.safety",
    ]  # fmt: skip
    assert (document["old"]["version"], document["new"]["version"]) == (1, 2)
    assert "repos" not in document


def test_signed_policies_are_named_by_path_and_by_digest(
    home: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(model)
    (signed,) = (model / ".hubpolicy" / "policy").iterdir()
    add_to_policy("version = 2", old="version = 1")
    assert run("policy", "sign").code == 0
    by_path = run("policy", "diff", signed, "current")
    assert (by_path.code, "version  1 -> 2" in by_path.out) == (0, True)
    monkeypatch.chdir(model)
    assert run("policy", "diff", signed.stem, "current").out == by_path.out
    assert run("policy", "diff", f"sha256:{signed.stem}", "current").out == by_path.out
    now = json.loads(run("policy", "explain", "--format", "json").out)["policy"]["sha256"]
    assert "releases stay valid" in run("policy", "diff", "current", now).out
    assert "count still" not in by_path.out
    add_to_policy("version = 3", old="version = 2")
    day = SystemClock().now()[:10]
    assert run("policy", "sign", "--older-until", day).code == 0
    told = run("policy", "diff", signed, "current")
    assert told.out.endswith(
        f"count still, so that these take no new signature:\n  version 2 ({now[:12]}) until {day}\n"
    )
    found = json.loads(run("policy", "diff", signed, "current", "--format", "json").out)
    assert found["older"] == [{"version": 2, "sha256": now, "until": day}]


@pytest.mark.parametrize("name", ["nowhere.toml", "ab" * 32, "", ".", "current.json"])
def test_what_is_no_policy_is_named(home: Path, name: str) -> None:
    ran = run("policy", "diff", "current", name)
    assert (ran.code, ran.out) == (2, "")
    assert "expected `current`, a policy file" in ran.err


def test_what_is_not_signed_or_not_valid_is_not_compared(draft: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.json"
    forged.write_text(config("trust", "policy.json").read_text().replace('"sig":"M', '"sig":"N'))
    for text in (forged.read_text(), "{}", "", "[" * 9000):
        forged.write_text(text)
        ran = run("policy", "diff", "current", forged)
        assert (ran.code, "no policy that your trust root knows" in ran.err) == (2, True)
    draft.write_text("x = 1")
    assert run("policy", "diff", "current", draft).code == 2


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "hub", TOKENS) as running:
        yield running


@pytest.mark.slow
def test_of_an_organisation_each_repository_says_what_it_needs(
    home: Path, model: Path, draft: Path, hub: HubProcess, tmp_path: Path
) -> None:
    here = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_alice", "HF_HUB_DISABLE_XET": "1"}
    assert run("policy", "sign", **here).code == 0
    released_on = shutil.copytree(model, tmp_path / "second")
    for folder, name in ((model, REPO), (released_on, "acme/second")):
        sign_run(folder)
        ran = run("push", folder, name, **here)
        assert ran.code == 0, ran
    ran = run("policy", "diff", "current", draft, "--org", "acme", "--format", "json", **here)
    assert ran.code == 0, ran
    repos = {one["repo"]: (one["verdict"], one["held"], one["needs"])
             for one in ran.document["repos"]}  # fmt: skip
    assert repos == {
        REPO: ("approval", True, ["signature", "approval"]),
        "acme/second": ("approval", True, ["signature", "approval"]),
    }
    text = run("policy", "diff", "current", draft, "--org", "acme", **here)
    assert "acme/second" in text.out
    assert text.out.rstrip().endswith("2 approval")
    same = run("policy", "diff", "current", "current", "--org", "acme", **here)
    assert same.out.rstrip().endswith("2 valid")
    public = run(
        "policy", "diff", "current", "current", "--org", "acme", **{**here, "HF_TOKEN": ""}
    )
    assert (public.code, public.out.rstrip().endswith("1 unreadable, 2 valid")) == (3, True), public
    assert "acme/*  UNREADABLE  the list of acme was asked for without a login" in public.out
    nobody = run("policy", "diff", "current", draft, "--org", "nobody", **here)
    assert (nobody.code, "got no models in 'nobody'" in nobody.err) == (3, True)
