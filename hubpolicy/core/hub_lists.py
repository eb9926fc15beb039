# SPDX-License-Identifier: Apache-2.0
"""Lists of a hub that are of one namespace, and what of them somebody may see. Pure functions.

A list names no repository in its path, and the namespace often in its query alone. Servers read a
query in many ways (``author[]=x``, ``a=1;b=2``): one that could mean more is of no namespace.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from hubpolicy.core.hub_paths import KINDS
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

_RAW = re.compile(r"[A-Za-z0-9._~%*+=&,:/@!-]*")
_KEY = re.compile(r"[A-Za-z_]+")
_AUTHOR = "author"
_HELD = frozenset({"model", "dataset", "space", "bucket"})
_SHOWN = frozenset({"_id", "user", "username", "fullname", "avatarUrl", "isPro", "type"})
"""Of a member of an organisation. A hub may show its owners more."""

_ERRORS = ("error", "message")
_MOST_KEYS = 100


def namespace_listed(parts: tuple[str, ...], query: str) -> str:
    """The namespace whose list this is, by a path's parts and its raw query; empty if of none.

    Models, data sets, Spaces and buckets, a collection, the members of an organisation.
    """
    name = ""
    if len(parts) == 2 and parts[0] == "api" and parts[1] in KINDS:
        name = _author(query)
    elif (
        (len(parts) == 3 and parts[:2] == ("api", "buckets"))
        or (len(parts) == 4 and parts[:2] == ("api", "collections"))
        or is_of_people(parts)
    ):
        name = parts[2]
    try:
        return parse_repo_id(f"{name}/x").namespace
    except MalformedError:
        return ""


def is_of_people(parts: tuple[str, ...]) -> bool:
    """True for the members of an organisation."""
    return len(parts) == 4 and parts[:2] == ("api", "organizations") and parts[3] == "members"


def _author(query: str) -> str:
    if not _RAW.fullmatch(query):
        return ""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_KEYS)
    except ValueError:
        return ""
    found = [(key, value) for key, value in pairs if key.lower() == _AUTHOR]
    plain = all(_KEY.fullmatch(key) for key, _ in pairs)
    return found[0][1] if plain and len(found) == 1 and found[0][0] == _AUTHOR else ""


def seen_by(value: Any, may: Callable[[str], bool]) -> Any:
    """A list or a collection without what is private and not for them. The value stays as it is.

    ``may`` is asked by ``namespace/name``.
    """
    if isinstance(value, list):
        return [each for each in value if _is_seen(each, may)]
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        return {**value, "items": [each for each in value["items"] if _is_seen(each, may)]}
    return _said(value)


def _is_seen(each: Any, may: Callable[[str], bool]) -> bool:
    if not isinstance(each, dict):
        return False
    if each.get("private") is False:
        return True
    if each.get("type", "model") not in _HELD:  # papers, in a collection
        return "private" not in each
    name = each.get("id")
    return isinstance(name, str) and may(name)


def _said(value: Any) -> Any:
    """Why there is no list. In what nobody knows the form of, nothing could be left out."""
    told = value if isinstance(value, dict) else {}
    return {key: told[key] for key in _ERRORS if isinstance(told.get(key), str)}


def people(value: Any) -> Any:
    """Members by their names, and nothing that a hub shows to owners alone."""
    if not isinstance(value, list):
        return _said(value)
    return [
        {key: shown for key, shown in each.items() if key in _SHOWN}
        for each in value
        if isinstance(each, dict)
    ]
