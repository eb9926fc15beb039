# SPDX-License-Identifier: Apache-2.0
"""Models under test (plug-point Generator): ``onnx`` loads a folder, ``responses`` reads a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.errors import UnsupportedError

if TYPE_CHECKING:
    import os

    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Generator


def open_generator(root: str | os.PathLike[str], closure: Closure) -> Generator:
    """Load a closure of the folder ``root`` with what this machine has for its kind.

    Raises:
        UnsupportedError: nothing here runs that kind.
        ServiceError, MalformedError: it does not load.

    """
    if closure.kind == "onnx-genai":
        from hubpolicy.adapters.generators.onnx import OnnxGenerator

        return OnnxGenerator((Path(root) / closure.main).parent)
    message = f"got {closure.main} ({closure.kind}), expected a folder of onnxruntime-genai"
    hint = "export it: python -m onnxruntime_genai.models.builder, or: hubpolicy test --responses"
    raise UnsupportedError(message, hint=hint)
