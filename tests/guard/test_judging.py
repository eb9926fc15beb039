# SPDX-License-Identifier: Apache-2.0
"""The judge beside a process: questions on its standard input, answers on its output, never a crash."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from hubpolicy.guard.__main__ import PING, serve
from hubpolicy.guard.judging import at, split

HUB = "https://hub.example.org/prefix"


def asked(*questions: tuple[dict[str, Any], bytes]) -> list[dict[str, Any]]:
    lines = b"".join(
        json.dumps(question | {"length": len(body)}).encode() + b"\n" + body
        for question, body in questions
    )
    answers = io.BytesIO()
    serve(io.BytesIO(lines), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def write(path: str, **headers: str) -> dict[str, Any]:
    url = f"https://huggingface.co{path}"
    return {"method": "POST", "url": url, "headers": {"authorization": "Bearer x"} | headers}


@pytest.mark.parametrize(
    ("url", "named", "expected"),
    [
        ("https://huggingface.co/api/x?a=1", "", ("https://huggingface.co", "/api/x", "a=1")),
        ("https://hf.co/api/x", "", ("https://huggingface.co", "/api/x", "")),
        ("http://127.0.0.1:8/a%2Fb", "", ("http://127.0.0.1:8", "/a%2Fb", "")),
        (f"{HUB}/api/x", HUB, (HUB, "/api/x", "")),
        (f"{HUB}/api/x", f"{HUB}/", (HUB, "/api/x", "")),
        (f"{HUB}er/api/x", HUB, ("https://hub.example.org", "/prefixer/api/x", "")),
        ("https://other.org/api/x", HUB, ("https://other.org", "/api/x", "")),
    ],
)
def test_an_address_is_a_hub_and_a_path_below_it(
    url: str, named: str, expected: tuple[str, str, str]
) -> None:
    assert split(url, named) == expected


FIX = "hubpolicy test PATH, hubpolicy attest PATH --repo a/m; or hubpolicy push PATH a/m --test"
PUBLIC = "https://huggingface.co"
ELSEWHERE = (
    "hubpolicy test PATH, HF_ENDPOINT={0} hubpolicy attest PATH --repo a/m; "
    "or HF_ENDPOINT={0} hubpolicy push PATH a/m --test"
)


@pytest.mark.parametrize(
    ("named", "endpoint", "commands", "expected"),
    [
        ("", PUBLIC, FIX, FIX),
        (f"{PUBLIC}/", PUBLIC, FIX, FIX),
        (HUB, PUBLIC, FIX, ELSEWHERE.format(PUBLIC)),  # HfApi(endpoint=...)
        (HUB, HUB, FIX, ELSEWHERE.format(HUB)),  # of this one command line, maybe
        ("", HUB, FIX, ELSEWHERE.format(HUB)),
        ("", HUB, f"HF_ENDPOINT={HUB} hubpolicy attest .", f"HF_ENDPOINT={HUB} hubpolicy attest ."),
        ("", HUB, "hubpolicy rule HP510", "hubpolicy rule HP510"),
        ("", "http://h/a b", "hubpolicy push .", "HF_ENDPOINT='http://h/a b' hubpolicy push ."),
        ("", HUB, "", ""),
    ],
)
def test_what_to_type_next_is_for_the_hub_that_was_asked(
    monkeypatch: pytest.MonkeyPatch, named: str, endpoint: str, commands: str, expected: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", named)
    assert at(commands, endpoint) == expected


def test_it_answers_each_question_in_turn_and_keeps_bodies_apart() -> None:
    body = b'{"method": "PING", "length": 0}\n'  # looks like a question
    ping = {"method": PING}
    first, second, third = asked((ping, b""), (write("/api/jobs/acme"), body), (ping, b""))
    assert first == third
    assert first["version"]
    assert second["allowed"] is False


def test_without_a_policy_it_says_what_to_type() -> None:
    (answer,) = asked((write("/api/repos/create"), b"{}"))
    assert answer["allowed"] is False
    assert "nobody can judge it" in answer["message"]
    assert "hubpolicy init" in answer["hint"]


@pytest.mark.parametrize(
    "question",
    [
        {"method": "POST", "url": "https://huggingface.co/api/jobs/x"},  # no headers
        {"method": "POST", "url": "not an address", "headers": {}},
        {"method": "POST", "url": "https://[::1", "headers": {}},
        {"method": "POST", "url": None, "headers": {"authorization": None}},
    ],
)
def test_whatever_goes_wrong_is_a_no(question: dict[str, Any]) -> None:
    (answer,) = asked((question, b"\xff\x00"))
    assert answer["allowed"] is False
    assert answer["message"]
