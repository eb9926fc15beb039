# SPDX-License-Identifier: Apache-2.0
"""``hook install --run-tests``: a push without evidence makes it, and the next push goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.world import Ran
from tests.e2e.author import Author, write_model
from tests.git.repos import Repo, init, isolate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(ada: Author, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repo:
    """A model in git, an empty remote, and the hook that tests."""
    isolate(monkeypatch, ada.home)
    init(tmp_path / "remote.git", "--bare")
    write_model(tmp_path / "civil")
    made = init(tmp_path / "civil")
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    made.commit()
    ada.ok("hook", "install", "--run-tests", made.path)
    return made


def push(repo: Repo, *refs: str) -> Ran:
    done = repo.raw("push", "origin", *refs, ok=False)
    said = done.stderr.decode()
    assert "Traceback" not in said, said
    return Ran(done.returncode, done.stdout.decode(), said)


@pytest.mark.slow
def test_the_second_push_goes(repo: Repo, ada: Author) -> None:
    ada.ask_in_brief()
    before = repo.git("rev-parse", "HEAD")
    repo.git("config", "hubpolicy.target", "acme/civil")
    first = push(repo, "main")
    assert first.code != 0
    assert "HP201" in first.err
    for command in ("check .", "test . --if-missing", "attest . --repo acme/civil"):
        assert f"$ hubpolicy {command}\n" in first.err
    assert "run git push again" in first.err, first.err
    assert repo.git("ls-remote", "origin") == ""
    assert repo.git("rev-parse", "HEAD~1") == before
    assert repo.git("status", "--porcelain") == ""
    second = push(repo, "main")
    assert second.code == 0, second.err
    assert repo.git("ls-remote", "origin", "main").startswith(repo.git("rev-parse", "HEAD"))


@pytest.mark.slow
def test_where_people_must_agree_what_is_signed_is_committed_and_waits(
    repo: Repo, ada: Author
) -> None:
    policy = ada.home / ".config/hubpolicy/hubpolicy.toml"
    roles = policy.read_text() + 'approver.safety = { threshold = 1, binds = "closure" }\n'
    policy.write_text(roles.replace("version = 1", "version = 2"))
    ada.ok("policy", "sign")
    ada.put_run(repo.path)
    repo.commit()
    repo.git("config", "hubpolicy.target", "acme/civil")
    first = push(repo, "main")
    assert "nothing was run again" in first.err  # nobody waits for the same answers twice
    assert "Approvals are missing; what is signed so far is committed on top." in first.err
    assert "hubpolicy approve . --as ROLE" in first.err
    assert repo.git("status", "--porcelain") == ""
    made = repo.git("rev-parse", "HEAD")
    impatient = push(repo, "main")
    assert "Approvals are missing" in impatient.err
    assert (repo.git("rev-parse", "HEAD"), repo.git("status", "--porcelain")) == (made, "")
    ada.ok("approve", repo.path, "--as", "safety", "--yes")
    repo.commit()
    signing = push(repo, "main")
    assert "run git push again" in signing.err, signing.err
    assert push(repo, "main").code == 0


def test_a_card_that_fails_stops_it_before_the_model_runs(repo: Repo) -> None:
    repo.commit({"README.md": b"# nothing\n"})
    done = push(repo, "main")
    assert done.code != 0
    assert "hubpolicy check ended with 1; nothing was committed" in done.err
    assert "$ hubpolicy test" not in done.err
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("changed", "the work tree has changes"),
        ("untracked", "the work tree has changes"),
        ("tag", "a tag names one commit for ever"),
        ("another commit", "not the commit that is checked out"),
    ],
)
def test_what_cannot_be_prepared_prints_the_steps(repo: Repo, case: str, reason: str) -> None:
    refs = ["main"]
    if case == "changed":
        repo.write({"README.md": b"changed"})
    elif case == "untracked":
        repo.write({"notes.txt": b"mine"})
    elif case == "tag":
        repo.git("tag", "v1")
        refs = ["v1"]
    else:
        repo.commit({"notes.txt": b"mine"})
        refs = ["HEAD~1:refs/heads/main"]
    before = repo.git("rev-parse", "HEAD")
    done = push(repo, *refs)
    assert done.code != 0
    assert reason in done.err
    assert "  hubpolicy test ." in done.err
    assert "$ hubpolicy" not in done.err
    assert repo.git("rev-parse", "HEAD") == before


def test_without_the_option_nothing_is_run(repo: Repo, ada: Author) -> None:
    assert "installed" in ada.ok("hook", "install", repo.path).out
    done = push(repo, "main")
    assert "HP201" in done.err
    assert "--run-tests" not in done.err


@pytest.mark.parametrize("option", [("--server",), ("--into", "x")])
def test_it_is_for_hooks_of_ones_own(ada: Author, option: tuple[str, ...]) -> None:
    done = ada.type("hook", "install", "--run-tests", *option)
    assert done.code == 2
    assert "hooks of your own" in done.err
