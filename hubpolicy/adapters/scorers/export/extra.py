# SPDX-License-Identifier: Apache-2.0
"""Whether the extra ``[detoxify]`` is installed: one clear message instead of an ImportError."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

from hubpolicy.errors import UnsupportedError

NEEDED = ("torch", "transformers", "detoxify", "onnx", "safetensors", "sentencepiece")


def require_extra() -> None:
    """Import what the export needs.

    Raises:
        UnsupportedError: something is not installed, or does not load.

    """
    for name in NEEDED:
        try:
            import_module(name)
        except (ImportError, OSError) as error:
            message = f"exporting needs the package {name}, which does not load here: {error}"
            raise UnsupportedError(message, hint="pip install 'hubpolicy[detoxify]'") from error


def versions() -> dict[str, str]:
    """Versions of everything that a bundle was made with."""
    return {name: version(name) for name in (*NEEDED, "onnxruntime", "tokenizers", "hubpolicy")}
