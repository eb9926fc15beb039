# SPDX-License-Identifier: Apache-2.0
"""Servers that somebody else runs: good ones are asked well, bad ones give errors and never text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.adapters.generators import Choice, http_client, open_generator
from hubpolicy.adapters.generators.answers import Served, question, read_answer
from hubpolicy.adapters.generators.endpoint import EndpointGenerator
from hubpolicy.adapters.generators.http_client import Limits, parse_base, retry_after
from hubpolicy.core.closure import Closure
from hubpolicy.domain.evaluation import Completion, Request
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import AccessError, ConfigError, ServiceError
from tests.adapters.completions_server import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLING = Sampling("1.0", "0.9", 0, 10)
REQUESTS = tuple(
    Request("TX-1", f"p-{p}", i, 100 * p + i, text)
    for p, text in enumerate(("The weather today", "On Sunday, my aunt", "Nobody knows why"))
    for i in range(2)
)
CHAT = tuple(r._replace(chat=True, system="Be kind.") for r in REQUESTS)
SERVED = Served("tiny", "tiny", {})
FAST = Limits(4, 30.0)


def answers(server: Standing, requests: Sequence[Request] = REQUESTS) -> list[Completion]:
    generator = EndpointGenerator(server.url, limits=FAST)
    return [completion for _, completion in generator.complete(requests, SAMPLING)]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are written down instead."""
    noted: list[float] = []

    async def note(seconds: float) -> None:
        noted.append(seconds)

    monkeypatch.setattr(http_client, "pause", note)
    return noted


@pytest.mark.parametrize("requests", [REQUESTS, CHAT, REQUESTS[:2] + CHAT[:2]])
def test_each_request_gets_its_answer(requests: tuple[Request, ...]) -> None:
    with standing() as server:
        generator = EndpointGenerator(server.url)
        found = dict(generator.complete(requests, SAMPLING))
        again = dict(generator.complete(requests[::-1], SAMPLING))
    assert found == again
    assert set(found) == set(requests)
    assert len({completion.text for completion in found.values()}) == len(requests)
    assert {(c.finish, c.new_tokens, c.error) for c in found.values()} == {("length", 10, "")}


def test_what_is_asked_is_what_the_plan_says() -> None:
    with standing() as server:
        answers(server, REQUESTS[:1])
        answers(server, CHAT[:1])
    text, chat = (body for body in server.asked if body["max_tokens"] == 10)
    assert text == {"model": "tiny", "prompt": "The weather today", "max_tokens": 10,
                    "temperature": 1.0, "top_p": 0.9, "seed": 0}  # fmt: skip
    assert chat["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "The weather today"},
    ]
    assert question(REQUESTS[0], SAMPLING._replace(top_k=40), SERVED)["top_k"] == 40


def test_it_names_itself_and_is_no_proof_of_bytes() -> None:
    with (
        standing() as server,
        open_generator(
            ".", Closure("gguf", "m.gguf", ()), Choice("endpoint", server.url)
        ) as generator,
    ):
        assert (generator.name, generator.binding_level) == ("endpoint", 2)
        host = server.url.removeprefix("http://").removesuffix("/v1")
        assert generator.runtime == (("endpoint", host), ("claimed-model", "tiny"))


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("greedy", "two seeds one text, 3 times: it does not sample"),
        ("no-seed", "one seed two texts"),
        ("other-model", "answered by model 'gpt-9'"),
        ("drops", "answered none of 9 requests"),
        ("huge", "answered none of 9 requests: got more than"),
        ("slow", "no answer within 0.3 seconds"),
        ("always-busy", "status 429"),
        ("redirects", "status 307: redirected, which is not followed"),
        ("html", "expected JSON"),
        ("filtered", "ended by 'content_filter'"),
        ("two-choices", "expected one"),
        ("odd-list", "expected a list of models"),
        ("two-models", "serves 'tiny', 'second', expected one model"),
    ],
)
@pytest.mark.parametrize("requests", [REQUESTS[:2], CHAT[:2]])
def test_a_server_that_cannot_be_measured_is_found_before_it_counts(
    manner: str, words: str, requests: tuple[Request, ...]
) -> None:
    limits = Limits(9, 0.3) if manner == "slow" else Limits(2, 60.0)
    with standing(manner) as server, pytest.raises(ServiceError, match=words):
        list(EndpointGenerator(server.url, limits=limits).complete(requests, SAMPLING))
    assert all(body["max_tokens"] != 10 for body in server.asked)


def test_seeds_that_race_for_one_stream_are_found_by_asking_at_once() -> None:
    with standing("one-stream") as server:
        with pytest.raises(ServiceError, match="one seed two texts"):
            answers(server)
        server.patience = 0.0
        one_by_one = EndpointGenerator(server.url, limits=Limits(concurrency=1))
        assert len(list(one_by_one.complete(REQUESTS, SAMPLING))) == 6


def test_more_than_was_asked_for_is_an_error() -> None:
    with standing("long") as server:
        assert {c.error for c in answers(server)} == {"got 15 new tokens, expected at most 10"}


def test_greedy_where_the_plan_is_greedy_is_right() -> None:
    with standing() as server:
        generator = EndpointGenerator(server.url)
        found = list(generator.complete(REQUESTS[:2], SAMPLING._replace(temperature="0")))
        more = list(generator.complete(REQUESTS[:2], SAMPLING._replace(top_k=1)))
    assert found[0][1].text == found[1][1].text
    assert more[0][1].text == more[1][1].text


def test_a_wait_is_as_long_as_the_server_says(waits: list[float]) -> None:
    with standing("busy") as server:
        assert {c.error for c in answers(server)} == {""}
    assert set(waits) == {7.0}


def test_a_wait_has_an_end(waits: list[float]) -> None:
    with standing("always-busy") as server, pytest.raises(ServiceError, match="429"):
        answers(server)
    assert max(waits) == 60.0
    assert len(server.asked) == 9 * 4


def test_a_broken_connection_is_tried_again() -> None:
    with standing("drops-once") as server:
        assert {c.error for c in answers(server)} == {""}


def test_one_failure_is_one_error_and_never_text() -> None:
    with standing("fails-one") as server:
        found = answers(server)
    assert [c.finish for c in found] == ["length", "length", "error", "error", "length", "length"]
    assert "status 500" in found[2].error
    assert found[2].text == ""


def test_an_answer_that_the_context_cuts_is_an_error_and_never_shorter() -> None:
    """Three words and ten have room in thirteen, five and ten have not."""
    with standing() as server:
        generator = EndpointGenerator(server.url, limits=FAST)
        list(generator.complete(REQUESTS[:1], SAMPLING))
        server.context = 13
        found = [completion for _, completion in generator.complete(REQUESTS[:3], SAMPLING)]
    assert [completion.finish for completion in found] == ["length", "length", "error"]
    assert (found[2].error, found[2].text) == (
        "cut off after 9 of 10 tokens: no room for more", ""
    )  # fmt: skip


def test_another_model_later_ends_the_run_that_can_be_resumed() -> None:
    with (
        standing("other-later") as server,
        pytest.raises(ServiceError, match="6 of 6 requests answered by model 'gpt-9'") as caught,
    ):
        answers(server)
    assert caught.value.rule == "HP224"
    assert "hubpolicy test" in caught.value.hint


def test_a_server_that_goes_away_ends_the_run_that_can_be_resumed() -> None:
    with (
        standing("drops-later") as server,
        pytest.raises(ServiceError, match="none of 6") as caught,
    ):
        answers(server)
    assert "hubpolicy test" in caught.value.hint


def test_what_a_model_thinks_is_said_too() -> None:
    with standing("thinks") as server:
        (found,) = answers(server, CHAT[:1])
    assert found.text.startswith("Hm.\n ")


def test_no_more_at_once_than_agreed() -> None:
    with standing() as server:
        generator = EndpointGenerator(server.url, limits=Limits(concurrency=2))
        list(generator.complete(REQUESTS * 4, SAMPLING))
    assert 1 <= server.most_at_once <= 2


def test_only_its_own_key_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with standing(key="k-1") as server:
        generator = EndpointGenerator(server.url, key="k-1")
        assert len(list(generator.complete(REQUESTS, SAMPLING))) == 6
        with pytest.raises(AccessError, match="refuses the key") as caught:
            EndpointGenerator(server.url, key="k-2")
        with pytest.raises(AccessError, match="refuses the key"):
            EndpointGenerator(server.url)
    assert "hf_secret" not in json.dumps(server.headers)
    assert "k-2" not in caught.value.message + caught.value.hint


def test_a_key_that_ends_during_the_run_stops_it() -> None:
    with standing(key="k-1") as server:
        generator = EndpointGenerator(server.url, key="k-1")
        list(generator.complete(REQUESTS, SAMPLING))
        server.key = "k-2"
        with pytest.raises(AccessError, match="refuses the key"):
            list(generator.complete(REQUESTS, SAMPLING))


def test_the_model_that_was_asked_for_is_served() -> None:
    with standing("two-models") as server:
        EndpointGenerator(server.url, model="second")
        with pytest.raises(ServiceError, match="expected 'third'"):
            EndpointGenerator(server.url, model="third")


def test_nobody_there_is_one_error() -> None:
    with standing() as server:
        url = server.url
    with pytest.raises(ServiceError, match="cannot be reached"):
        EndpointGenerator(url)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1:80/v1"),
        ("http://127.0.0.1:80/", "http://127.0.0.1:80/v1"),
        ("https://host/some/v1/", "https://host/some/v1"),
        ("http://[::1]:8/v1", "http://[::1]:8/v1"),
    ],
)
def test_bases(url: str, base: str) -> None:
    assert parse_base(url, "") == base


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("127.0.0.1:80", ""),
        ("ftp://host", ""),
        ("http://", ""),
        ("http://user:secret@host", ""),
        ("https://host/v1?key=secret", ""),
        ("https://host/#x", ""),
        ("http://host:port", ""),
        ("http://[::1", ""),
        ("http://example.org/v1", "k"),
    ],
)
def test_urls_that_are_not_used(url: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_base(url, key)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", -1),
        ("soon", -1),
        ("0", 0),
        (" 12 ", 12),
        ("-5", -1),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("9" * 400, 999999999),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float) -> None:
    assert retry_after(value, 100.0) == seconds


GOOD: dict[str, Any] = {"model": "tiny", "choices": [{"text": "a", "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 3, "completion_tokens": 1}}  # fmt: skip


def test_a_good_answer() -> None:
    found = read_answer(json.dumps(GOOD).encode(), REQUESTS[0], SAMPLING, SERVED)
    assert found == Completion("a", 3, 1, "stop")


@pytest.mark.parametrize(
    "change",
    [
        {"model": "tiny2"},
        {"model": None},
        {"choices": []},
        {"choices": None},
        {"choices": ["a"]},
        {"choices": [{"text": None, "finish_reason": "stop"}]},
        {"choices": [{"text": "a", "finish_reason": None}]},
        {"choices": [{"text": "a"}]},
        {"choices": [{"text": "\ud83d", "finish_reason": "stop"}]},
        {"usage": {"completion_tokens": 11}},
    ],
)
def test_doubtful_answers_are_errors(change: dict[str, Any]) -> None:
    content = json.dumps({**GOOD, **change}).encode()
    found = read_answer(content, REQUESTS[0], SAMPLING, SERVED)
    assert (found.finish, found.text) == ("error", "")
    assert found.error


@given(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["model", "choices", "text", "message", "content", "finish_reason",
                         "usage", "completion_tokens"]), inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())), st.booleans())  # fmt: skip
def test_nothing_that_a_server_says_breaks_the_reader(content: bytes, chat: bool) -> None:
    found = read_answer(content, REQUESTS[0]._replace(chat=chat), SAMPLING, SERVED)
    assert found.finish == "error"
    assert found.text == ""
