# SPDX-License-Identifier: Apache-2.0
"""A hub whose answers come byte by byte: what waits for them is counted, and does not pile up."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

import pytest

from hubpolicy.adapters.deadline import Deadline, keeping
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.gateway.forwarding import Courier
from hubpolicy.gateway.metrics import Metrics
from hubpolicy.gateway.near_hub import NearHub
from hubpolicy.gateway.office import MOST_STUCK
from hubpolicy.gateway.settings import Settings
from tests.gateway.world import GatewayProcess
from tests.hub.world import ask, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.author import Author
    from tests.hub.world import Answer

LENGTH = 100_000
MIB = 1024 * 1024


class Dripping(http.server.BaseHTTPRequestHandler):
    """Takes any token, and says nothing else in less than an hour, until it is let go.

    Of some repositories its head already comes so: of those called ``head``.
    """

    dry = threading.Event()
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        whole = self.path.endswith("whoami-v2")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(2 if whole else LENGTH))
        if "/head" in self.path:
            self.flush_headers()
            self._drip(b"X-A: b\r\n")
        self.end_headers()
        if whole:
            self.wfile.write(b"{}")
            return
        self._drip(b" ")
        self.close_connection = True

    def _drip(self, drop: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            while not self.dry.wait(0.05):
                self.wfile.write(drop)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def dripping() -> Iterator[str]:
    Dripping.dry.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            Dripping.dry.set()
            server.shutdown()


class Endless(http.server.BaseHTTPRequestHandler):
    """Its lists go on as long as somebody reads."""

    written: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(256):
                self.wfile.write(b" " * MIB)
                self.written.append(MIB)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_an_answer_without_an_end_is_not_read_to_its_end(ada: Author, token: str) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub = f"http://127.0.0.1:{server.server_port}"
        with GatewayProcess(ada, hub, copied=True) as gateway:
            Endless.written.clear()
            answer = ask(f"{gateway.endpoint}/api/models?author=acme", token=token)
        server.shutdown()
    assert (answer.status, "more than this gateway reads" in answer.headers["x-error-message"]) == (
        502, True,
    )  # fmt: skip
    assert sum(Endless.written) < 64 * MIB


def ready(gateway: GatewayProcess) -> tuple[int, bytes]:
    answer = ask(f"{gateway.endpoint}/readyz", token=None)
    return answer.status, answer.body


@pytest.mark.parametrize("near", [False, True], ids=["official", "near"])
def test_whoever_waits_for_the_rest_of_an_answer_stops_at_the_deadline(
    dripping: str, near: bool
) -> None:
    """Each byte comes in time, and the answer never would. Without a deadline it is waited for."""
    repo = RepoId("acme", "drip", endpoint=dripping)

    async def asked() -> None:
        client = NearHub(dripping, "hf_x")
        courier = Courier(Settings(dripping, dripping, "hf_x", "127.0.0.1", 0), Metrics())
        client.lend(courier.asks("hf_x") if near else None)
        await asyncio.to_thread(look, client)
        await courier.close()

    def look(client: NearHub) -> None:
        with keeping(Deadline(0.5)), pytest.raises(ServiceError, match="in time"):
            client.repo(repo)

    asyncio.run(asked())


def test_what_was_given_up_and_has_not_ended_keeps_others_from_being_begun(
    ada: Author, dripping: str, token: str
) -> None:
    with GatewayProcess(ada, dripping, "--judge", "2", copied=True) as gateway:

        def flip(number: int) -> Answer:
            return ask(
                f"{gateway.endpoint}/api/models/acme/head{number}/settings", "PUT",
                body={"private": False}, token=token,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip

        with ThreadPoolExecutor(MOST_STUCK) as people:
            given_up = list(people.map(flip, range(MOST_STUCK)))
        assert {each.status for each in given_up} == {403}
        assert any("took more than 2 s" in each.headers["x-error-message"] for each in given_up)
        # On a busy machine one may have been given up before it asked anything.
        refused = next(answer for answer in map(flip, range(90, 99)) if answer.status != 403)
        asked = len(Dripping.asked)
        assert flip(99).status == 503
        assert len(Dripping.asked) == asked
        told = f"{MOST_STUCK} judgements before still wait for the hub's answer"
        assert (refused.status, told in refused.headers["x-error-message"]) == (503, True)
        assert ready(gateway) == (503, f"not judged: {told}\n".encode())
        assert ask(f"{gateway.endpoint}/healthz", token=None).status == 200
        Dripping.dry.set()
        until(lambda: ready(gateway)[0] == 200)
        assert flip(100).status == 403
