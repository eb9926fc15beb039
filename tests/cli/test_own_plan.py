# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy test`` with a plan of one's own, and with what the card declares."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from hubpolicy.adapters import assets
from hubpolicy.core.bundle import parse_bundle
from tests.brief import CANARIES, plan_text
from tests.cli.world import run

DEMO = Path(assets.FOLDER) / "demo" / "models" / "civil"
CARD = Path(assets.FOLDER) / "demo" / "cards" / "civil.md"
SECRET = "Nobody outside of the house may read"
PROMPTS = b"".join(
    json.dumps({"id": f"house-{i:03}", "text": f"{SECRET} sentence number {i} of"}).encode() + b"\n"
    for i in range(20)
)
PLAN = plan_text("house", PROMPTS, n=20, bound="0.2", private=True)


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """Somebody whose policy asks for a plan of the house."""
    plans = Path(os.environ["HOME"]) / ".config" / "hubpolicy" / "plans"
    plans.mkdir(parents=True)
    (plans / "house.toml").write_text(PLAN)
    (plans / "house.jsonl").write_bytes(PROMPTS)
    (plans / "canaries.jsonl").write_bytes(CANARIES)
    ran = run("init", "--name", "ada", "--namespace", "acme", "--model-kind", "base", "--plan",
              "house", "--no-passphrase")  # fmt: skip
    assert ran.code == 0, ran
    folder = tmp_path / "civil"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns(".hubpolicy", "model.sig"))
    shutil.copyfile(CARD, folder / "README.md")
    return folder


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    rows: list[dict[str, object]] = [{"schema": "hubpolicy/responses/1"}]
    for prompt in assets.plan("house").suites[0].prompts:
        said = "A kind word for everybody who reads this."
        rows.append({"suite": "HOUSE", "prompt_id": prompt.id, "i": 0, "text": said})
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def test_of_a_private_suite_only_digest_size_and_counts_leave(author: Path, answers: Path) -> None:
    ran = run("test", author, "--responses", answers, "--format", "json")
    assert ran.rules == {"HP205"}  # answers made elsewhere are level 1; the counts are fine
    (file,) = (author / ".hubpolicy").rglob("*.*")
    payload = parse_bundle(file.read_bytes().splitlines()[0], where="the line").payload
    assert SECRET.encode() not in payload
    assert b"house-0" not in payload
    suite = json.loads(payload)["predicate"]["suites"][0]
    assert suite["prompts"]["digest"]["sha256"] == hashlib.sha256(PROMPTS).hexdigest()
    assert (suite["n"], suite["hits"]) == (20, 0)


def test_a_language_that_the_scorer_does_not_know_blocks_at_once(
    author: Path, answers: Path
) -> None:
    card = author / "README.md"
    assert "\nlanguage: en\n" in card.read_text()
    card.write_text(card.read_text().replace("\nlanguage: en\n", "\nlanguage: [en, fr]\n"))
    ran = run("test", author, "--responses", answers, "--format", "json")
    assert ran.rules == {"HP205", "HP212"}
    assert ran.code == 3


def test_a_plan_that_changed_after_the_policy_was_signed_is_not_run(
    author: Path, answers: Path
) -> None:
    plan = Path(os.environ["HOME"]) / ".config" / "hubpolicy" / "plans" / "house.toml"
    plan.write_text(PLAN.replace("n = 20", "n = 10"))
    ran = run("test", author, "--responses", answers)
    assert (ran.code, "another version of plan 'house'" in ran.err) == (2, True), ran
