# SPDX-License-Identifier: Apache-2.0
"""First digits of a commit's id: what counts as such, and what is said where several begin so."""

from __future__ import annotations

import re

from hubpolicy.errors import ConfigError

LEAST = 7
"""Hex digits, as git shows them itself; of fewer a chance one is not worth the requests."""
_SHOWN = 10
_SHORT = re.compile(rf"[0-9a-fA-F]{{{LEAST},63}}")


def is_short(revision: str) -> bool:
    """True for hex digits that may begin an id; a whole one of 40 is looked up by itself before."""
    return _SHORT.fullmatch(revision) is not None


def ambiguous(revision: str, oids: tuple[str, ...], where: str) -> ConfigError:
    """The error for an id that several commits begin with; it names them."""
    more = f" and {len(oids) - _SHOWN} more" if len(oids) > _SHOWN else ""
    message = f"got revision {revision!r}, which {len(oids)} commits begin with, in {where}"
    return ConfigError(message, hint=f"one of: {', '.join(oids[:_SHOWN])}{more}")
