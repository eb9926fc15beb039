# SPDX-License-Identifier: Apache-2.0
"""HP205: the tie between what was tested and these bytes is too loose."""

from __future__ import annotations

from hubpolicy.core.serving import SHIPPED, TEMPLATE
from hubpolicy.domain.finding import Finding, Severity

ID = "HP205"
TITLE = "the tie between what was tested and these bytes is tight enough"
SEVERITY = Severity.ERROR

HIGHEST = 4
_MOST = {"onnx": 4, "transformers": 4, "serve": 4, "endpoint": 2, "responses": 1}
_UNREAD_TEMPLATE = 2


def check(
    level: int,
    min_level: int,
    generator: str = "onnx",
    runtime: tuple[tuple[str, str], ...] = (),
    pinned: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """A finding if the level is under ``min_level``, none that exists, or more than can be.

    ``runtime`` names the launch template of a server that was started; ``pinned`` are those that
    the policy takes beside the shipped ones. An unknown generator can have none.
    """
    most = most_of(generator, runtime, pinned)
    if not 0 <= level <= most:
        message = f"got binding level {level} from generator {generator!r}, expected 0 to {most}"
        return (_finding(message),)
    if level >= min_level:
        return ()
    return (_finding(f"got binding level {level}, expected {min_level} to {HIGHEST}"),)


def most_of(generator: str, runtime: tuple[tuple[str, str], ...], pinned: frozenset[str]) -> int:
    """The highest level that a generator of that name can have; -1 if there is none."""
    if generator != "serve":
        return _MOST.get(generator, -1)
    templates = {value for name, value in runtime if name == TEMPLATE}
    return HIGHEST if len(templates) == 1 and templates <= SHIPPED | pinned else _UNREAD_TEMPLATE


def _finding(message: str) -> Finding:
    fix = "let hubpolicy itself load the folder: hubpolicy test PATH"
    return Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive")
