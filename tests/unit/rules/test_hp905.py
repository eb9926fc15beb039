"""HP905: ONNX Runtime."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp905
from hubpolicy.domain.surroundings import Runtime

CPU = "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Runtime("1.32.0", (CPU,), ""), ""),
        (Runtime("1.32.0", ("CUDAExecutionProvider", CPU), ""), ""),
        (Runtime("1.32.0", ("CUDAExecutionProvider",), ""), "got execution providers CUDA"),
        (Runtime("1.32.0", (), ""), "got execution providers none"),
        (Runtime("", (), "ImportError: no such file"), "ONNX Runtime does not load: ImportError"),
    ],
)
def test_runtime(seen: Runtime, said: str) -> None:
    found = hp905.check(seen)
    assert [f.message.startswith(said) for f in found] == ([True] if said else [])
