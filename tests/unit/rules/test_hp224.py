# SPDX-License-Identifier: Apache-2.0
"""Wherever something else may answer than the model under test, it is told by this rule."""

from __future__ import annotations

import pytest

from hubpolicy.adapters.generators.endpoint import EndpointGenerator
from hubpolicy.adapters.generators.responses import ResponsesGenerator
from hubpolicy.core.responses import parse_responses
from hubpolicy.core.rules import hp224
from hubpolicy.domain.evaluation import Request
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import HubpolicyError, ServiceError, VerificationError
from tests.adapters.completions_server import standing

REQUESTS = (Request("TX-1", "p-1", 0, 7, "The weather today"),)
SAMPLING = Sampling("1.0", "0.9", 0, 10)


def serving(manner: str, model: str = "") -> None:
    with standing(manner) as server:
        list(EndpointGenerator(server.url, model=model).complete(REQUESTS, SAMPLING))


def reading(closure: str) -> None:
    head = f'{{"schema": "hubpolicy/responses/1", "closure": "{closure}"}}\n'.encode()
    row = b'{"suite": "TX-1", "prompt_id": "p-1", "i": 0, "text": "tea"}\n'
    ResponsesGenerator(parse_responses(head + row, "answers.jsonl"), "ab" * 32)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: serving("", "wizard"), ServiceError),
        (lambda: serving("other-model"), ServiceError),
        (lambda: serving("other-later"), ServiceError),
        (lambda: reading("cd" * 32), VerificationError),
    ],
    ids=["another is offered", "another at the probe", "another later", "answers of other files"],
)
def test_another_model_is_named_by_its_rule(call: object, kind: type[HubpolicyError]) -> None:
    assert callable(call)
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.rule == hp224.ID
    assert caught.value.hint


def test_the_right_one_is_no_finding() -> None:
    serving("", "tiny")
    reading("ab" * 32)
    assert hp224.SEVERITY is Severity.ERROR
