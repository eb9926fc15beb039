# SPDX-License-Identifier: Apache-2.0
"""The sockets: HTTP/1.1 on loopback, one thread per connection, one log line per request."""

from __future__ import annotations

import io
import json
import socket
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, cast

from hubpolicy.demo.hub.accounts import Accounts
from hubpolicy.demo.hub.answer import Outcome, answer, dropped
from hubpolicy.demo.hub.calls import Hub, timestamp
from hubpolicy.demo.hub.faults import FaultCounters
from hubpolicy.demo.hub.git_http import install_hooks
from hubpolicy.demo.hub.lfs import AddressSigner, LargeFiles
from hubpolicy.demo.hub.store import Store
from hubpolicy.demo.hub.template import Template
from hubpolicy.demo.hub.wire import Body, FileSlice, HubError, Reply, make_request

HOST = "127.0.0.1"
CHUNK_BYTES = 256 * 1024
MAX_DRAINED_BYTES = 64 * 1024 * 1024


class BodyReader(io.RawIOBase):
    """The part of a connection that is one request's body; it ends after `length` bytes."""

    def __init__(self, source: io.BufferedIOBase, length: int) -> None:
        """Read `length` bytes from `source`."""
        super().__init__()
        self._source = source
        self.left = length

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, all that are left by default.

        Raises:
            ConnectionError: if the client went away before the end.
        """
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        content = self._source.read(wanted) if wanted else b""
        if len(content) < wanted:
            msg = "the client went away in the middle of a body"
            raise ConnectionError(msg)
        self.left -= len(content)
        return content


class RequestLog:
    """``requests.jsonl``: what was asked and answered; never a token."""

    def __init__(self, path: Path) -> None:
        """Append to `path`."""
        self._path = path
        self._lock = threading.Lock()

    def write(self, **line: Any) -> None:
        """Append one line."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class HubServer(ThreadingHTTPServer):
    """A hub bound to a loopback port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, root: Path, port: int, tokens: Path | None, config: Path | None) -> None:
        """Bind `port` (0: any free one) and open the state under `root`."""
        super().__init__((HOST, port), HubConnection)
        self.port = int(self.server_address[1])
        self.endpoint = f"http://{HOST}:{self.port}"
        root.mkdir(parents=True, exist_ok=True)
        install_hooks(root)
        self.counters = FaultCounters()
        self.requests = RequestLog(root / "requests.jsonl")
        self.hub = Hub(
            self.endpoint,
            f"http://{_storage_host()}:{self.port}",
            root,
            Store(root),
            Template(root),
            LargeFiles(root),
            AddressSigner(root),
            Accounts(tokens),
            config,
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone between two requests: it was killed, say."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _storage_host() -> str:
    """Return another name of the same address: storage is another origin, as on the Hub."""
    try:
        socket.getaddrinfo("localhost", None, socket.AF_INET)
    except OSError:
        return HOST
    return "localhost"


class HubConnection(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    server_version = "local-hub"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error; the request log has it."""

    def serve(self) -> None:
        """Answer one request."""
        started = time.monotonic()
        server = cast("HubServer", self.server)
        try:
            body, length = self._body()
        except HubError as refusal:
            self.close_connection = True
            self._send(refusal.reply())
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = make_request(self.command, self.path, headers, body, length)
        outcome = answer(server.hub, server.counters, request)
        self._drain(body, length // 2 if dropped(outcome.faults) else 0)
        server.requests.write(
            time=timestamp(),
            method=self.command,
            path=request.path if request.first("signature") else self.path,
            status=0 if outcome.broken else outcome.reply.status,
            received=length,
            size=_length(outcome.reply.body),
            account=outcome.account,
            faults=[fault.action for fault in outcome.faults],
            ms=round((time.monotonic() - started) * 1000, 1),
        )
        if dropped(outcome.faults):
            self._break()
        else:
            self._reply(outcome)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = serve  # noqa: N815

    def _body(self) -> tuple[BinaryIO, int]:
        """Return the body and its length; a chunked one is read to the end first."""
        announced = self.headers.get("Content-Length")
        coding = self.headers.get("Transfer-Encoding")
        if coding is not None:
            if coding.lower() != "chunked" or announced is not None:
                raise HubError(400, "got another framing, expected chunked or a Content-Length")
            return self._unchunked()
        if announced is None:
            announced = "0"
        if not announced.isdecimal():
            raise HubError(400, f"got Content-Length {announced!r}, expected a number")
        return cast("BinaryIO", BodyReader(self.rfile, int(announced))), int(announced)

    def _unchunked(self) -> tuple[BinaryIO, int]:
        whole = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the request)
        while True:
            head = self.rfile.readline(64).split(b";")[0].strip()
            try:
                size = int(head, 16)
            except ValueError as error:
                raise HubError(400, "a chunk has no size") from error
            if size == 0:
                break
            reader = BodyReader(self.rfile, size)
            while piece := reader.read(CHUNK_BYTES):
                whole.write(piece)
            self.rfile.readline(3)
        while self.rfile.readline(8192).strip():
            pass
        length = whole.tell()
        whole.seek(0)
        return cast("BinaryIO", whole), length

    def _drain(self, body: BinaryIO, keep: int) -> None:
        """Read what the endpoint left, so that the next request begins where it should.

        The last `keep` bytes are left unread: then the connection must break.
        """
        if not isinstance(body, BodyReader):
            return
        if body.left > MAX_DRAINED_BYTES:
            self.close_connection = True
            return
        try:
            while body.left > keep:
                body.read(min(CHUNK_BYTES, body.left - keep))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _reply(self, outcome: Outcome) -> None:
        try:
            self._send(outcome.reply, broken=outcome.broken)
        except ConnectionError:
            self.close_connection = True

    def _send(self, reply: Reply, *, broken: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("X-Request-Id", str(uuid.uuid4()))
        length = _length(reply.body)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self._send_content(reply.body, broken=broken)
        if broken:
            self._break()
        self.wfile.flush()

    def _send_content(self, content: Body, *, broken: bool) -> None:
        """Send the body, or with `broken` only its first half (of a stream the first piece)."""
        if isinstance(content, bytes):
            self.wfile.write(content[: len(content) // 2] if broken else content)
        elif isinstance(content, FileSlice):
            self._send_slice(content, content.length // 2 if broken else content.length)
        else:
            for chunk in content:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                if broken:
                    return
            self.wfile.write(b"0\r\n\r\n")

    def _send_slice(self, content: FileSlice, length: int) -> None:
        with Path(content.path).open("rb") as file:
            file.seek(content.offset)
            left = length
            while left and (piece := file.read(min(CHUNK_BYTES, left))):
                self.wfile.write(piece)
                left -= len(piece)

    def _break(self) -> None:
        """Drop the connection without a proper end."""
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _length(body: Body) -> int | None:
    """Return how many bytes a body has, None for a stream."""
    if isinstance(body, bytes):
        return len(body)
    return body.length if isinstance(body, FileSlice) else None
