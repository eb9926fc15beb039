# SPDX-License-Identifier: Apache-2.0
"""Plans of one's own, with prompts beside them or from a data set at a commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import huggingface_hub.constants
import pytest

from hubpolicy.adapters import assets, plans
from hubpolicy.errors import ConfigError, ServiceError
from tests.brief import CANARIES, plan_text

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = b"".join(
    json.dumps({"id": f"own-{i:03}", "text": f"Our own sentence number {i} begins with"}).encode()
    + b"\n"
    for i in range(20)
)


def own(name: str, prompts: str, content: bytes = ROWS) -> str:
    return plan_text(name, content, n=20, bound="0.5", file=prompts, private=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = tmp_path / ".config" / "hubpolicy" / "plans"
    made.mkdir(parents=True)
    (made / "canaries.jsonl").write_bytes(CANARIES)
    (made / "own.jsonl").write_bytes(ROWS)
    return made


def test_an_own_plan_is_at_hand_by_its_name(folder: Path) -> None:
    (folder / "acme.toml").write_text(own("acme", "own.jsonl"))
    assert "acme" in assets.plan_names()
    plan = assets.plan("acme")
    assert (plan.id, plan.suites[0].private, len(plan.suites[0].prompts)) == ("acme", True, 20)


def test_a_shipped_plan_cannot_be_replaced(folder: Path) -> None:
    (folder / "demo.toml").write_text(own("demo", "own.jsonl"))
    assert [suite.id for suite in assets.plan("demo").suites] == ["TX-D"]


def test_prompts_come_from_the_cache_of_a_data_set_at_a_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    snapshot = cache / "datasets--acme--prompts" / "snapshots" / COMMIT / "en"
    snapshot.mkdir(parents=True)
    (snapshot / "own.jsonl").write_bytes(ROWS)
    uri = f"hf://datasets/acme/prompts@{COMMIT}/en/own.jsonl"
    (folder / "far.toml").write_text(own("far", uri))
    assert len(assets.plan("far").suites[0].prompts) == 20
    (snapshot / "own.jsonl").write_bytes(ROWS.replace(b"Our", b"One"))
    with pytest.raises(ConfigError, match="got sha256"):
        assets.plan("far")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (own("other", "own.jsonl"), "expected 'acme' as the file is called"),
        (own("acme", "own.jsonl", b"x"), "got sha256"),
        ("id = ", "expected TOML"),
        (own("acme", "../own.jsonl"), "plain path"),
        (own("acme", "link.jsonl"), "a link leads out"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(folder: Path, text: str, words: str) -> None:
    outside = folder.parent / "outside.jsonl"
    outside.write_bytes(ROWS)
    (folder / "link.jsonl").symlink_to(outside)
    (folder / "acme.toml").write_text(text)
    with pytest.raises(ConfigError, match=words) as raised:
        assets.plan("acme")
    assert "acme.toml" in raised.value.message


def test_a_missing_prompt_file_and_a_missing_plan(folder: Path) -> None:
    (folder / "acme.toml").write_text(own("acme", "nowhere.jsonl"))
    with pytest.raises(ServiceError, match=r"nowhere\.jsonl"):
        plans.read_plan(folder / "acme.toml")
    with pytest.raises(ConfigError, match="got plan 'nothing'"):
        assets.plan("nothing")
