# SPDX-License-Identifier: Apache-2.0
"""HP406: code in the release, or a configuration that makes loaders fetch code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.core.filetypes import Kind

ID = "HP406"
TITLE = "code was loaded in the tested run and is listed"
SEVERITY = Severity.ERROR


def check(
    sizes: Mapping[str, int],
    heads: Mapping[str, bytes],
    remote_code: Iterable[str],
    covered: frozenset[str],
    allowed: frozenset[str],
    known: Mapping[Kind, list[str]] | None = None,
) -> tuple[Finding, ...]:
    """One finding per code file, and per configuration in ``remote_code``.

    A path is spared only if a tested run loaded that very file (``covered``) and the policy lists
    it (``allowed``). ``sizes``: bytes per path of the release; ``heads``: first bytes where known;
    ``remote_code``: paths for which ``filetypes.declares_remote_code`` found something or failed;
    ``known``: ``filetypes.by_kind`` of the first two, where that is at hand.
    """
    spared = covered & allowed
    code = (known or by_kind(sizes, heads)).get("code", [])
    asking = sorted(set(remote_code) - set(code))
    return (
        *(_code(path, path in covered) for path in code if path not in spared),
        *(_asking(path, path in covered) for path in asking if path not in spared),
    )


def _code(path: str, tested: bool) -> Finding:
    message = f"{path} is code, and {_lack(tested)}"
    fix = f"remove {path!r}, or load it in the tested run and list it under [files] allowed"
    return Finding(ID, SEVERITY, message, Location(path), fix)


def _asking(path: str, tested: bool) -> Finding:
    message = (
        f"{path} asks loaders to import code (auto_map, custom_pipelines, custom_ops_library or a "
        f"module of its own) or is not readable JSON, and {_lack(tested)}"
    )
    fix = f"take the key out of {path!r}, or test with that code and list it under [files] allowed"
    return Finding(ID, SEVERITY, message, Location(path), fix)


def _lack(tested: bool) -> str:
    return "the policy does not list it" if tested else "no tested run loaded it"
