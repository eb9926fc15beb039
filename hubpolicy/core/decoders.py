# SPDX-License-Identifier: Apache-2.0
"""The part of table v2 that a gate needs: its version, and which embedders are decoders.

Apart from :mod:`hubpolicy.core.applicability`, since the hook loads this and not that.
"""

from __future__ import annotations

TABLE = "v2"
DECODERS = ("Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Gemma2", "Phi3")


def is_decoder(architecture: str) -> bool:
    """True for embedders made from a decoder: their bytes could generate text elsewhere."""
    return architecture.removesuffix("Model") in DECODERS
