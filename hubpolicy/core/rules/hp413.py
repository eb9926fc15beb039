# SPDX-License-Identifier: Apache-2.0
"""HP413: weights in a format that the policy does not let out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import WEIGHT_SUFFIXES
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP413"
TITLE = "weights are in formats that the policy lets out"
SEVERITY = Severity.ERROR

_ONNX = frozenset(("onnx", "onnx_data", "onnx_adapter"))


def check(
    paths: Iterable[str], formats: tuple[str, ...], allowed: frozenset[str]
) -> tuple[Finding, ...]:
    """One finding per weight file by name whose format is not in ``formats`` (``[files] weights``).

    ``allowed`` are paths that the policy lists. Large files of unknown names belong to the file
    that names them, and pickles have rule HP407.
    """
    fine = frozenset(("", *formats))
    found = [(path, format_of(path)) for path in _marked(paths) if path not in allowed]
    wrong = sorted((path, form) for path, form in found if form not in fine)
    return tuple(_finding(path, form, formats) for path, form in wrong)


def _marked(paths: Iterable[str]) -> list[str]:
    """Those whose names may say a format: a release has thousands of others."""
    return [
        path
        for path in paths
        if (lowered := path.lower()).rpartition(".")[2] in WEIGHT_SUFFIXES or ".onnx" in lowered
    ]


def format_of(path: str) -> str:
    """The weight format that a name says, in lower case; empty if it says none."""
    name = path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2] if "." in name else ""
    if suffix in _ONNX or ".onnx." in name or ".onnx_data" in name:
        return "onnx"
    return suffix if suffix in WEIGHT_SUFFIXES else ""


def _finding(path: str, form: str, formats: tuple[str, ...]) -> Finding:
    message = f"{path} is of format {form}, expected {' or '.join(formats)}"
    fix = f"convert it, or remove {path!r}, or add the format to [files] weights"
    return Finding(ID, SEVERITY, message, Location(path), fix)
