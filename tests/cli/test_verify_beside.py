# SPDX-License-Identifier: Apache-2.0
"""Evidence given apart: it replaces what lies beside the files, but never bad news from there."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import hubpolicy
from hubpolicy.core.line_files import APPROVALS, RELEASE_FILE
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.errors import ConfigError
from tests.cli.world import REPO, append_line, bundle_by, released, run, sign_run

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"
CHILD = b'schema = "hubpolicy/policy/1"\n[toxicity]\nmax_age_days = 80\n'


@pytest.fixture
def release(home: Path, model: Path) -> Path:
    return released(model)


@pytest.fixture
def apart(release: Path, tmp_path: Path) -> Path:
    """The evidence of the good release, in a file of its own."""
    return kept(release, tmp_path / "good.jsonl")


def kept(release: Path, file: Path) -> Path:
    ran = run("verify", release, "--repo", REPO, "--save-evidence", file)
    assert ran.code == 0, ran
    return file


def reject(release: Path) -> None:
    ran = run(
        "approve", release, "--repo", REPO, "--as", "safety", "--reject", "--reason", "no", "--yes"
    )
    assert ran.code == 0, ran


def verified(release: Path, evidence: Path, *more: str) -> tuple[int, set[str]]:
    ran = run("verify", release, "--repo", REPO, "--evidence", evidence, "--format", "json", *more)
    return ran.code, ran.rules


def test_good_evidence_apart_is_enough(release: Path, apart: Path) -> None:
    shutil.rmtree(release / ".hubpolicy")
    assert verified(release, apart) == (0, set())


@pytest.mark.parametrize("more", [(), ("--partial",)])
def test_a_rejection_beside_the_files_blocks(
    release: Path, apart: Path, more: tuple[str, ...]
) -> None:
    reject(release)
    code, rules = verified(release, apart, *more)
    assert (code, "HP321" in rules) == (1, True)
    answer = hubpolicy.verify(release, repo=REPO, evidence=apart)
    assert "HP321" in {finding.rule for finding in answer.findings}


def test_a_failing_run_beside_the_files_blocks(release: Path, apart: Path) -> None:
    sign_run(release, hits=200)
    code, rules = verified(release, apart)
    assert (code, "HP203" in rules) == (1, True)


def test_bad_news_is_saved_with_the_rest(release: Path, apart: Path, tmp_path: Path) -> None:
    reject(release)
    both = tmp_path / "both.jsonl"
    assert run("verify", release, "--evidence", apart, "--save-evidence", both).code == 1
    shutil.rmtree(release / ".hubpolicy")
    code, rules = verified(release, both)
    assert (code, "HP321" in rules) == (1, True)


def test_a_good_run_beside_the_files_is_no_bad_news(release: Path, apart: Path) -> None:
    sign_run(release, hits=1)
    assert verified(release, apart) == (0, set())


def test_bad_news_about_other_bytes_is_none_about_these(release: Path, apart: Path) -> None:
    before = (release / WEIGHTS).read_bytes()
    (release / WEIGHTS).write_bytes(before + b"other")
    sign_run(release, hits=200)
    (release / WEIGHTS).write_bytes(before)
    assert verified(release, apart) == (0, set())


def test_a_rejection_that_was_taken_back_does_not_stand(release: Path, apart: Path) -> None:
    reject(release)
    again = run("approve", release, "--repo", REPO, "--as", "safety", "--yes")
    assert again.code == 0, again
    assert len([*(release / APPROVALS).iterdir()]) == 2
    assert verified(release, apart) == (0, set())


def test_the_word_of_a_stranger_is_no_news(release: Path, apart: Path) -> None:
    payload = json.dumps({"_type": "https://in-toto.io/Statement/v1"}).encode()
    append_line(release, bundle_by("eve", payload))
    with (release / RELEASE_FILE).open("ab") as file:
        file.write(b"no bundle at all\n")
    assert verified(release, apart) == (0, set())


# --- a folder that has the name of a repository -------------------------------------------------


@pytest.mark.parametrize("target", [REPO, f"{REPO}@v1"])
def test_a_folder_by_the_name_of_a_repository_is_not_taken_for_it(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    shutil.copytree(release, tmp_path / "checkout" / target)
    monkeypatch.chdir(tmp_path / "checkout")
    ran = run("verify", target)
    assert (ran.code, "--repo" in ran.err, f"./{target}" in ran.err) == (2, True, True)
    with pytest.raises(ConfigError, match="folder here"):
        hubpolicy.verify(target)
    assert run("approve", target, "--as", "safety", "--yes").code == 2
    assert run("verify", f"./{target}").code == 0
    assert run("verify", target, "--repo", REPO).code == 0
    assert run("verify", target, "--repo", "acme/other").code == 1


# --- a download without the policy that lies in the release -------------------------------------


def test_a_part_without_the_child_policy_is_not_judged_without_it(home: Path, model: Path) -> None:
    (model / CHILD_FILE).write_bytes(CHILD)
    release = released(model)
    (release / "tokenizer.json").unlink()
    assert run("verify", release, "--repo", REPO, "--partial").code == 0
    (release / CHILD_FILE).unlink()
    ran = run("verify", release, "--repo", REPO, "--partial", "--format", "json")
    assert (ran.code, ran.rules) == (1, {"HP411"})
    assert ran.document["verdict"] == "inconclusive"


def test_a_file_below_the_cache_of_a_part_is_compared(release: Path) -> None:
    (release / ".cache/huggingface/download").mkdir(parents=True)
    (release / ".cache/huggingface/download/config.json.metadata").write_bytes(b"1\n2\n3\n")
    assert run("verify", release, "--repo", REPO, "--partial").code == 0
    (release / ".cache/huggingface/download/modeling.py").write_bytes(b"")
    ran = run("verify", release, "--repo", REPO, "--partial", "--format", "json")
    assert (ran.code, "HP308" in ran.rules) == (1, True)
