# SPDX-License-Identifier: Apache-2.0
"""Children at the gate: beside the model, by ``-c``, by ``HUBPOLICY_CONFIG``. They only tighten."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from hubpolicy.demo.hub.process import HubProcess
from tests.cli.world import REPO, add_to_policy, config, contents, released, run, sign_run
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = 'schema = "hubpolicy/policy/1"\n'
NO_RETRY = f"{HEAD}[toxicity]\nmax_attempts = 1\n"
TWO_CHECKERS = f"{HEAD}[roles]\nchecker = {{ threshold = 2 }}\n"
SAFETY = f'{HEAD}[roles]\napprover.safety = {{ threshold = 1, binds = "closure" }}\n'
LOOSER = f"{HEAD}[binding]\nmin_level = 1\n"
BROKEN = f"{HEAD}[toxicity]\nmax_atempts = 1\n"


def child(folder: Path, text: str, name: str = "hubpolicy.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


ALL = (
    ("check", "{}"),
    ("attest", "{}", "--repo", REPO),
    ("verify", "{}", "--repo", REPO),
    ("approvals", "{}"),
    ("push", "{}", REPO, "--dry-run"),
    ("test", "{}"),
    ("policy", "explain", "{}"),
)


@pytest.mark.parametrize("arguments", ALL, ids=lambda a: " ".join(a[:2]))
@pytest.mark.parametrize("text", [LOOSER, BROKEN], ids=["looser", "broken"])
def test_a_child_that_loosens_or_is_broken_blocks_every_command(
    home: Path, model: Path, arguments: tuple[str, ...], text: str
) -> None:
    child(model, text)
    before = contents(model)
    ran = run(*(argument.format(model) for argument in arguments))
    assert ran.code == 2
    assert "hubpolicy.toml line 3" in ran.err
    assert contents(model) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = ", "hubpolicy.toml"),
        ("[toxicity]\n", f'expected "{HEAD[10:-2]}"'),
        ('schema = "other"\n', "hubpolicy.toml line 1"),
    ],
)
def test_a_broken_child_without_a_policy_is_named(model: Path, text: str, said: str) -> None:
    assert run("policy", "check").code == 2, "nobody ran init"
    path = child(model, text)
    ran = run("check", model)
    assert (ran.code, said in ran.err) == (2, True), ran
    path.write_text(NO_RETRY)
    ran = run("check", model)
    assert (ran.code, f"{path} not applied" in ran.out) == (0, True), ran
    missing = run("check", model, "-c", model / "absent.toml")
    assert (missing.code, "cannot read the child policy" in missing.err) == (2, True)


@pytest.mark.parametrize("way", ["before", "after", "variable"])
def test_a_child_may_be_named(home: Path, model: Path, tmp_path: Path, way: str) -> None:
    released(model)
    path = child(tmp_path, SAFETY, "strict.toml")
    arguments = ("verify", model, "--repo", REPO, "--format", "json")
    match way:
        case "before":
            ran = run("-c", path, *arguments)
        case "after":
            ran = run(*arguments, "-c", path)
        case _:
            ran = run(*arguments, HUBPOLICY_CONFIG=str(path))
    assert (ran.code, ran.rules) == (5, {"HP320"})
    (row,) = [row for row in ran.document["rows"] if row["name"] == "policy"]
    assert row["text"].endswith(f"tightened by {path}")
    assert "roles.approver.safety" in row["remark"]
    assert run(*arguments).code == 0


def test_every_child_counts_wherever_it_is_named(home: Path, model: Path, tmp_path: Path) -> None:
    released(model)
    one = child(tmp_path, SAFETY, "one.toml")
    other = child(tmp_path, f'{HEAD}[rules.HP113]\nseverity = "error"\n', "other.toml")
    third = child(tmp_path, NO_RETRY, "third.toml")
    ran = run("-c", one, "verify", model, "-c", other, "--format", "json",
              HUBPOLICY_CONFIG=str(third))  # fmt: skip
    files = [
        row["text"].rpartition("/")[2] for row in ran.document["rows"] if row["name"] == "policy"
    ]
    assert files == ["one.toml", "other.toml", "third.toml"]


@pytest.mark.parametrize("text", [LOOSER, BROKEN])
def test_no_variable_and_no_option_loosens(
    home: Path, model: Path, tmp_path: Path, text: str
) -> None:
    released(model)
    path = child(tmp_path, text, "loose.toml")
    for ran in (
        run("-c", path, "verify", model),
        run("verify", model, "--config", path),
        run("verify", model, HUBPOLICY_CONFIG=str(path)),
    ):
        assert ran.code == 2
        assert "loose.toml line 3" in ran.err
    ran = run("policy", "check", path)
    assert (ran.code, f"hubpolicy policy check --child {path}\n" in ran.err) == (2, True), ran.err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (BROKEN, "hint: mend that in {path}, then: hubpolicy policy check --child {path}"),
        (LOOSER, "remove that line, or raise it"),
        (f"{HEAD}[toxicity]\nmax_age_days = 30000\n", "remove that line, or lower it"),
        (f"{HEAD}[toxicity]\nmax_age_days = 1\n", ""),
    ],
)
def test_a_check_of_a_child_says_what_to_do_and_not_what_was_typed(
    home: Path, tmp_path: Path, text: str, hint: str
) -> None:
    path = child(tmp_path, text, "child.toml")
    ran = run("policy", "check", "--child", path)
    assert ran.code == (2 if hint else 0)
    assert hint.format(path=path) in ran.err


def test_a_child_that_is_not_there_blocks(home: Path, model: Path, tmp_path: Path) -> None:
    released(model)
    gone = tmp_path / "gone.toml"
    assert run("verify", model, "-c", gone).code == 2
    ran = run("verify", model, HUBPOLICY_CONFIG=str(gone))
    assert (ran.code, "cannot read the child policy" in ran.err) == (2, True)
    assert run("verify", model, HUBPOLICY_CONFIG="").code == 0


def test_a_linked_child_blocks(home: Path, model: Path, tmp_path: Path) -> None:
    (model / "hubpolicy.toml").symlink_to(child(tmp_path, NO_RETRY, "elsewhere.toml"))
    ran = run("check", model)
    assert (ran.code, "symbolic link" in ran.err) == (2, True)


def test_a_child_in_the_folder_is_part_of_the_release_and_of_the_gate(
    home: Path, model: Path
) -> None:
    child(model, NO_RETRY)
    released(model)
    ran = run("verify", model, "--repo", REPO, "--format", "json")
    assert ran.code == 0
    (row,) = [row for row in ran.document["rows"] if row["name"] == "policy"]
    assert row["text"].endswith("tightened by hubpolicy.toml")
    assert row["remark"] == "toxicity.max_attempts 1 (was 2)"
    child(model, TWO_CHECKERS)
    stricter = run("verify", model, "--repo", REPO, "--format", "json")
    assert stricter.code == 1
    assert "HP308" in stricter.rules


def test_nothing_is_signed_that_a_child_refuses(home: Path, model: Path) -> None:
    child(model, SAFETY)
    sign_run(model)
    ran = run("attest", model, "--repo", REPO, "--format", "json")
    assert (ran.code, ran.rules) == (5, {"HP320"})
    assert "release" not in ran.document["closing"].partition(".")[0]
    (model / "hubpolicy.toml").unlink()
    assert run("attest", model, "--repo", REPO).code == 0


def test_a_release_names_the_governing_policy(home: Path, model: Path) -> None:
    """Else every repository with a child would need a policy signature of its own."""
    before = run("policy", "explain", "--format", "json").document["policy"]["sha256"]
    child(model, NO_RETRY)
    released(model)
    assert [path.name for path in (model / ".hubpolicy" / "policy").iterdir()] == [f"{before}.json"]
    explained = run("policy", "explain", model, "--format", "json").document
    assert explained["policy"]["sha256"] == before
    assert explained["policy"]["max_attempts"] == 1
    assert explained["tightened"] == [
        {"key": "toxicity.max_attempts", "was": "2", "now": "1",
         "where": str(model / "hubpolicy.toml")}
    ]  # fmt: skip


def test_a_child_does_not_say_where_releases_go(home: Path, model: Path) -> None:
    (line,) = [
        each
        for each in config("hubpolicy.toml").read_text().splitlines()
        if each.startswith("namespaces")
    ]
    add_to_policy('namespaces = ["acme", "labs"]', old=line)
    assert run("policy", "sign").code == 0
    child(model, f'{HEAD}[targets]\nnamespaces = ["evil"]\n')
    ran = run("attest", model, "--repo", "evil/tern")
    assert (ran.code, "expected some of [acme, labs]" in ran.err) == (2, True)
    child(model, f'{HEAD}[targets]\nnamespaces = ["labs"]\n')
    ran = run("attest", model, "--repo", REPO)
    assert (ran.code, "expected one in labs" in ran.err) == (2, True)


@pytest.mark.parametrize("line", ["keys = []", "[root]\nversion = 1", "[trust]\nsolo = true"])
def test_a_child_has_no_word_about_trust(home: Path, model: Path, line: str) -> None:
    child(model, f"{HEAD}{line}\n")
    ran = run("check", model)
    assert (ran.code, "unknown key" in ran.err) == (2, True)


def test_check_child_says_what_it_tightens(home: Path, tmp_path: Path) -> None:
    path = child(tmp_path, NO_RETRY)
    ran = run("policy", "check", path, "--child")
    assert ran.code == 0
    assert "valid under ada/solo version 1" in ran.out
    assert f"toxicity.max_attempts 1 (was 2), by {path}" in ran.out
    assert "tightens nothing" in run("policy", "check", child(tmp_path, HEAD), "--child").out
    assert run("policy", "check", child(tmp_path, LOOSER), "--child").code == 2
    assert run("policy", "check", "--child").code == 2


def test_the_governing_file_is_valid_as_a_child_of_itself(home: Path) -> None:
    ran = run("policy", "check", config("hubpolicy.toml"), "--child")
    assert (ran.code, "tightens nothing" in ran.out) == (0, True), ran


def test_explain_says_which_file_tightened_what(home: Path, model: Path) -> None:
    child(model, SAFETY)
    ran = run("policy", "explain", model)
    assert "approver:safety: 1 signature(s), binds closure" in ran.out
    assert "roles.approver.safety" in ran.out.splitlines()[-1]
    assert ran.out.rstrip().endswith(f"by {model / 'hubpolicy.toml'}")
    assert json.loads(run("policy", "explain", "--format", "json").out)["tightened"] == []


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        check=True,
        capture_output=True,
    )


def test_a_revision_has_its_own_child(home: Path, model: Path) -> None:
    child(model, NO_RETRY)
    released(model)
    git(model, "init", "-q", "-b", "main")
    git(model, "add", "-A")
    git(model, "commit", "-q", "-m", "Release")
    child(model, BROKEN)
    ran = run("verify", model, "--revision", "HEAD", "--repo", REPO, "--format", "json")
    assert ran.code == 0, ran
    (row,) = [row for row in ran.document["rows"] if row["name"] == "policy"]
    assert row["remark"] == "toxicity.max_attempts 1 (was 2)"
    git(model, "commit", "-q", "-a", "-m", "Break it")
    child(model, NO_RETRY)
    broken = run("verify", model, "--revision", "HEAD", "--repo", REPO)
    assert (broken.code, "in hubpolicy.toml line 3" in broken.err) == (2, True)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "hub", TOKENS) as running:
        yield running


@pytest.mark.slow
def test_on_the_hub_the_child_of_that_commit_counts(
    home: Path, model: Path, hub: HubProcess, tmp_path: Path
) -> None:
    here = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_alice", "HF_HUB_DISABLE_XET": "1"}
    assert run("policy", "sign", **here).code == 0
    child(model, NO_RETRY)
    sign_run(model)
    pushed = run("push", model, REPO, "--format", "json", **here)
    assert pushed.code == 0, pushed
    ran = run("verify", REPO, "--format", "json", **here)
    assert ran.code == 0, ran
    (row,) = [row for row in ran.document["rows"] if row["name"] == "policy"]
    assert row["text"].endswith("tightened by hubpolicy.toml")
    extra = child(tmp_path, f"{HEAD}[toxicity]\nmax_age_days = 30\n", "extra.toml")
    both = run("verify", REPO, "-c", extra, "--format", "json", **here)
    assert [row["name"] for row in both.document["rows"]].count("policy") == 2
    audit = run("audit", REPO, "--format", "json", **here)
    assert [ref["status"] for ref in audit.document["refs"]] == ["ATTESTED"]
    safety = child(tmp_path, SAFETY, "safety.toml")
    audit = run("audit", REPO, "-c", safety, "--format", "json", **here)
    assert [ref["status"] for ref in audit.document["refs"]] == ["STALE"]
