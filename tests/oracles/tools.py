# SPDX-License-Identifier: Apache-2.0
"""Other people's verifiers, as ``make tools`` installs them into ``.tools``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / ".tools"


def need(present: bool, name: str) -> None:
    """Leave a test out by name where its tool is missing; in CI that is a failure."""
    if present:
        return
    message = f"left out: {name} (make tools)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message, allow_module_level=True)


def need_package(name: str) -> None:
    """The same for a Python package of the extra ``[dev]``, also on top of a test module."""
    need(find_spec(name) is not None, name)


def oracle_python() -> Path:
    python = TOOLS / "oracles" / "bin" / "python"
    need(python.exists(), "model_signing and securesystemslib")
    return python


def model_signing(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``model_signing …``; its exit status says whether it accepted."""
    oracle_python()
    program = TOOLS / "oracles" / "bin" / "model_signing"
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def sigstore_js(pem: Path, bundles: list[Path], *, time_authorities: str = "[]") -> dict[str, bool]:
    """What @sigstore/verify says of each bundle, by file name.

    ``time_authorities``: JSON, as a Sigstore trusted root lists them.
    """
    node = shutil.which("node")
    modules = TOOLS / "node" / "node_modules"
    need(node is not None and (modules / "@sigstore").is_dir(), "@sigstore/verify")
    command = [str(node), str(HERE / "verify.cjs"), str(pem), *map(str, bundles)]
    environment = {
        **os.environ,
        "NODE_PATH": str(modules),
        "TIMESTAMP_AUTHORITIES": time_authorities,
    }
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(answer["file"]).name: answer["accepted"] for answer in answers}
