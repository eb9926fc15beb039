# SPDX-License-Identifier: Apache-2.0
"""A headless browser of the Chromium family, if this machine has one."""

from __future__ import annotations

import os
import re
import shutil
import socketserver
import struct
import subprocess
import zlib
from threading import Thread
from typing import TYPE_CHECKING, Self

from tests.oracles.tools import need

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str:
    """Its path. Left out by name where there is none; in CI that fails, and ``make`` installs it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), "")
    need(bool(found), "chromium")
    return found


def look(page: Path, *options: str, dark: bool = False, proxy: str = "127.0.0.1:1") -> str:
    """Open the page; standard output of the browser. Nothing outside of the page is reachable.

    ``proxy`` is asked for all that is, so that a listener there sees who asked for what.
    """
    command = [
        browser(), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--disable-dev-shm-usage", f"--proxy-server={proxy}", f"--user-data-dir={page.parent / 'profile'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", *options,
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=180, check=True
    )
    return done.stdout


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
