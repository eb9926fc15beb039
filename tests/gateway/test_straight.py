# SPDX-License-Identifier: Apache-2.0
"""Large bodies that pass through to storage, straight from one connection into the other."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN
from tests.gateway.test_bodies import begun
from tests.gateway.test_life import listens
from tests.gateway.world import GatewayProcess
from tests.hub.world import ask, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def relay(ada: Author, running_hub: HubProcess, token: str) -> Iterator[GatewayProcess]:
    assert token
    with GatewayProcess(ada, running_hub.endpoint, "--relay-storage", copied=True) as gateway:
        yield gateway


class Upload:
    """A file of random bytes that the hub expects, and the path to send it to."""

    def __init__(self, relay: GatewayProcess, hub: HubProcess, token: str, repo: str) -> None:
        HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(
            repo, repo_type="dataset", private=True, exist_ok=True
        )
        self.content = os.urandom(MIB) * 9 + b"the end"
        self.relay = relay
        oid = hashlib.sha256(self.content).hexdigest()
        batch = ask(
            f"{relay.endpoint}/datasets/{repo}.git/info/lfs/objects/batch", "POST",
            body={"operation": "upload", "objects": [{"oid": oid, "size": len(self.content)}]},
            token=token, headers={"Content-Type": "application/vnd.git-lfs+json"},
        )  # fmt: skip
        self.path = urlsplit(batch.json["objects"][0]["actions"]["upload"]["href"]).path
        lfs = hub.root / "lfs"
        self.stored = lfs / oid[:2] / oid[2:4] / oid
        self.incoming = lfs / "incoming"

    def begin(self, size: int = 0) -> AbstractContextManager[socket.socket]:
        return begun(self.relay, self.path, "", size or len(self.content), "PUT")


@pytest.fixture
def upload(relay: GatewayProcess, hub: HubProcess, token: str, repo: str) -> Upload:
    return Upload(relay, hub, token, repo)


def answered(connection: socket.socket) -> bytes:
    """All that comes until the gateway closes the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):  # it read no further than the end of the body
        while piece := connection.recv(65536):
            found += piece
    return found


@pytest.mark.parametrize("cut", [1, 300_000, 9 * MIB, 9 * MIB + 6], ids=str)
@pytest.mark.parametrize("more", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["", "+"])
def test_all_of_it_and_no_more(upload: Upload, cut: int, more: bytes) -> None:
    """In two pieces, and with what comes behind it on the same connection: the hub takes a digest."""
    with upload.begin() as connection:
        connection.sendall(upload.content[:cut])
        time.sleep(0.05)
        connection.sendall(upload.content[cut:] + more)
        said = answered(connection)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in said
    assert said.count(b"HTTP/1.1") == 1
    assert upload.stored.stat().st_size == len(upload.content)


@pytest.mark.parametrize("linger", [b"\1\0\0\0\1\0\0\0", b"\1\0\0\0\0\0\0\0"], ids=["end", "reset"])
@pytest.mark.parametrize("cut", [300_000, 9 * MIB + 6], ids=str)
def test_half_of_it_never_looks_whole(upload: Upload, cut: int, linger: bytes) -> None:
    """The hub drops what it got, and the same file comes again. No traceback: GatewayProcess."""
    with upload.begin() as connection:
        connection.sendall(upload.content[:cut])
        until(lambda: any(upload.incoming.iterdir()))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    until(lambda: not any(upload.incoming.iterdir()))
    assert not upload.stored.exists()
    with upload.begin() as connection:
        connection.sendall(upload.content)
        assert answered(connection).startswith(b"HTTP/1.1 200 ")
    assert upload.stored.exists()


@pytest.mark.parametrize(
    ("fault", "announced"), [({"action": "close"}, 0), ({"action": "status", "status": 403}, 100)]
)
def test_a_hub_that_breaks_off_ends_it(
    upload: Upload, hub: HubProcess, fault: dict[str, object], announced: int
) -> None:
    """In the middle, and with an answer before the end: it may be lost with the connection."""
    hub.faults({"method": "PUT", "times": 1, **fault})
    with upload.begin(announced * MIB) as connection:
        with contextlib.suppress(ConnectionError):  # it may be answered before its end
            connection.sendall(upload.content)
        assert connection.recv(65536)[:13] in {b"HTTP/1.1 502 ", b"HTTP/1.1 403 "}
    assert not upload.stored.exists()


class TestAtTheEnd:
    """SIGTERM in the middle of a body."""

    def test_it_is_finished_and_nothing_new_is_begun(
        self, ada: Author, hub: HubProcess, token: str, repo: str
    ) -> None:
        """Not even by who is connected already."""
        options = ("--relay-storage", "--drain", "60")
        with GatewayProcess(ada, hub.endpoint, *options, copied=True) as gateway:
            upload = Upload(gateway, hub, token, repo)
            with upload.begin() as connection, begun(gateway, "/healthz", size=0) as idle:
                assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
                connection.sendall(upload.content[:300_000])
                until(lambda: any(upload.incoming.iterdir()))
                os.kill(gateway.pid, signal.SIGTERM)
                until(lambda: not listens(gateway))
                idle.sendall(b"GET /api/models HTTP/1.1\r\nHost: x\r\n\r\n")
                refused = idle.recv(65536)
                connection.sendall(upload.content[300_000:])
                assert answered(connection).startswith(b"HTTP/1.1 200 ")
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"the gateway ends" in refused
            assert upload.stored.exists()
            assert "ended" in gateway.end(asked=True)[0]

    def test_or_ends_with_an_error(
        self, ada: Author, hub: HubProcess, token: str, repo: str
    ) -> None:
        """Whose body does not come, is told so when the time is over; the process ends."""
        options = ("--relay-storage", "--drain", "0.2")
        with GatewayProcess(ada, hub.endpoint, *options, copied=True) as gateway:
            upload = Upload(gateway, hub, token, repo)
            with upload.begin() as connection:
                connection.sendall(upload.content[:300_000])
                until(lambda: any(upload.incoming.iterdir()))
                os.kill(gateway.pid, signal.SIGTERM)
                said = answered(connection)
                assert said.startswith(b"HTTP/1.1 503 ")
                assert b"the gateway ends" in said
                assert "ended" in gateway.end(asked=True)[0]
        until(lambda: not any(upload.incoming.iterdir()))
        assert not upload.stored.exists()
