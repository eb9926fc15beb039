# SPDX-License-Identifier: Apache-2.0
"""HP407: a pickle, which runs code when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.filetypes import Kind

ID = "HP407"
TITLE = "pickles were loaded in the tested run and are listed"
SEVERITY = Severity.ERROR


def check(
    sizes: Mapping[str, int],
    heads: Mapping[str, bytes],
    covered: frozenset[str],
    allowed: frozenset[str],
    known: Mapping[Kind, list[str]] | None = None,
) -> tuple[Finding, ...]:
    """One finding per pickle that is not both in a tested closure and listed by the policy.

    ``known``: ``filetypes.by_kind`` of the first two, where that is at hand.
    """
    spared = covered & allowed
    found = (known or by_kind(sizes, heads)).get("pickle", [])
    return tuple(_finding(path, path in covered) for path in found if path not in spared)


def _finding(path: str, tested: bool) -> Finding:
    lack = "the policy does not list it" if tested else "no tested run loaded it"
    message = f"{path} is a pickle by its name or first bytes: loading it runs code, and {lack}"
    fix = f"save the weights as safetensors and remove {path!r}"
    return Finding(ID, SEVERITY, message, Location(path), fix)
