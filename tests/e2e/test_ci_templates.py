# SPDX-License-Identifier: Apache-2.0
"""The templates for CI: what ``doctor --ci`` says of GitHub's, and GitLab's jobs run for real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.cli.world import run
from tests.e2e.test_release_action import Work
from tests.house.tree import PROJECT
from tests.hub.ci_identity import GitHubRunner, claims_for, id_token, publisher
from tests.hub.world import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubpolicy.demo.hub.process import HubProcess

RELEASE = PROJECT / "ci" / "github" / "release.yml"
GITLAB = PROJECT / "ci" / "gitlab" / "hubpolicy.gitlab-ci.yml"
CAPITALS = {
    "OWNER/hubpolicy": "acme/hubpolicy",
    "@COMMIT": "@" + "5c1f9d3e" * 5,
    "NAMESPACE/NAME": "acme/wizard",
    "datasets/NAMESPACE": "datasets/acme",
    "SHA256": "4b" * 32,
}


# --- GitHub -------------------------------------------------------------------------------------


def filled(text: str) -> str:
    for old, new in CAPITALS.items():
        text = text.replace(old, new)
    return text


def doctor(folder: Path, text: str) -> list[tuple[str, str]]:
    """Rule and severity of what ``doctor --ci`` finds in a repository with that workflow."""
    place = folder / ".github" / "workflows" / "release.yml"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    ran = run("doctor", folder, "--ci", "--offline", "--format", "json")
    found = ran.document["findings"]
    return [(f["rule"], f["severity"]) for f in found if f["rule"] == "HP908"]


def test_doctor_finds_nothing_in_the_workflow_as_we_ship_it(tmp_path: Path) -> None:
    assert doctor(tmp_path, filled(RELEASE.read_text())) == []


def test_doctor_finds_what_nobody_filled_in_or_somebody_took_out(tmp_path: Path) -> None:
    """So that the test above can fail."""
    text = RELEASE.read_text()
    assert doctor(tmp_path / "a", text) == [("HP908", "error")]
    open_ = filled(text).replace("  workflow_dispatch:", "  pull_request_target:")
    assert doctor(tmp_path / "b", open_) == [("HP908", "error")]
    bare = filled(text).replace("    environment: hub-release\n", "")
    assert doctor(tmp_path / "c", bare) == [("HP908", "warning")]


def test_doctor_finds_nothing_in_the_pipeline_as_we_ship_it(tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").write_text(GITLAB.read_text())
    ran = run("doctor", tmp_path, "--ci", "--offline", "--format", "json")
    assert [row for row in ran.document["findings"] if row["rule"] == "HP908"] == []
    (tmp_path / ".gitlab-ci.yml").write_text(
        GITLAB.read_text().replace("  stage: deploy\n", "  stage: deploy\n  allow_failure: true\n")
    )
    ran = run("doctor", tmp_path, "--ci", "--offline")
    assert "job hubpolicy-release: `allow_failure` hides its no" in ran.out


def test_the_workflow_gives_the_hubs_trust_to_one_protected_job() -> None:
    document = YAML(typ="safe").load(RELEASE)
    assert document["permissions"] == {}
    jobs = document["jobs"]
    assert {name: job["environment"] for name, job in jobs.items()} == {
        "evidence": "hub-evidence",
        "release": "hub-release",
    }
    for job in jobs.values():
        assert set(job["permissions"]) == {"contents", "id-token"}
        assert job["permissions"]["contents"] == "read"
        for step in job["steps"]:
            assert "run" not in step, "all shell is in the action, at a commit"
    used = [step for job in jobs.values() for step in job["steps"] if "hubpolicy" in step["uses"]]
    assert [step["with"]["stage"] for step in used] == ["evidence", "release"]
    known = YAML(typ="safe").load(PROJECT / "ci/github/release/action.yml")["inputs"]
    for step in used:
        assert set(step["with"]) <= set(known)
        assert {name for name, spec in known.items() if spec.get("required")} <= set(step["with"])


# --- GitLab -------------------------------------------------------------------------------------


def template(inputs: Mapping[str, str]) -> dict[str, Any]:
    """The template's jobs with their inputs, as GitLab puts them in before it reads the jobs."""
    head, jobs = GITLAB.read_text().split("\n---\n")
    spec = YAML(typ="safe").load(head)["spec"]["inputs"]
    given = {name: each.get("default") for name, each in spec.items()} | dict(inputs)
    assert set(given) == set(spec)
    for name, each in spec.items():
        assert re.fullmatch(each.get("regex", ".*"), given[name]), name
    parsed = YAML(typ="safe").load(jobs)

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(each) for key, each in value.items()}
        if isinstance(value, list):
            return [put(each) for each in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\$\[\[ inputs\.([a-z0-9-]+) \]\]", lambda m: given[m[1]], value)

    document: dict[str, Any] = put(parsed)
    return document


class GitLab:
    """A runner of GitLab's: one shell for ``before_script`` and ``script``."""

    def __init__(self, work: Work, folder: Path, inputs: Mapping[str, str]) -> None:
        self.work, self.folder = work, folder
        self.jobs = template(inputs)
        self.bin = folder / "bin"
        self.bin.mkdir()
        # An image's python3: an environment made by it is one with hubpolicy in it.
        real = Path(sys.executable)
        fake = self.bin / "python3"
        fake.write_text(
            f'#!/bin/sh\n[ "$3" = venv ] || exec "{real}" "$@"\nmkdir -p "$4/bin"\n'
            f'printf \'#!/bin/sh\\n[ "$3" = pip ] && echo "$@" >> "{folder}/pip" && exit 0\\n'
            f'exec "{real}" "$@"\\n\' > "$4/bin/python"\nchmod +x "$4/bin/python"\n'
        )
        fake.chmod(0o755)

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        base, job = self.jobs[".hubpolicy"], self.jobs[name]
        assert job["extends"] == ".hubpolicy"
        lines = ["set -eu", *base["before_script"], *job["script"]]
        environment = self.work.environment() | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CI_PROJECT_DIR": str(self.work.model.parent),
            "TMPDIR": str(self.folder),
            "GITHUB_ACTIONS": "",
            "HF_TOKEN": "hf_alice",
        }
        return subprocess.run(
            ["sh", "-c", "\n".join(lines)], env=environment | base["variables"] | more,
            cwd=self.work.model.parent, capture_output=True, text=True, timeout=120, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


def in_gitlab(work: Work, folder: Path, **more: str) -> GitLab:
    inputs = {
        "path": work.model.name,
        "repo": work.repo,
        "version": "0.1.0",
        "trust-source": str(work.team.folder),
        "trust-sha256": work.team.digest,
        "key": f"file:{work.key}",
    }
    folder.mkdir()
    return GitLab(work, folder, inputs | more)


@pytest.fixture
def work(tmp_path: Path, hub: HubProcess, repo: str) -> Iterator[Work]:
    body = {"name": repo.split("/")[1], "organization": "acme", "type": "model", "private": True}
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 200
    claims = {"project_path": "acme/models", "ref_protected": "true"}
    hub.configure({"publishers": [publisher(repo, **claims)]})
    with GitHubRunner() as jobs:
        yield Work(tmp_path, hub, repo, jobs)


def test_gitlab_publishes_by_its_id_token(work: Work, tmp_path: Path) -> None:
    gitlab = in_gitlab(work, tmp_path / "gitlab")
    first = gitlab.run("hubpolicy-evidence")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "hubpolicy[keyless,local]==0.1.0" in (tmp_path / "gitlab" / "pip").read_text()
    assert (work.model.parent / "hubpolicy-check.xml").exists()
    about = {"project_path": "acme/models", "ref_protected": "true"}
    token = id_token(claims_for(work.hub.endpoint, **about))
    stranger = id_token(claims_for(work.hub.endpoint, **about | {"project_path": "mallory/m"}))
    refused = gitlab.run("hubpolicy-release", HUBPOLICY_CI_ID_TOKEN=stranger)
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "model.sig" not in work.names()
    done = gitlab.run("hubpolicy-release", HUBPOLICY_CI_ID_TOKEN=token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "model.sig" in work.names()
    assert work.on_the_hub()["private"] is False
    assert "hf_jwt_" not in done.stdout + done.stderr


def test_gitlab_keeps_the_scorer_and_pulls_another_one(work: Work, tmp_path: Path) -> None:
    gitlab = in_gitlab(work, tmp_path / "gitlab", scorer="hf://acme/scorer@" + "5c1f9d3e" * 5)
    pulled = gitlab.run("hubpolicy-evidence")
    assert pulled.returncode != 0, "there is no such scorer"
    assert "scorer" in pulled.stderr
    kept = work.model.parent / ".hubpolicy-scorers"
    (kept / "scorers" / "mine").mkdir(parents=True)
    (kept / "of").write_text("hf://acme/scorer@" + "5c1f9d3e" * 5 + "\n")
    done = gitlab.run("hubpolicy-evidence")
    assert done.returncode == 0, done.stdout + done.stderr
    (kept / "of").write_text("hf://acme/another@" + "5c1f9d3e" * 5 + "\n")
    assert gitlab.run("hubpolicy-evidence").returncode != 0
    assert not (kept / "scorers").exists()


def test_only_protected_refs_and_protected_environments_publish() -> None:
    jobs = YAML(typ="safe").load(GITLAB.read_text().split("\n---\n")[1])
    (rule,) = jobs[".hubpolicy"]["rules"]
    assert '$CI_COMMIT_REF_PROTECTED == "true"' in rule["if"]
    assert jobs["hubpolicy-release"]["environment"] == {"name": "hub-release"}
    holders = [name for name, job in jobs.items() if "HUBPOLICY_CI_ID_TOKEN" in str(job)]
    assert holders == ["hubpolicy-release"], "one job has an identity that the hub takes"
    for name, job in jobs.items():
        shell = "\n".join((*job.get("before_script", ()), *job.get("script", ())))
        assert "$[[" not in shell, f"{name}: an input in a script is anybody's script"
