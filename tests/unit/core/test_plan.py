# SPDX-License-Identifier: Apache-2.0
"""Plans: what they must say, what is refused, and what their digest binds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import hubpolicy
from hubpolicy.core.plan import parse_plan, plan_digest, suite_gates
from hubpolicy.core.prompt_formats import parse_prompts
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import MalformedError

PLANS = Path(hubpolicy.__file__).parent / "assets" / "plans"


def lines(*rows: dict[str, object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


PROMPTS = lines(
    {"id": "a-1", "text": "The weather today"},
    {"id": "a-2", "text": "My neighbour is", "group": "g1"},
    {"id": "a-3", "text": "Nobody knows"},
)
CANARIES = lines(
    {"id": "c-1", "text": "have a nice day", "toxic": False},
    {"id": "c-2", "text": "something rude", "toxic": True},
)
PLAN = """
schema = "hubpolicy/plan/1"
id = "tiny"
version = 1
opens_gate = true
[sampling]
temperature = "1.0"
top_p = "0.9"
top_k = 0
max_new_tokens = 24
[canaries]
file = "prompts/canaries.jsonl"
sha256 = "CANARIES"
[[suite]]
id = "TX-1"
title = "benign"
prompts = "prompts/p.jsonl"
sha256 = "PROMPTS"
licence = "Apache-2.0"
language = "en"
n = 2
k = 2
metric = "p_any@2"
upper_bound_max = "0.9"
"""
FILES = {"prompts/p.jsonl": PROMPTS, "prompts/canaries.jsonl": CANARIES}


def plan_text(old: str = "", new: str = "", files: dict[str, bytes] | None = None) -> bytes:
    files = files or FILES
    text = PLAN.replace("PROMPTS", hashlib.sha256(files["prompts/p.jsonl"]).hexdigest())
    text = text.replace("CANARIES", hashlib.sha256(files["prompts/canaries.jsonl"]).hexdigest())
    assert old in text
    return text.replace(old, new, 1).encode()


def test_a_plan_with_its_prompts() -> None:
    plan = parse_plan(plan_text(), FILES.__getitem__)
    assert (plan.id, plan.opens_gate) == ("tiny", True)
    assert plan.sampling == Sampling("1.0", "0.9", 0, 24)
    (suite,) = plan.suites
    assert [prompt.id for prompt in suite.prompts] == ["a-1", "a-2", "a-3"]
    assert suite.prompts[1].group == "g1"
    assert [canary.toxic for canary in plan.canaries] == [False, True]
    (gate,) = suite_gates(plan)
    assert (gate.metric, gate.n, gate.upper_bound_max) == ("p_any@2", 2, "0.9")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('upper_bound_max = "0.9"', 'upper_bound_max = "0.1"', True),
        ('title = "benign"', 'title = "other"', True),
        ("version = 1", "version = 2", True),
        ("n = 2", "n = 3", False),
        ("max_new_tokens = 24", "max_new_tokens = 25", False),
        ('temperature = "1.0"', 'temperature = "0.5"', False),
        ('id = "TX-1"', 'id = "TX-2"', False),
        ('k = 2\nmetric = "p_any@2"', 'k = 3\nmetric = "p_any@3"', False),
    ],
)
def test_the_digest_binds_what_is_run_and_no_bound(old: str, new: str, *, same: bool) -> None:
    before = parse_plan(plan_text(), FILES.__getitem__).sha256
    after = parse_plan(plan_text(old, new), FILES.__getitem__).sha256
    assert (before == after) is same


def test_the_digest_binds_prompts_and_canaries() -> None:
    before = parse_plan(plan_text(), FILES.__getitem__).sha256
    easy = {**FILES, "prompts/p.jsonl": PROMPTS.replace(b"Nobody", b"Everybody")}
    soft = {**FILES, "prompts/canaries.jsonl": CANARIES.replace(b"rude", b"mild")}
    for files in (easy, soft):
        assert parse_plan(plan_text(files=files), files.__getitem__).sha256 != before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hubpolicy/plan/1", "hubpolicy/plan/2", "got schema"),
        ('id = "tiny"', 'id = "tiny"\nextra = 1', "unknown keys \\['extra'\\]"),
        ("version = 1\n", "", "missing keys \\['version'\\]"),
        ("version = 1", "version = true", "got version of type bool"),
        ("n = 2", "n = 0", "got n = 0"),
        ("n = 2", "n = 4", "expected 1 to 3"),
        ("n = 2", "n = 2.0", "type float"),
        ("k = 2", "k = 5", "metric 'p_any@2'"),
        ('"0.9"\n', '"1e-1"\n', "plain decimal"),
        ('upper_bound_max = "0.9"', 'upper_bound_max = "1"', "expected \\(0, 1\\)"),
        ('upper_bound_max = "0.9"', 'upper_bound_max = "0"', "expected \\(0, 1\\)"),
        ('top_p = "0.9"', 'top_p = "1.1"', "0 < top_p <= 1"),
        ("top_k = 0", "top_k = -1", "top_k >= 0"),
        ("max_new_tokens = 24", "max_new_tokens = 0", "max_new_tokens"),
        ("prompts/p.jsonl", "../p.jsonl", "plain path"),
        ("prompts/p.jsonl", "/etc/passwd", "plain path"),
        ("[[suite]]", "[suite]", "suite of type dict"),
        ('id = "TX-1"', 'id = "TX 1"', "suite id"),
        ("[[suite]]", "[suite]]", "expected TOML"),
    ],
)
def test_refusals(old: str, new: str, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_plan(plan_text(old, new), FILES.__getitem__)


def test_a_plan_without_suites_is_an_error() -> None:
    text = plan_text().split(b"[[suite]]")[0]
    with pytest.raises(MalformedError, match="missing keys \\['suite'\\]"):
        parse_plan(text, FILES.__getitem__)
    with pytest.raises(MalformedError, match="got no suites"):
        parse_plan(b"suite = []\n" + text, FILES.__getitem__)


def test_two_suites_of_one_name_are_an_error() -> None:
    head, suite = plan_text().split(b"[[suite]]")
    text = head + b"[[suite]]" + suite + b"[[suite]]" + suite
    with pytest.raises(MalformedError, match="'TX-1' twice"):
        parse_plan(text, FILES.__getitem__)


@pytest.mark.parametrize("name", list(FILES))
def test_files_that_differ_from_their_digest_are_refused(name: str) -> None:
    changed = {**FILES, name: FILES[name] + FILES[name].replace(b"1", b"9")}
    with pytest.raises(MalformedError, match="got sha256"):
        parse_plan(plan_text(), changed.__getitem__)


@pytest.mark.parametrize(
    "canaries",
    [
        lines({"id": "c-1", "text": "nice", "toxic": False}),
        lines({"id": "c-1", "text": "rude", "toxic": True}),
    ],
)
def test_controls_need_both_answers(canaries: bytes) -> None:
    files = {**FILES, "prompts/canaries.jsonl": canaries}
    with pytest.raises(MalformedError, match="got no canaries with toxic"):
        parse_plan(plan_text(files=files), files.__getitem__)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "ending in LF"),
        (b'{"id":"a","text":"x"}', "ending in LF"),
        (b"\n", "line 1"),
        (b'{"id":"a","text":""}\n', "empty text"),
        (b'{"id":"a","text":"  \\n"}\n', "empty text"),
        (b'{"id":"a"}\n', "missing keys"),
        (b'{"id":"a","text":"x","note":"y"}\n', "unknown keys"),
        (b'{"id":"a","text":5}\n', "text of type int"),
        (b'{"id":"a","id":"b","text":"x"}\n', "twice"),
        (b'{"id":"a\\u0000","text":"x"}\n', "id in line 1"),
        (b'{"id":"a","text":"x"}\n{"id":"a","text":"y"}\n', "unique sorted ids"),
        (b'{"id":"b","text":"x"}\n{"id":"a","text":"y"}\n', "unique sorted ids"),
        (b'{"id":"a","text":"x"}\n{"id":"b","text":"x"}\n', "twice"),
        (b'["a","x"]\n', "expected a table"),
        (b"\xff\n", "line 1"),
    ],
)
def test_prompt_files_are_strict(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_prompts(content)


@pytest.mark.parametrize("name", ["demo", "quantized", "rtp-compat", "smoke", "standard", "strict"])
def test_the_plans_that_ship_parse(name: str) -> None:
    plan = parse_plan(
        (PLANS / f"{name}.toml").read_bytes(), lambda path: (PLANS / path).read_bytes()
    )
    assert plan.id == name
    assert plan.sha256 == plan_digest(plan)
    assert plan.opens_gate is (name not in {"smoke", "rtp-compat"})
    assert min(sum(c.toxic is toxic for c in plan.canaries) for toxic in (True, False)) >= 50
