# SPDX-License-Identifier: Apache-2.0
"""Starting costs little: asserted on what is imported, never on a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "cryptography",
    "git",
    "huggingface_hub",
    "httpx",
    "jinja2",
    "jsonschema",
    "markdown_it",
    "numpy",
    "onnxruntime",
    "onnxruntime_genai",
    "rich",
    "ruamel",
    "tokenizers",
    "torch",
    "yaml",
}


def imported(*arguments: str) -> set[str]:
    """The top names of everything that a run imports, as the interpreter itself reports it."""
    command = [sys.executable, "-X", "importtime", "-m", "hubpolicy", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("rule", "--help")])
def test_asking_for_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    names = imported(*arguments)
    assert {"hubpolicy", "click"} <= names
    assert names & HEAVY == set()
