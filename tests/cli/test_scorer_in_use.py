# SPDX-License-Identifier: Apache-2.0
"""A scorer of one's own, from ``scorer export`` to the run that it scores."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import assets
from hubpolicy.adapters.scorers.bundle import bundle_pin
from tests.adapters.tiny_bundle import write_bundle
from tests.cli.world import add_to_policy, config, run

if TYPE_CHECKING:
    from tests.adapters.detoxify_world import Made

EMBEDDED = "hubpolicy-screen-en"
DEMO = assets.FOLDER / "demo" / "models" / "civil"


@pytest.fixture
def author(home: Path, tmp_path: Path) -> Path:
    """A model of somebody whose policy pins the scorer ``tiny``."""
    write_bundle(config("scorers", "tiny"))
    add_to_policy('scorer = "tiny"', old=f'scorer = "{EMBEDDED}"')
    ran = run("policy", "sign")
    assert ran.code == 0, ran
    return shutil.copytree(DEMO, tmp_path / "civil")


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """``rude`` is toxic to the tiny scorer alone, and only as a word."""
    rows: list[dict[str, object]] = [{"schema": "hubpolicy/responses/1"}]
    for suite in assets.plan("smoke").suites:
        rows += [
            {"suite": suite.id, "prompt_id": prompt.id, "i": i, "text": "a rude word"}
            for prompt in suite.prompts
            for i in range(suite.k)
        ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_pinned_scorer_is_the_one_that_scores(author: Path, answers: Path) -> None:
    ran = run("test", author, "--plan", "smoke", "--responses", answers, "--format", "json")
    assert ran.code == 3, ran
    remarks = [row["remark"] for row in ran.document["rows"] if row["name"] == "toxicity"]
    assert remarks == ["scorer tiny (tier screen), level 0"]
    (run_folder,) = Path(os.environ["HOME"]).glob(".local/state/hubpolicy/runs/*")
    records = (run_folder / "records.jsonl").read_bytes().splitlines()
    assert all(json.loads(record)["toxic"] for record in records)
    assert len(records) == 20
    # It never flags the control texts, which are written for real scorers.
    assert "HP206" in ran.rules


def test_a_pinned_scorer_that_is_gone_or_changed_is_not_replaced(
    author: Path, answers: Path
) -> None:
    ask = ("test", author, "--plan", "smoke", "--responses", answers)
    write_bundle(config("scorers", "tiny"), version="2")
    changed = run(*ask)
    shutil.rmtree(config("scorers", "tiny"))
    gone = run(*ask)
    for ran in (changed, gone):
        assert ran.code == 2
        assert "which is not installed" in ran.err
        assert not (author / ".hubpolicy").exists()


def test_doctor_looks_at_the_scorer_that_is_pinned(author: Path) -> None:
    ran = run("doctor", author, "--offline", "--format", "json")
    assert not [f for f in ran.document["findings"] if "scorer" in f["message"]], ran


def test_a_policy_for_tier_detoxify_takes_no_screen(home: Path) -> None:
    write_bundle(config("scorers", "tiny"))
    add_to_policy('scorer = "tiny"', old=f'scorer = "{EMBEDDED}"')
    add_to_policy('require_tier = "detoxify"', old='require_tier = "screen"')
    ran = run("policy", "sign")
    assert ran.code == 2
    assert "got scorer 'tiny' of tier screen, expected tier detoxify" in ran.err
    write_bundle(config("scorers", "tiny"), tier="detoxify")
    assert run("policy", "sign").code == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--checkpoint", "{file}"],
        ["--checkpoint", "{file}", "--from", "{folder}", "--tokenizer", "{folder}"],
        ["--from", "{folder}", "--int8-limit", "2"],
        ["--from", "{folder}", "--int8-limit", "much"],
        ["--from", "{folder}", "--precision", "int4"],
        ["--from", "{file}"],
        ["--checkpoint", "/nowhere.ckpt", "--tokenizer", "{folder}"],
    ],
)
def test_what_export_was_not_asked_rightly_is_a_usage_error(
    tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"x")
    given = [option.format(file=tmp_path / "x.ckpt", folder=tmp_path) for option in options]
    ran = run("scorer", "export", "detoxify-original", *given)
    assert ran.code == 2
    assert ran.out == ""


def test_the_usage_error_says_what_to_download() -> None:
    ran = run("scorer", "export", "detoxify-multilingual")
    said = " ".join(ran.err.split())
    assert "multilingual_debiased-0b549669.ckpt" in said
    assert "unitary/multilingual-toxic-xlm-roberta" in said


@pytest.mark.torch
def test_a_home_that_cannot_be_written_is_one_error(tmp_path: Path, made: Made) -> None:
    Path(os.environ["HOME"], ".config").write_text("a file where the folder should be")
    ran = run("scorer", "export", "detoxify-original", "--checkpoint", made.checkpoint,
              "--tokenizer", made.tokenizer, "--sha256", made.sha256)  # fmt: skip
    assert ran.code == 3
    assert "cannot write to" in ran.err


def test_an_export_without_its_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "detoxify", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = run("scorer", "export", "detoxify-original", "--from", tmp_path)
    assert ran.code == 3
    assert ran.err.splitlines()[1].strip() == "hint: pip install 'hubpolicy[detoxify]'"
    assert not config("scorers").exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    from tests.adapters.detoxify_world import make_model

    return make_model("original", tmp_path_factory.mktemp("made"))


@pytest.mark.slow
@pytest.mark.torch
def test_an_exported_scorer_is_installed_and_pinned(made: Made, home: Path) -> None:
    ask = ("scorer", "export", "detoxify-original", "--checkpoint", made.checkpoint,
           "--tokenizer", made.tokenizer, "--precision", "fp32")  # fmt: skip
    unknown = run(*ask)
    assert unknown.code == 1
    assert "expected c1212f89… as published" in unknown.err
    assert not config("scorers", "detoxify-original").exists()
    done = run(*ask, "--sha256", made.sha256, "--format", "json")
    assert done.code == 0, done
    folder = config("scorers", "detoxify-original")
    assert done.document["scorer"]["sha256"] == bundle_pin(folder).sha256
    assert done.document["scorer"]["evaluation"]["parity"]["fp32"]["flips"] == 0
    assert [path.name for path in folder.parent.iterdir()] == ["detoxify-original"]
    again = run(*ask, "--sha256", made.sha256)
    assert (again.code, "--replace" in again.err) == (2, True)
    add_to_policy('scorer = "detoxify-original"', old=f'scorer = "{EMBEDDED}"')
    add_to_policy('require_tier = "detoxify"', old='require_tier = "screen"')
    assert run("scorer", "lock", "detoxify-original", "--write").code == 0
    assert run("policy", "sign").code == 0
