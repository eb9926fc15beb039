# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.verify`` for programs: the page about it, its arguments, and what it never does."""

from __future__ import annotations

import doctest
import hashlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hubpolicy
from hubpolicy import errors
from hubpolicy.domain.finding import Severity
from tests.cli.world import (
    MODEL,
    REPO,
    add_to_policy,
    config,
    contents,
    released,
    resign,
    run,
    write,
)
from tests.git.repos import init, isolate
from tests.house.tree import PROJECT

PURL = f"pkg:huggingface/{REPO}?repo_type=model"
PAGE = PROJECT / "docs" / "api.md"


@pytest.fixture
def release(home: Path, model: Path) -> Path:
    return released(model)


def test_the_page_says_what_happens(
    release: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(release.parent)
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert (failed, tried > 10) == (0, True), capsys.readouterr().out


def test_the_page_names_every_argument_and_field() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name in hubpolicy.Verification._fields if f"`{name}`" not in text]
    assert missing == []
    for name in inspect.signature(hubpolicy.verify).parameters:
        assert f"`{name}`" in text or f"`{name}=" in text, name


def test_it_is_typed_for_others() -> None:
    assert (PROJECT / "hubpolicy" / "py.typed").is_file()
    hints = hubpolicy.Verification.__annotations__
    assert hints.keys() == set(hubpolicy.Verification._fields)
    assert inspect.signature(hubpolicy.verify).return_annotation == "Verification"


def test_importing_the_package_loads_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import hubpolicy; "
        "new = {n for n in set(sys.modules) - before if not n.startswith('hubpolicy')}; "
        "mine = {n for n in sys.modules if n.startswith('hubpolicy.')}; "
        "print(sorted(mine)); assert dir(hubpolicy); hubpolicy.verify; print(len(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "[]"


def test_there_is_nothing_else_in_it() -> None:
    assert set(hubpolicy.__all__) <= set(dir(hubpolicy))
    with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
        getattr(hubpolicy, "no_such_" + "thing")


# --- the answer ---------------------------------------------------------------------------------


def test_a_release_that_holds(release: Path) -> None:
    before = contents(release)
    answer = hubpolicy.verify(release, repo=REPO)
    assert answer
    assert answer.require() is answer
    assert (answer.verdict, answer.target, answer.attested_for) == ("passed", PURL, PURL)
    assert answer.files_checked == answer.files_total == len(MODEL) + 1
    assert (answer.absent, answer.revision, answer.waived) == ((), "", ())
    assert answer.solo
    assert len(answer.policy_sha256) == 64
    assert all(measured.passed for measured in answer.measurements)
    assert contents(release) == before


def test_the_command_says_the_same(release: Path) -> None:
    answer = hubpolicy.verify(str(release), repo=REPO)
    found = run("verify", release, "--repo", REPO, "--format", "json").document
    assert found["manifest"]["dirHash"] == answer.dir_hash
    assert found["release"] == {
        "target": answer.target,
        "attested_for": answer.attested_for,
        "revision": answer.revision,
        "dirHash": answer.dir_hash,
        "files_checked": answer.files_checked,
        "files_total": answer.files_total,
        "absent": list(answer.absent),
        "signers": [signer._asdict() for signer in answer.signers],
        "time_verified": answer.released_at,
        "timestamps": [],
        "policy": {
            "id": answer.policy_id,
            "version": answer.policy_version,
            "sha256": answer.policy_sha256,
        },
    }


def test_without_a_target_none_is_compared(release: Path) -> None:
    answer = hubpolicy.verify(release)
    assert (answer.verdict, answer.target, answer.attested_for) == ("passed", "", PURL)
    other = hubpolicy.verify(release, repo="acme/other")
    assert {f.rule for f in other.findings if f.severity is Severity.ERROR} == {"HP307"}


def test_a_folder_without_evidence(home: Path, model: Path) -> None:
    answer = hubpolicy.verify(model)
    assert (bool(answer), answer.verdict) == (False, "inconclusive")
    assert (answer.attested_for, answer.signers, answer.measurements) == ("", (), ())
    assert answer.files_checked == answer.files_total == len(MODEL)
    with pytest.raises(errors.VerificationError) as caught:
        answer.require()
    assert caught.value.hint


def test_an_empty_folder_is_never_green(home: Path, tmp_path: Path) -> None:
    for options in ({}, {"partial": True}):
        (tmp_path / "empty").mkdir(exist_ok=True)
        answer = hubpolicy.verify(tmp_path / "empty", **options)  # type: ignore[arg-type]
        assert (bool(answer), answer.files_checked) == (False, 0)


def test_a_part_of_it(release: Path) -> None:
    (release / "model.safetensors").unlink()
    assert not hubpolicy.verify(release, repo=REPO)
    answer = hubpolicy.verify(release, repo=REPO, partial=True)
    assert answer
    assert answer.absent == ("model.safetensors",)
    assert (answer.files_checked, answer.files_total) == (len(MODEL), len(MODEL) + 1)
    (release / "config.json").write_bytes(b"{}")
    assert not hubpolicy.verify(release, repo=REPO, partial=True)


def test_nothing_of_a_release_is_no_part_of_it(release: Path) -> None:
    for name in (*MODEL, ".gitattributes"):
        (release / name).unlink()
    answer = hubpolicy.verify(release, repo=REPO, partial=True)
    assert (bool(answer), answer.files_checked) == (False, 0)


def test_a_revision_of_git(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, Path.home())
    repo = init(tmp_path / "repo")
    write(repo.path, contents(release))
    good = repo.commit()
    write(repo.path, {"config.json": b"{}"})
    assert not hubpolicy.verify(repo.path, repo=REPO)
    answer = hubpolicy.verify(repo.path, repo=REPO, revision=good)
    assert answer
    assert answer.revision == good
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(repo.path, revision="no-such")


# --- whom to believe ----------------------------------------------------------------------------


def test_a_gate_file_and_only_that(release: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate.json"
    config("gate.json").rename(gate)
    with pytest.raises(errors.ConfigError, match=r"gate\.json"):
        hubpolicy.verify(release)
    assert hubpolicy.verify(release, trust=gate, repo=REPO)
    gate.write_bytes(gate.read_bytes()[:-9])
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(release, trust=str(gate))


@pytest.mark.parametrize("trust", ["", "/no/such/file", "/", "."])
def test_trust_that_is_none(release: Path, trust: str) -> None:
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(release, trust=trust)


def test_an_expired_trust_judges_nothing(release: Path) -> None:
    resign(expires="2026-01-01")
    with pytest.raises(errors.ConfigError, match="expired"):
        hubpolicy.verify(release)


def test_a_stranger_is_not_believed(release: Path, tmp_path: Path) -> None:
    other = tmp_path / "stranger"
    ran = run(
        "init", "--name", "eve", "--namespace", "acme", "--model-kind", "base", "--no-passphrase",
        HOME=str(other),
    )  # fmt: skip
    assert ran.code == 0
    answer = hubpolicy.verify(release, trust=other / ".config" / "hubpolicy" / "gate.json")
    assert (bool(answer), answer.signers) == (False, ())
    assert "HP302" in {finding.rule for finding in answer.findings}


def test_a_policy_of_ones_own_only_tightens(release: Path, tmp_path: Path) -> None:
    child = tmp_path / "mine.toml"
    child.write_text('schema = "hubpolicy/policy/1"\n[toxicity]\nrequire_tier = "detoxify"\n')
    assert hubpolicy.verify(release)
    answer = hubpolicy.verify(release, policy=child)
    assert not answer
    assert {f.rule for f in answer.findings if f.severity is Severity.ERROR} == {"HP202"}
    child.write_text('schema = "hubpolicy/policy/1"\n[toxicity]\nconfidence = 0.5\n')
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(release, policy=child)
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(release, policy=tmp_path / "no-such.toml")


# --- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"path_or_repo": ""}, errors.ConfigError),
        ({"path_or_repo": "no-such-folder"}, errors.ConfigError),
        ({"path_or_repo": "acme/x@v1", "revision": "v2"}, errors.ConfigError),
        ({"path_or_repo": "acme/x@"}, errors.ConfigError),
        ({"path_or_repo": "acme/x", "partial": True}, errors.ConfigError),
        ({"path_or_repo": "acme/x", "repo": "acme/y"}, errors.ConfigError),
        ({"repo": "nonsense"}, errors.ConfigError),
        ({"evidence": "/no/such"}, errors.ConfigError),
        ({"deep": True}, errors.ConfigError),
        ({"revision": "HEAD"}, errors.ConfigError),
        ({"path_or_repo": "acme/x", "offline": True}, errors.ServiceError),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_ours(
    release: Path, arguments: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        hubpolicy.verify(**{"path_or_repo": release, **arguments})
    assert isinstance(caught.value, errors.HubpolicyError)
    assert "got" in caught.value.message or "there is" in caught.value.message or caught.value.hint


def test_without_init_there_is_nobody_to_believe(model: Path) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        hubpolicy.verify(model)
    assert caught.value.hint.startswith("hubpolicy init; ")


def test_it_prints_nothing_and_leaves_the_environment(
    release: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import os

    before = dict(os.environ)
    hubpolicy.verify(release, repo=REPO, offline=True)
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before


def test_values_are_frozen_and_plain(release: Path) -> None:
    answer = hubpolicy.verify(release)
    with pytest.raises(AttributeError):
        answer.verdict = "passed"  # type: ignore[misc]
    assert hash(answer) == hash(hubpolicy.verify(release)._replace())
    assert json.loads(json.dumps(answer))[0] == "passed"


def test_evidence_that_lies_elsewhere(release: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    assert run("verify", release, "--save-evidence", kept).code == 0
    plain = write(
        tmp_path / "plain", {n: (release / n).read_bytes() for n in (*MODEL, ".gitattributes")}
    )
    assert not hubpolicy.verify(plain, repo=REPO)
    assert hubpolicy.verify(plain, repo=REPO, evidence=kept)
    assert hubpolicy.verify(plain, repo=REPO, evidence=release)
    # What lies beside the files and is no evidence at all stays to be refused.
    write(plain, {".hubpolicy/model.safetensors": b"hidden"})
    answer = hubpolicy.verify(plain, repo=REPO, evidence=kept)
    assert {f.rule for f in answer.findings if f.severity is Severity.ERROR} == {"HP412"}


def test_nothing_to_save(home: Path, model: Path, tmp_path: Path) -> None:
    ran = run("verify", model, "--save-evidence", tmp_path / "kept.jsonl")
    assert ran.code == 1
    assert not (tmp_path / "kept.jsonl").exists()


@pytest.fixture
def outdated(release: Path) -> Path:
    """A release, and a policy that came after it."""
    add_to_policy("version = 2", old="version = 1")
    assert run("policy", "sign").code == 0
    return release


def errors_of(answer: hubpolicy.Verification) -> set[str]:
    return {f.rule for f in answer.findings if f.severity is Severity.ERROR}


def test_a_later_policy_blocks_and_as_of_then_the_release_holds(outdated: Path) -> None:
    now = hubpolicy.verify(outdated, repo=REPO)
    assert (bool(now), errors_of(now), now.policy_version) == (False, {"HP309"}, 2)
    then = hubpolicy.verify(outdated, repo=REPO, as_released=True)
    assert (then.verdict, then.policy_version) == ("passed", 1)
    assert {finding.rule for finding in then.today} == {"HP309"}
    ran = run("verify", outdated, "--repo", REPO, "--as-released")
    assert ran.code == 0
    assert "STALE: HP309" in ran.out
    assert "under" in ran.out
    assert run("verify", outdated, "--repo", REPO).code == 1


def test_as_of_then_what_holds_today_is_the_same(release: Path) -> None:
    answer = hubpolicy.verify(release, repo=REPO, as_released=True)
    assert answer
    assert answer.today == ()
    assert "the same" in run("verify", release, "--as-released").out


def test_as_of_then_changed_bytes_are_changed(outdated: Path) -> None:
    (outdated / "config.json").write_bytes(b"{}")
    answer = hubpolicy.verify(outdated, repo=REPO, as_released=True)
    assert (bool(answer), "HP308" in errors_of(answer)) == (False, True)


def test_as_of_then_todays_revocations_count(outdated: Path) -> None:
    sha256 = hashlib.sha256(MODEL["model.safetensors"]).hexdigest()
    ran = run("trust", "revoke", "file", sha256, "--yes")
    assert ran.code == 0, ran.err
    answer = hubpolicy.verify(outdated, repo=REPO, as_released=True)
    assert (bool(answer), "HP703" in errors_of(answer)) == (False, True)


@pytest.mark.parametrize("harm", ["gone", "other"])
def test_as_of_then_the_policy_of_then_must_be_there(outdated: Path, harm: str) -> None:
    (place,) = (outdated / ".hubpolicy" / "policy").iterdir()
    if harm == "gone":
        place.unlink()
    else:
        place.write_bytes(config("trust", "policy.json").read_bytes())
    with pytest.raises(errors.VerificationError) as caught:
        hubpolicy.verify(outdated, as_released=True)
    assert caught.value.hint
    assert run("verify", outdated, "--as-released").code == 1


def test_as_of_then_without_a_release_there_is_no_then(home: Path, model: Path) -> None:
    assert not hubpolicy.verify(model, as_released=True)


def test_as_of_then_takes_no_policy_of_ones_own(outdated: Path, tmp_path: Path) -> None:
    child = tmp_path / "mine.toml"
    child.write_text('schema = "hubpolicy/policy/1"\n')
    with pytest.raises(errors.ConfigError):
        hubpolicy.verify(outdated, policy=child, as_released=True)
    assert run("verify", outdated, "--as-released", "-c", child).code == 2
