# SPDX-License-Identifier: Apache-2.0
"""Somebody with policy and keys behind a gateway: evidence names the hub, requests go to it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from hubpolicy.guard.judging import permission
from tests.e2e.author import Author
from tests.gateway.test_git_push import commit

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.gateway.world import GatewayProcess
    from tests.hub.world import Git


@pytest.fixture
def eve(ada: Author, gateway: GatewayProcess, token: str, tmp_path: Path) -> Author:
    """With Ada's policy, trust and keys, who reaches nothing but the gateway."""
    home = tmp_path / "eve"
    shutil.copytree(ada.home / ".config", home / ".config")
    made = Author(home, gateway.endpoint)
    made.environment["HF_TOKEN"] = token
    return made


def told(somebody: Author, pair: tuple[str, str], table: str = "[gateways]") -> None:
    """They say for which hub a gateway stands."""
    file = somebody.home / ".config" / "hubpolicy" / "gateways.toml"
    file.write_text(f'{table}\n"{pair[0]}" = "{pair[1]}"  # ours\n', encoding="utf-8")


def guarded(somebody: Author, repo: str, folder: Path) -> bool:
    """Whether the upload guard lets contents of a folder go to a repository, by the gateway."""
    content = (folder / "model.onnx.data").read_bytes()
    wanted = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    question = {
        "method": "POST",
        "url": f"{somebody.endpoint}/{repo}.git/info/lfs/objects/batch",
        "headers": {
            "authorization": f"Bearer {somebody.environment['HF_TOKEN']}",
            "content-type": "application/vnd.git-lfs+json",
        },
    }
    body = json.dumps({"operation": "upload", "objects": [wanted]}).encode()
    with mock.patch.dict(os.environ, somebody.environment, clear=True):
        return bool(permission(question, body)["allowed"])


def test_a_release_is_for_the_hub_that_its_gateway_stands_for(
    eve: Author, hub: HubProcess, release: Path, repo: str
) -> None:
    asked = ("verify", release, "--repo", repo)
    assert "HP307" in eve.type(*asked).text  # it was attested for the hub
    told(eve, ("https://gate.example", hub.endpoint))
    assert "HP307" in eve.type(*asked).text
    told(eve, (f"{eve.endpoint}/", f"{hub.endpoint}/"))
    assert eve.type(*asked).code == 0
    eve.ok("attest", release, "--repo", f"{repo}-two")
    assert guarded(eve, f"{repo}-two", release)
    told(eve, (eve.endpoint, "https://hub.example"))
    assert not guarded(eve, f"{repo}-two", release)
    assert f"repository_url={hub.endpoint}, not for" in eve.type(*asked[:3], f"{repo}-two").text


def test_our_own_push_goes_by_the_gateway(
    eve: Author, ada: Author, hub: HubProcess, release: Path, repo: str
) -> None:
    told(eve, (eve.endpoint, hub.endpoint))
    eve.ok("push", release, repo, "--dry-run")
    assert repo not in ada.ok("gateway", "log", "show").out
    strange = eve.type("push", release, repo, HF_TOKEN="hpg_nobody")
    assert (strange.code, "does not know this token" in strange.text) == (4, True)
    # Its evidence goes ahead: a gateway makes no repository of which it knows no release.
    assert f"{eve.endpoint}/{repo} is public" in eve.ok("push", release, repo).out
    ada.ok("audit", repo)


@pytest.mark.lfs
def test_a_push_with_the_hook_and_an_audit_go_by_the_gateway(
    eve: Author, hub: HubProcess, git: Git, work: Path, release: Path, there: str
) -> None:
    git.environment |= {
        "HOME": str(eve.home), "GIT_CONFIG_GLOBAL": str(work.parent / "git" / ".gitconfig")
    }  # fmt: skip
    commit(git, work, release)
    eve.ok("hook", "install", work)
    eve.ok("gateway", "submit", work, there)
    # Without a word on the gateway the hook does not know that a hub is behind that address.
    git.environment["HF_ENDPOINT"] = eve.endpoint
    refused = git("push", "origin", "main", cwd=work, fails=True)
    assert "HP307" in refused.stderr
    del git.environment["HF_ENDPOINT"]
    told(eve, (eve.endpoint, hub.endpoint), table="gateways:")
    refused = git("push", "origin", "main", cwd=work, fails=True)
    assert "gateways.toml:1" in refused.stderr
    assert '"https://gate.example" = ' in refused.stderr
    told(eve, (eve.endpoint, hub.endpoint))
    done = git("push", "origin", "main", cwd=work)
    assert "passed" in done.stderr
    eve.ok("audit", there)
    eve.ok("verify", there)
    eve.ok("publish", there, "--dry-run")
    eve.ok("publish", there)


def test_a_push_that_does_not_know_its_gateway_keeps_the_line_and_says_what_to_write(
    eve: Author, hub: HubProcess, release: Path, there: str
) -> None:
    line = release / ".hubpolicy" / "release.intoto.jsonl"
    good = line.read_bytes()
    wanted = f'"{eve.endpoint}" = "{hub.endpoint}"'
    refused = eve.type("push", release, there)
    assert (refused.code, wanted in refused.err) == (2, True), refused.text
    assert line.read_bytes() == good
    told(eve, (eve.endpoint, hub.endpoint))
    eve.ok("push", release, there)
    # Signed for the gateway on purpose: then it is the gateway that refuses, and says the same.
    (eve.home / ".config" / "hubpolicy" / "gateways.toml").unlink()
    eve.ok("attest", release, "--repo", there)
    refused = eve.type("push", release, there)
    assert (refused.code, wanted in refused.err) == (4, True), refused.text
    assert f"repository_url={hub.endpoint};" in refused.err  # not cut off
