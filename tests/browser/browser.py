# SPDX-License-Identifier: Apache-2.0
"""A headless browser of the Chromium family, if this machine has one."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

from tests.oracles.tools import need

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str:
    """Its path. Left out by name where there is none; in CI that fails, and ``make`` installs it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), "")
    need(bool(found), "chromium")
    return found


def look(page: Path, *options: str, dark: bool = False) -> str:
    """Open the page; standard output of the browser. Nothing outside of the page is reachable."""
    command = [
        browser(), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--disable-dev-shm-usage", "--proxy-server=127.0.0.1:1", f"--user-data-dir={page.parent / 'profile'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", *options,
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=180, check=True
    )
    return done.stdout


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
