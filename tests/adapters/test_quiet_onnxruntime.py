# SPDX-License-Identifier: Apache-2.0
"""Nothing about the model or the machine leaves it: the runtime's telemetry never starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.adapters.test_generators import CIVIL

ROOT = Path(__file__).resolve().parents[2]
RUN = f"""
from hubpolicy.adapters.generators.onnx import OnnxGenerator
from hubpolicy.adapters.scorers.session import open_scorer
from hubpolicy.adapters import onnx_probe
OnnxGenerator({str(CIVIL)!r})
onnx_probe.signature(__import__("pathlib").Path({str(CIVIL / "model.onnx")!r}))
"""


def run(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    # Without CI and the like, under which the runtime keeps quiet by itself.
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_no_device_id_and_no_upload_queue_is_written(tmp_path: Path) -> None:
    done = run(RUN, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []
