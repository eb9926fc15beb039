# SPDX-License-Identifier: Apache-2.0
"""Which headers go on, and how the hub's own address is replaced by ours. Pure functions."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubpolicy.core.hub_paths import repo_of, segments
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

Pairs = tuple[tuple[str, str], ...]
Change = Callable[[Any], Any]
"""From one JSON value to another; the one that it gets stays as it is."""

_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "transfer-encoding", "upgrade", "proxy-connection", "http2-settings"),
    )
)
"""RFC 9110 §7.6.1: they are about one connection."""

_OURS = frozenset({"host", "authorization", "cookie", "content-length", "expect", "forwarded"})
_NAMES_ADDRESS = frozenset({"location", "content-location", "link"})
JSON_LIMIT = 16 * 1024 * 1024
"""Bytes of a hub's answer that is read whole."""
_UNREAD = b'{"error": "hubpolicy: the hub said more than this gateway reads: ask for less at once"}'

_NO_JSON = b'{"error": "hubpolicy: what the hub said is no whole JSON"}'


def to_hub(headers: Iterable[tuple[str, str]], login: str) -> Pairs:
    """A client's headers as the hub gets them: with our login, or with none."""
    listed = tuple(headers)
    dropped = _HOP | _OURS | _named(listed)
    kept = tuple(
        (name, value)
        for name, value in listed
        if name.lower() not in dropped and not name.lower().startswith("x-forwarded-")
    )
    return (*kept, ("Authorization", f"Bearer {login}")) if login else kept


def to_client(headers: Iterable[tuple[str, str]], hub: str, ours: str) -> Pairs:
    """The hub's headers as a client gets them: API addresses of the hub are ours."""
    listed = tuple(headers)
    dropped = _HOP | _named(listed) | {"set-cookie"}
    return tuple(
        (name, _linked(value, hub, ours) if name.lower() in _NAMES_ADDRESS else value)
        for name, value in listed
        if name.lower() not in dropped
    )


def replaced(address: str, hub: str, ours: str) -> str:
    """Our address in place of the hub's, unless it is one of storage: those are left alone."""
    if address != hub and not address.startswith(f"{hub}/"):
        return address
    rest = address.removeprefix(hub)
    path = rest.partition("?")[0].partition("#")[0]
    return address if path and is_storage(path) else ours + rest


def is_storage(path: str) -> bool:
    """True for an address on the hub's host that is neither its API nor a page of a repository."""
    try:
        parts = segments(path)
    except MalformedError:
        return True
    return parts[:1] != ("api",) and repo_of(parts, "") is None


def reworked(body: bytes, *changes: Change, strictly: bool = False) -> bytes:
    """A JSON answer after these changes, written anew: nothing hides in a key that stands twice.

    What is no JSON stays as it is; ``strictly`` it is not passed on: a part of a list (``Range``),
    or a packed one. Nor is what is too long or too deep to be changed: who asks for one object
    often enough makes it so, and could read what is taken out.
    """
    if len(body) > JSON_LIMIT:
        return _UNREAD
    try:
        return _changed(body, changes, strictly=strictly)
    except RecursionError:
        return _UNREAD


def _changed(body: bytes, changes: Iterable[Change], *, strictly: bool) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return _NO_JSON if strictly and body else body
    for change in changes:
        value = change(value)
    # Halves of characters, which JSON can hold, have no UTF-8.
    return json.dumps(value).encode("ascii")


def renaming(replace: Callable[[str], str]) -> Change:
    """Every address in it is replaced."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return replace(value)
        if isinstance(value, list):
            return [walk(each) for each in value]
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        return value

    return walk


def hiding(token: str) -> Change:
    """Without every ``Authorization`` that would hand that token out."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            key: walk(each)
            for key, each in value.items()
            if key.lower() != "authorization"
            or not isinstance(each, str)
            or not (token in each or token in password(each))
        }

    return walk


def granting(header: str, ours: str) -> Change:
    """In an LFS batch's answer, the addresses to confirm an upload at, ours, hold that login.

    git-lfs sends a login of its own to none of a batch's addresses, but what ``header`` says
    (its ``docs/api/basic-transfers.md``). What they get back here is theirs.
    """

    def grant(value: Any) -> Any:
        found = value.get("objects") if isinstance(value, dict) else None
        if not isinstance(found, list):
            return value
        return {**value, "objects": [_granted(each, header, ours) for each in found]}

    return grant


def _granted(value: Any, header: str, ours: str) -> Any:
    actions = value.get("actions") if isinstance(value, dict) else None
    check = actions.get("verify") if isinstance(actions, dict) else None
    if not isinstance(actions, dict) or not isinstance(check, dict):
        return value
    if not str(check.get("href")).startswith(f"{ours}/"):
        return value
    named = check.get("header")
    login = {**(named if isinstance(named, dict) else {}), "Authorization": header}
    return {**value, "actions": {**actions, "verify": {**check, "header": login}}}


def _linked(value: str, hub: str, ours: str) -> str:
    """``Link`` holds addresses in angle brackets; the others are one address."""
    if not value.lstrip().startswith("<"):
        return replaced(value, hub, ours)
    pieces = value.split("<")
    made = []
    for piece in pieces[1:]:
        address, bracket, rest = piece.partition(">")
        made.append(f"{replaced(address, hub, ours)}{bracket}{rest}")
    return "<".join((pieces[0], *made))


def _named(headers: Pairs) -> frozenset[str]:
    """What ``Connection`` names is about this connection too."""
    return frozenset(
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    )


def origin(url: str) -> str:
    """Scheme and authority of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def plain(text: str) -> str:
    """Text that may stand in a header: printable ASCII, of a bounded length."""
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
    return shown[:800]


def password(header: str) -> str:
    """The token of an ``Authorization``: bearer, or as the password that git sends; else empty."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return value.strip() if scheme.lower() == "bearer" else ""
