# SPDX-License-Identifier: Apache-2.0
"""A headless browser of the Chromium family, if this machine has one."""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import shutil
import socketserver
import struct
import subprocess
import sys
import tempfile
import zlib
from base64 import b64decode
from contextlib import contextmanager
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from tests.oracles.tools import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str:
    """Its path. Left out by name where there is none; in CI that fails, and ``make`` installs it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), "")
    need(bool(found), "chromium")
    return found


def look(
    page: Path,
    *,
    dark: bool = False,
    size: tuple[int, int] = (800, 600),
    proxy: str = "127.0.0.1:1",
    until: str = "true",
    shot: Path | None = None,
    paper: Path | None = None,
) -> str:
    """Open the page in a profile of its own; its document once ``until`` is true in it.

    Nothing outside of the page is reachable: ``proxy`` is asked for all that is, so that a listener
    there sees who asked for what. ``shot`` and ``paper``: where a picture (PNG) and a print (PDF) of
    it go. One browser is started for all pages; it ends with this process.
    """
    with _running().tab(proxy) as tab:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab("Emulation.setEmulatedMedia", features=[scheme])
        tab("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
            deviceScaleFactor=1, mobile=False)  # fmt: skip
        tab("Page.enable")
        tab("Page.navigate", url=page.as_uri())
        tab.wait("Page.loadEventFired")
        # What a page does by itself right after it was loaded, such as to go elsewhere, is seen.
        tab.ask("new Promise((done) => setTimeout(done, 100))")
        tab.ask(
            "new Promise((done) => { const look = () => (" + until + ") ? done() : "
            "setTimeout(look, 20); look(); })"
        )
        if shot:
            shot.write_bytes(b64decode(tab("Page.captureScreenshot", format="png")["data"]))
        if paper:
            paper.write_bytes(b64decode(tab("Page.printToPDF")["data"]))
        return str(tab.ask("document.documentElement.outerHTML"))


class _Tab:
    """One page, by the DevTools protocol."""

    def __init__(self, browser: _Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def wait(self, event: str) -> None:
        self._browser.until(
            lambda told: told.get("method") == event and told.get("sessionId") == self._session
        )

    def ask(self, expression: str) -> Any:
        told = self(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")


_AS_3_AND_4 = """
import os, sys
from fcntl import F_DUPFD, fcntl
high = [fcntl(int(number), F_DUPFD, 20) for number in sys.argv[1:3]]
for number, wanted in zip(high, (3, 4)):
    os.dup2(number, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""


class _Browser:
    """A browser that is spoken to over two pipes, its descriptors 3 and 4: JSON that ends in NUL."""

    def __init__(self, profile: str) -> None:
        mine, theirs = os.pipe(), os.pipe()
        command = [
            browser(), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-dev-shm-usage", "--proxy-server=127.0.0.1:1", f"--user-data-dir={profile}",
            "--remote-debugging-pipe", *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-IS", "-c", _AS_3_AND_4, str(mine[0]), str(theirs[1]), *command],
            pass_fds=(mine[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(mine[0])
        os.close(theirs[1])
        self._to, self._from = os.fdopen(mine[1], "wb", 0), os.fdopen(theirs[0], "rb", 0)
        self._said, self._number = b"", 0
        self._events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        asked = {"id": number, "method": method, "params": parameters}
        self._to.write(
            json.dumps(asked | ({"sessionId": session} if session else {})).encode() + b"\0"
        )
        told = self.until(lambda told: told.get("id") == number)
        assert "error" not in told, (method, told)
        found: dict[str, Any] = told["result"]
        return found

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for at, told in enumerate(self._events):
            if wanted(told):
                return self._events.pop(at)
        while True:
            told = self._next()
            if wanted(told):
                return told
            self._events.append(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._said:
            ready, _, _ = select.select([self._from], [], [], 180)
            read = self._from.read(1 << 20) if ready else b""
            assert read, "the browser does not answer"
            self._said += read
        said, _, self._said = self._said.partition(b"\0")
        told: dict[str, Any] = json.loads(said)
        return told

    @contextmanager
    def tab(self, proxy: str) -> Iterator[_Tab]:
        context = self.call("Target.createBrowserContext", proxyServer=proxy)["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        try:
            yield _Tab(self, session["sessionId"])
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)
            self._events.clear()

    def close(self) -> None:
        self._to.close()
        self._from.close()
        self._process.kill()
        self._process.wait()


@cache
def _running() -> _Browser:
    profile = tempfile.mkdtemp(prefix="browser-")
    found = _Browser(profile)
    atexit.register(shutil.rmtree, profile, ignore_errors=True)
    atexit.register(found.close)  # the last comes first
    return found


def without_policy(source: str, script: str = "") -> str:
    """The page as if it had no policy of its own, with a script at its end."""
    loose = re.sub('<meta http-equiv="Content.*?>', "", source, count=1)
    assert loose != source
    return loose.replace("</body>", f"<script>{script}</script></body>") if script else loose


class Listener:
    """A proxy that answers nobody: the first line of every request, while the block lasts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        listener = self

        class Answer(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                listener.asked.append(self.rfile.readline(2000).decode("latin-1").strip())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def first_pixel(png: bytes) -> str:
    """``#rrggbb`` of the upper left corner of an eight-bit RGB(A) picture (PNG, 3rd edition)."""
    at, packed, depth = 8, b"", b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        depth = content[8:10] if kind == b"IHDR" else depth
        packed += content if kind == b"IDAT" else b""
        at += size + 12
    assert depth in {b"\x08\x02", b"\x08\x06"}
    # The first pixel of the first line has no neighbour: every filter leaves it as it is.
    return "#" + zlib.decompress(packed)[1:4].hex()
