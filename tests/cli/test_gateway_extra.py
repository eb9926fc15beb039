# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy gateway run`` where a library of its extra is missing: which one, and what to type."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import sys
sys.path.insert(0, sys.argv.pop(1))
if gone := sys.argv.pop(1):
    sys.modules[gone] = None
from hubpolicy.cli.main import main
main()
"""
EXTRA = 'pip install "hubpolicy[gateway]"'


@pytest.mark.parametrize(
    ("how", "module", "said", "fix"),
    [
        ("none", "aiohttp", "the gateway needs aiohttp, which is not installed", EXTRA),
        ("none", "multidict", "the gateway needs multidict, which is not installed", EXTRA),
        ("none", "fcntl", "the gateway needs Python's own fcntl", "Linux"),
        ("old", "aiohttp", "the gateway cannot use aiohttp as it is installed", EXTRA),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, how: str, module: str, said: str, fix: str
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / f"{module}.py").write_text("__version__ = '3.0'\n")
    gone = module if how == "none" else ""
    asked = ("gateway", "run", "--upstream", "http://127.0.0.1:9", "--db", str(tmp_path / "db"))
    ran = subprocess.run(
        [sys.executable, "-c", CODE, str(old), gone, *asked],
        env={"HOME": str(tmp_path), "PATH": "", "HUBPOLICY_GATEWAY_TOKEN": "x"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, said in ran.stderr, fix in ran.stderr) == (3, True, True), ran.stderr
    assert "Traceback" not in ran.stderr
