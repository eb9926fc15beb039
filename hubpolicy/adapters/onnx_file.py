# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file names, read without ONNX Runtime."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from hubpolicy.core.onnx_format import parse_references
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.onnx_format import OnnxReferences


def onnx_references(path: Path) -> OnnxReferences:
    """What an ONNX file names: its weights, and the files that they lie in. Of any size: mapped.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: it is no ONNX file.

    """
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            return parse_references(view, path.name)
    except (OSError, ValueError) as error:
        message = f"cannot read {path.name}: {error}"
        raise ServiceError(message) from error
