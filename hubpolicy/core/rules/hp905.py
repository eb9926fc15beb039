# SPDX-License-Identifier: Apache-2.0
"""HP905: ONNX Runtime does not load here, or cannot compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Runtime

ID = "HP905"
TITLE = "ONNX Runtime loads on this machine"
SEVERITY = Severity.ERROR
_CPU = "CPUExecutionProvider"


def check(runtime: Runtime) -> tuple[Finding, ...]:
    """Tests and scoring need it; the git hook does not."""
    fix = "pip install --force-reinstall onnxruntime"
    if runtime.problem:
        message = f"ONNX Runtime does not load: {runtime.problem}"
        return (Finding(ID, SEVERITY, message, None, fix),)
    if _CPU not in runtime.providers:
        got = ", ".join(runtime.providers) or "none"
        message = f"got execution providers {got}, expected {_CPU} among them"
        return (Finding(ID, SEVERITY, message, None, fix),)
    return ()
