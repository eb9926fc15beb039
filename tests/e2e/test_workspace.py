# SPDX-License-Identifier: Apache-2.0
"""Where ``git push`` goes without evidence: private repositories of a workspace, exempt remotes."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author, write_model
from tests.git.repos import ZERO, Repo, init, isolate

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess


def allow(ada: Author, line: str) -> None:
    """Put a line under ``[targets]`` and sign the policy."""
    path = ada.home / ".config" / "hubpolicy" / "hubpolicy.toml"
    text = path.read_text()
    assert "[targets]\n" in text
    path.write_text(text.replace("[targets]\n", f"[targets]\n{line}\n"))
    ada.ok("policy", "sign")


@pytest.fixture
def repo(ada: Author, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repo:
    """A model without evidence, in git, with the hook."""
    isolate(monkeypatch, ada.home)
    for name, value in ada.environment.items():
        monkeypatch.setenv(name, value)
    write_model(tmp_path / "civil")
    made = init(tmp_path / "civil")
    made.commit()
    ada.ok("hook", "install", made.path)
    return made


def push(repo: Repo, url: str) -> tuple[int, str]:
    done = repo.raw("push", url, "main", ok=False)
    return done.returncode, done.stderr.decode()


def ask(repo: Repo, url: str) -> tuple[int, str]:
    """The hook alone, for an address that git could not reach."""
    head = repo.git("rev-parse", "HEAD")
    done = subprocess.run(
        [repo.path / ".git" / "hooks" / "pre-push", "origin", url],
        cwd=repo.path,
        input=f"refs/heads/main {head} refs/heads/main {ZERO}\n".encode(),
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stderr.decode()


def sha256_of(repo: Repo) -> str:
    return hashlib.sha256((repo.path / "model.onnx.data").read_bytes()).hexdigest()


class TestWorkspace:
    @pytest.fixture
    def url(self, ada: Author, hub: HubProcess, repo: Repo, tmp_path: Path) -> str:
        name = f"acme/{tmp_path.name.lower()}"[:90]
        HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(name, private=True)
        return f"{hub.endpoint.replace('://', f'://alice:{TOKEN}@')}/{name}"

    def test_a_private_repository_takes_checkpoints(
        self, ada: Author, repo: Repo, url: str
    ) -> None:
        code, said = push(repo, url)
        assert code != 0
        assert "HP201" in said
        allow(ada, 'workspaces = ["acme"]')
        code, said = push(repo, url)
        assert "is a private workspace: not judged, not released" in said
        assert "Nothing was pushed" not in said

    def test_a_public_one_does_not(
        self, ada: Author, hub: HubProcess, repo: Repo, url: str
    ) -> None:
        allow(ada, 'workspaces = ["acme"]')
        name = "/".join(url.split("/")[-2:])
        HfApi(endpoint=hub.endpoint, token=TOKEN).update_repo_settings(name, private=False)
        code, said = push(repo, url)
        assert code != 0
        assert "is in a workspace, but it is public" in said
        assert "Nothing was pushed" in said
        assert TOKEN not in said

    def test_what_the_hub_does_not_say_is_not_private(
        self, ada: Author, hub: HubProcess, repo: Repo
    ) -> None:
        allow(ada, 'workspaces = ["acme"]')
        code, said = ask(repo, f"{hub.endpoint}/acme/no-such-model")
        assert code != 0
        assert "there is no acme/no-such-model on the hub" in said

    def test_what_was_withdrawn_stays_out(self, ada: Author, repo: Repo, url: str) -> None:
        allow(ada, 'workspaces = ["acme"]')
        ada.ok("trust", "revoke", "file", sha256_of(repo), "--yes")
        code, said = push(repo, url)
        assert code != 0
        assert "HP703" in said

    def test_another_namespace_is_none(self, ada: Author, repo: Repo, url: str) -> None:
        allow(ada, 'workspaces = ["acme-dev"]')
        code, said = push(repo, url)
        assert code != 0
        assert "workspace" not in said


class TestExempt:
    def test_what_was_withdrawn_stays_out(self, ada: Author, repo: Repo) -> None:
        allow(ada, 'exempt = ["git.invalid/acme/fixtures"]')
        ada.ok("trust", "revoke", "file", sha256_of(repo), "--yes")
        code, said = ask(repo, "https://git.invalid/acme/fixtures")
        assert code != 0
        assert "HP703" in said

    @pytest.mark.parametrize(
        ("url", "goes"),
        [
            ("https://git.invalid/acme/fixtures.git", True),
            ("git@git.invalid:acme/fixtures", True),
            ("https://ada:secret@git.invalid/acme/fixtures/", True),
            ("https://git.invalid/acme/fixtures2", False),
            ("https://git.invalid:8443/acme/fixtures", False),
            ("https://git.invalid/acme/fixtures/more", False),
            ("https://huggingface.co/acme/fixtures", False),
            ("ext::git.invalid:acme/fixtures", False),
            ("foo::https://git.invalid/acme/fixtures", False),
        ],
    )
    def test_a_named_remote_and_no_other(
        self, ada: Author, repo: Repo, url: str, goes: bool
    ) -> None:
        allow(ada, 'exempt = ["git.invalid/acme/fixtures", "huggingface.co/acme/fixtures"]')
        code, said = ask(repo, url)
        assert (code == 0) is goes, said
        assert ("exempt by the policy, not judged" in said) is goes
        assert "secret" not in said
