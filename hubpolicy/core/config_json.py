# SPDX-License-Identifier: Apache-2.0
"""JSON as model loaders read it: wider than ours, because real configurations are.

``model_max_length`` has 31 digits in many repositories and some state-space models write
``Infinity``, so ``strictjson`` would refuse good models. Nothing parsed here decides a verdict by
its numbers; it says which files belong together and which code is asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    PairsHook = Callable[[list[tuple[str, object]]], dict[str, object]]


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse duplicate keys: which one counts differs between the loaders' parsers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key that comes twice in one object"
        raise ValueError(message)
    return found


def parse_config(content: bytes, *, pairs_hook: PairsHook = unique) -> object:
    """Parse a loader's configuration; ``pairs_hook`` sees every object, innermost first.

    Raises:
        MalformedError: not JSON in UTF-8, nested too deeply, or refused by the hook.

    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=pairs_hook, parse_int=_number)
    except RecursionError:
        message = "got too many levels of nesting, expected JSON"
        raise MalformedError(message) from None
    except ValueError as error:
        message = f"got {str(error)[:200]}, expected JSON in UTF-8"
        raise MalformedError(message) from None


def _number(text: str) -> int | float:
    # int() refuses more than 4300 digits, and takes quadratic time below.
    return int(text) if len(text) <= 64 else float("inf")
