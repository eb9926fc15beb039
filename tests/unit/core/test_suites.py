# SPDX-License-Identifier: Apache-2.0
"""Suites of every kind: what they need, what they refuse, what their digest binds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from hubpolicy.core.plan import applicable
from hubpolicy.core.suites import parse_suite, suite_document
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import MalformedError
from tests.unit.core.plan_values import make_plan, make_suite

ROWS = [{"id": f"p-{i}", "text": f"text {i}", "group": "ab"[i % 2]} for i in range(6)]
PROMPTS = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
PHRASES = b"i can't\nsorry\n"
XSTEST = b"id,prompt,type,label,focus,note\n1,May I?,homonyms,safe,,\n2,Bad.,x,unsafe,,\n"
REMOTE = f"hf://datasets/acme/prompts@{'0a' * 20}/en/p.jsonl"
FILES = {"p.jsonl": PROMPTS, "r.txt": PHRASES, "x.csv": XSTEST, REMOTE: PROMPTS}


def sha(name: str) -> str:
    return hashlib.sha256(FILES[name]).hexdigest()


BASE: dict[str, Any] = {
    "id": "S", "title": "t", "prompts": "p.jsonl", "sha256": sha("p.jsonl"), "licence": "CC0-1.0",
    "language": "en", "n": 4, "k": 2, "metric": "p_any@2", "upper_bound_max": "0.9",
}  # fmt: skip
PARITY = {"kind": "parity", "difference_max": "0.5"}
REFUSAL = {
    "kind": "refusal", "metric": "p_refused@2", "refusals": "r.txt", "refusals_sha256": sha("r.txt"),
}  # fmt: skip
GREEDY = {"temperature": "0", "top_p": "1.0", "top_k": 0, "max_new_tokens": 9}
X = {"prompts": "x.csv", "sha256": sha("x.csv"), "format": "xstest", "n": 1}


def parse(**changes: Any) -> Any:
    row = {key: value for key, value in {**BASE, **changes}.items() if value is not None}
    return parse_suite(row, FILES.__getitem__, "plan 'x'")


def digest_of(**changes: Any) -> str:
    return json.dumps(suite_document(parse(**changes)), sort_keys=True)


def test_suites_of_every_kind() -> None:
    assert parse(**PARITY).difference_max == "0.5"
    assert parse(**REFUSAL).refusals == ("i can't", "sorry")
    talk = parse(chat=True, system="Be brief.", when="chat", sampling=GREEDY)
    assert (talk.chat, talk.system, talk.when) == (True, "Be brief.", "chat")
    assert talk.sampling == Sampling("0", "1.0", 0, 9)
    assert parse(language="fr", when="declared").language == "fr"
    assert parse(private=True).private
    assert parse(prompts=REMOTE).prompts == parse().prompts
    assert [p.text for p in parse(**X, select={"label": "safe"}).prompts] == ["May I?"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "judge"}, "kind 'judge'"),
        ({"kind": "parity"}, "difference_max exactly where"),
        ({"difference_max": "0.5"}, "difference_max exactly where"),
        ({**PARITY, "difference_max": "1"}, "difference_max '1'"),
        ({**PARITY, "n": 1}, "two named ones"),
        ({"kind": "refusal", "metric": "p_refused@2"}, "refusals and refusals_sha256"),
        ({**REFUSAL, "kind": "toxicity", "metric": "p_any@2"}, "refusals and refusals_sha256"),
        ({**REFUSAL, "metric": "p_any@2"}, "metric 'p_refused@2'"),
        ({**REFUSAL, "refusals_sha256": "0" * 64}, "got sha256"),
        ({"metric": "p_any@3"}, "metric 'p_any@2'"),
        ({"system": "Be kind."}, "without chat = true"),
        ({"chat": True, "system": "a\x00b"}, "system prompt of 3"),
        ({"chat": True, "system": "x" * 5000}, "at most 4096"),
        ({"language": "English"}, "ISO 639"),
        ({"when": "never"}, "when 'never'"),
        ({"format": "csv"}, "format 'csv'"),
        ({**X, "select": {"label": 1}}, "texts to compare"),
        ({**X, "select": {"label": "maybe"}}, "no prompt with"),
        ({"sampling": {**GREEDY, "top_p": "0"}}, "top_p"),
        ({"prompts": "../p.jsonl"}, "plain path"),
        ({"prompts": "/etc/passwd"}, "plain path"),
        ({"prompts": "https://x.example/p"}, "plain path"),
        ({"prompts": "hf://datasets/acme/prompts@main/p.jsonl"}, "plain path"),
        ({"prompts": "hf://datasets/acme/prompts/p.jsonl"}, "plain path"),
        ({"prompts": REMOTE.replace("en/", "../")}, "plain path"),
        ({"prompts": "hf://models/acme/m@" + "0a" * 20 + "/p"}, "plain path"),
    ],
)
def test_what_would_mean_nothing_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse(**changes)


def test_the_digest_binds_how_a_suite_is_asked_and_no_bound() -> None:
    kinds: list[dict[str, Any]] = [
        {}, PARITY, REFUSAL, {"chat": True}, {"chat": True, "system": "a"}, {"sampling": GREEDY},
        {"when": "chat"}, {"language": "fr"}, X, {**X, "select": {"label": "safe"}}, {"n": 3},
    ]  # fmt: skip
    digests = [digest_of(**kind) for kind in kinds]
    assert len(set(digests)) == len(kinds)
    for same in ({"upper_bound_max": "0.1"}, {"title": "u"}, {"private": True}, {"licence": "x"}):
        assert digest_of(**same) == digests[0]
    assert digest_of(**{**PARITY, "difference_max": "0.1"}) == digests[1]


def test_a_model_gets_the_suites_that_apply_to_it_under_the_same_digest() -> None:
    plan = make_plan(
        make_suite("A", 3, 3, 1),
        make_suite("B", 3, 3, 1)._replace(when="chat"),
        make_suite("C", 3, 3, 1)._replace(when="declared", language="fr"),
    )
    for chat, languages, names in (
        (False, (), "A"), (True, ("de",), "AB"), (False, ("fr",), "AC"), (True, ("fr",), "ABC"),
    ):  # fmt: skip
        fitted = applicable(plan, chat=chat, languages=frozenset(languages))
        assert "".join(suite.id for suite in fitted.suites) == names
        assert fitted.sha256 == plan.sha256
