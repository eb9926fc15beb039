# SPDX-License-Identifier: Apache-2.0
"""The release action's steps in bash, as a runner runs them: a job of GitHub's publishes on a hub.

The provider of identities is ours (a key, its JWKS, GitHub's endpoint); client and exchange are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from hubpolicy.domain.release import RepoId
from tests.e2e.author import snapshot
from tests.e2e.runner import PLACEHOLDER, Runner, action
from tests.flows.team_world import Team
from tests.hook.gate_world import MODEL, person, sign
from tests.house.tree import PROJECT
from tests.hub.ci_identity import GitHubRunner, publisher
from tests.hub.world import ask, client_environment
from tests.unit.core.card.cards import with_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.runner import Job

ACTION = PROJECT / "ci" / "github" / "release" / "action.yml"
STEPS: list[dict[str, Any]] = action("ci", "github", "release", "action.yml")["runs"]["steps"]
PIN = [step["name"] for step in STEPS].index("Pin whom to believe")


class Work:
    """A checkout with a model, a trust folder, a key, and a repository on a hub that waits."""

    def __init__(self, folder: Path, hub: HubProcess, repo: str, jobs: GitHubRunner) -> None:
        self.hub, self.repo, self.jobs = hub, repo, jobs
        self.team = Team(folder / "trust")
        ada = person("ada")
        self.key = folder / "ada.pem"
        self.key.write_bytes(
            ada.signer._key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.key.chmod(0o600)
        self.model = folder / "checkout" / "my model"
        self.model.mkdir(parents=True)
        for name, content in MODEL.items():
            (self.model / name).write_bytes(content)
        namespace, name = repo.split("/")
        sign(self.model, ada, target=RepoId(namespace, name, "model", hub.endpoint))
        # What was run counts; card and release are to be signed anew.
        (self.model / "README.md").write_bytes(with_metadata().encode() + b"\nA hotfix.\n")
        self.temp = folder / "runner temp"
        (self.temp / "hubpolicy").mkdir(parents=True)
        (self.temp / "hubpolicy" / "venv").symlink_to(Path(sys.executable).parents[1])

    def environment(self, **more: str) -> dict[str, str]:
        mine = client_environment(self.temp / "home of the runner")
        hub = {"HF_ENDPOINT": self.hub.endpoint, "HUBPOLICY_NO_PROGRESS": "1"}
        return {n: v for n, v in mine.items() if n != "HOME"} | hub | self.jobs.environment | more

    def release(self, inputs: Mapping[str, str] | None = None, **env: str) -> Job:
        """All steps but the installation."""
        given = {
            "path": str(self.model),
            "repo": self.repo,
            "trust-source": str(self.team.folder),
            "trust-sha256": self.team.digest,
            "key": f"file:{self.key}",
        } | dict(inputs or {})
        runner = Runner(self.temp, ACTION, self.environment(**env), self.model.parent)
        return runner.run(given, first=PIN)

    def on_the_hub(self) -> dict[str, Any]:
        found: dict[str, Any] = ask(f"{self.hub.endpoint}/api/models/{self.repo}").json
        return found

    def names(self) -> set[str]:
        return {each["rfilename"] for each in self.on_the_hub()["siblings"]}


@pytest.fixture
def work(tmp_path: Path, hub: HubProcess, repo: str) -> Iterator[Work]:
    body = {"name": repo.split("/")[1], "organization": "acme", "type": "model", "private": True}
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 200
    hub.configure({"publishers": [publisher(repo)]})
    with GitHubRunner() as jobs:
        yield Work(tmp_path, hub, repo, jobs)


def exchanges(work: Work, mark: int) -> int:
    return sum(line["path"] == "/oauth/token" for line in work.hub.requests()[mark:])


def test_a_job_publishes_by_its_identity_alone(work: Work) -> None:
    mark = len(work.hub.requests())
    job = work.release()
    assert job.code == 0, job.log
    assert job.ran == ("Pin whom to believe", "Check", "Test", "Attest", "Push")
    assert job.outputs["exit-code"] == "0"
    assert json.loads(Path(job.outputs["report"]).read_bytes())["verdict"] == "passed"
    assert "passed" in job.summary
    assert work.on_the_hub()["private"] is False
    assert {"README.md", "model.sig", ".hubpolicy/release.intoto.jsonl"} <= work.names()
    assert exchanges(work, mark) == 1, "one step of the job has a token"
    assert work.jobs.audiences == [work.hub.endpoint]
    accounts = {line["account"] for line in work.hub.requests()[mark:]}
    assert accounts <= {"", "[OIDC]", "alice"}
    assert "hf_jwt_" not in job.log
    commits = f"{work.hub.endpoint}/api/models/{work.repo}/commits/main"
    assert [author["user"] for author in ask(commits).json[0]["authors"]] == ["[OIDC]"]


def test_in_two_jobs_what_runs_the_model_cannot_publish_it(work: Work) -> None:
    mark = len(work.hub.requests())
    before = snapshot(work.model)
    first = work.release({"stage": "evidence"})
    assert first.code == 0, first.log
    assert first.ran[1:] == ("Check", "Test")
    assert snapshot(work.model) == before, "what was run is not run again"
    assert exchanges(work, mark) == 0
    assert work.names() <= {".gitattributes", "README.md"}
    second = work.release({"stage": "release", "private": "true"})
    assert second.code == 0, second.log
    assert second.ran[1:] == ("Attest", "Push")
    assert work.on_the_hub()["private"] is True
    assert "model.sig" in work.names()


@pytest.mark.parametrize(
    "claims",
    [{"environment": "staging"}],
    ids=lambda claims: next(iter(claims)),
)
def test_another_job_publishes_nothing(work: Work, claims: dict[str, str]) -> None:
    work.jobs.claims |= claims
    job = work.release({"stage": "release"}, HF_TOKEN="hf_alice")
    assert (job.code, job.outputs["exit-code"]) == (4, "4"), job.log
    assert "does not trust this job for it (HTTP 400)" in job.log
    assert "Trusted Publishers" in job.log
    assert "not published" in job.summary
    assert "model.sig" not in work.names()


def test_a_job_without_the_permission_to_ask_is_told_so(work: Work) -> None:
    nothing = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "", "ACTIONS_ID_TOKEN_REQUEST_URL": ""}
    job = work.release({"stage": "release"}, **nothing)
    assert job.code == 4, job.log
    assert "id-token: write" in job.log


def test_a_token_that_may_not_flip_leaves_it_private(work: Work) -> None:
    """Nobody documents whether a Trusted Publisher may: docs/ci.md says what happens then."""
    work.hub.faults({"method": "PUT", "path_regex": "/settings", "status": 403, "times": None})
    job = work.release({"stage": "release"})
    assert job.code == 4, job.log
    assert work.on_the_hub()["private"] is True
    assert "model.sig" in work.names()


def test_what_is_not_evidence_for_these_bytes_is_not_published(work: Work) -> None:
    (work.model / "model.safetensors").write_bytes(b"other weights")
    job = work.release({"stage": "release"})
    assert job.code in {1, 3}, job.log
    assert "Push" not in job.ran
    assert "HP201" in job.log
    assert work.on_the_hub()["private"] is True


def test_a_hub_that_exchanges_nothing_takes_the_jobs_own_token(work: Work) -> None:
    mark = len(work.hub.requests())
    job = work.release({"trusted-publisher": "false", "stage": "release"}, HF_TOKEN="hf_alice")
    assert job.code == 0, job.log
    assert exchanges(work, mark) == 0
    assert work.on_the_hub()["private"] is False


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"trust-sha256": "0" * 64}, "Pin whom to believe"),
        ({"path": "--help"}, "Check"),
        ({"stage": "release", "key": "file:/no/such"}, "Attest"),
        ({"stage": "release", "private": "yes"}, "Push"),
        ({"stage": "release", "trusted-publisher": "maybe"}, "Push"),
    ],
)
def test_what_cannot_be_done_is_red(work: Work, changes: dict[str, str], step: str) -> None:
    job = work.release(changes)
    assert job.code not in {0, 70}, job.log
    assert job.ran[-1] == step
    assert "model.sig" not in work.names()


def test_inputs_are_words_and_never_script(work: Work) -> None:
    canary = work.temp / "canary"
    hostile = f'"; touch "{canary}"; $(touch "{canary}") `touch "{canary}"` #'
    words = dict.fromkeys(("path", "repo", "key", "generator"), hostile)
    for inputs in ({"trust-source": hostile}, words, words | {"stage": "release"}):
        assert work.release(inputs).code != 0
    push = next(step for step in STEPS if step["name"] == "Push")
    for name in ("PRIVATE", "PUBLISHER"):
        script = f'HUBPOLICY_ACTION_{name}="$HOSTILE"\n{push["run"]}'
        env = {"PATH": "/usr/bin:/bin", "HOSTILE": hostile, "RUNNER_TEMP": str(work.temp)}
        env |= {f"HUBPOLICY_ACTION_{each}": "false" for each in ("PRIVATE", "PUBLISHER", "REPO")}
        done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, check=False)
        assert done.returncode == 2
    assert not canary.exists()


def test_every_input_is_used_and_none_is_in_a_script() -> None:
    document = action("ci", "github", "release", "action.yml")
    text = ACTION.read_text()
    for step in STEPS:
        assert "${{" not in step.get("run", ""), "an expression in a script is anybody's script"
    used = set(PLACEHOLDER.findall(text)) | {
        word for step in STEPS for word in step.get("if", "").split() if word.startswith("inputs.")
    }
    names = {name.removeprefix("inputs.") for name in used}
    assert names == set(document["inputs"])
