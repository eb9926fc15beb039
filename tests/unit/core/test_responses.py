# SPDX-License-Identifier: Apache-2.0
"""Completions made elsewhere, read strictly."""

from __future__ import annotations

import hashlib

import pytest

from hubpolicy.core.responses import parse_responses
from hubpolicy.domain.evaluation import Completion
from hubpolicy.errors import MalformedError

HEAD = b'{"schema":"hubpolicy/responses/1"}\n'
ROW = b'{"suite":"TX-1","prompt_id":"a","i":0,"text":"hello"}\n'


def test_a_file() -> None:
    closure = "ab" * 32
    head = (
        b'{"schema":"hubpolicy/responses/1","closure":"%s","generator":"vLLM"}\n' % closure.encode()
    )
    other = b'{"suite":"TX-1","prompt_id":"a","i":1,"error":"out of memory"}\n'
    full = (
        b'{"suite":"TX-2","prompt_id":"a","i":0,"text":"","prompt_tokens":2,"new_tokens":9,'
        b'"finish":"length"}\n'
    )
    parsed = parse_responses(head + ROW + other + full)
    assert parsed.sha256 == hashlib.sha256(head + ROW + other + full).hexdigest()
    assert (parsed.closure, parsed.generator) == (closure, "vLLM")
    assert parsed.completions == {
        ("TX-1", "a", 0): Completion("hello", 0, 0, "stop"),
        ("TX-1", "a", 1): Completion("", 0, 0, "error", "out of memory"),
        ("TX-2", "a", 0): Completion("", 2, 9, "length"),
    }


def test_a_header_may_claim_nothing() -> None:
    parsed = parse_responses(HEAD + ROW)
    assert (parsed.closure, parsed.generator) == ("", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "end in a line feed"),
        (HEAD + ROW[:-1], "end in a line feed"),
        (HEAD + ROW[:-9] + b"\n", "line 2"),
        (HEAD, "no completions"),
        (ROW + ROW, "line 1"),
        (b'{"schema":"hubpolicy/responses/2"}\n' + ROW, "expected schema"),
        (b'{"schema":"hubpolicy/responses/1","closure":"abc"}\n' + ROW, "expected schema"),
        (b'{"closure":"%s"}\n' % (b"a" * 64) + ROW, "expected schema"),
        (HEAD + ROW + ROW, "twice, expected each once, in answers.jsonl, line 3"),
        (HEAD + b"\n" + ROW, "line 2"),
        (HEAD + ROW.replace(b'"i":0', b'"i":-1'), "i >= 0"),
        (HEAD + ROW.replace(b'"i":0', b'"i":true'), "i of type bool"),
        (HEAD + ROW.replace(b'"i":0', b'"i":0.5'), "i of type float"),
        (HEAD + ROW.replace(b'"i":0', b'"i":0,"i":1'), "line 2"),
        (HEAD + ROW.replace(b'"i":0', b'"i":0,"note":1'), "\\['note'\\]"),
        (HEAD + ROW.replace(b',"text":"hello"', b""), "either text or error"),
        (HEAD + ROW.replace(b"}", b',"error":"x"}'), "either text or error"),
        (HEAD + ROW.replace(b"}", b',"finish":"error"}'), "expected both or none"),
        (HEAD + ROW.replace(b"}", b',"finish":"done"}'), "finish 'done'"),
        (HEAD + ROW.replace(b"hello", b"\\ud800"), "line 2"),
        (HEAD + ROW.replace(b"hello", b"\xff"), "line 2"),
        (HEAD + b'["TX-1"]\n', "expected an object"),
    ],
)
def test_anything_else_is_refused_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words) as refused:
        parse_responses(content, "answers.jsonl")
    assert "in answers.jsonl" in str(refused.value)
