# SPDX-License-Identifier: Apache-2.0
"""Joins policy, trust, hub and released folders, and asks ``flows/gating.py`` about a request."""

from __future__ import annotations

import os
import re
from shlex import quote
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubpolicy.adapters.children import tightened
from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.gateways import known_gateways
from hubpolicy.adapters.hub import HubClient
from hubpolicy.adapters.released import KnownFolders
from hubpolicy.cli.wiring import require_may_speak, seat
from hubpolicy.core.hub_requests import parse_request
from hubpolicy.core.policy_child import ChildFile
from hubpolicy.domain.hub_request import HubRequest
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.domain.release import DEFAULT_ENDPOINT
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import Court
from hubpolicy.flows.gating import Watch, decide, known_release

if TYPE_CHECKING:
    from hubpolicy.flows.gating import Permission

_REMEDY = (
    "hubpolicy test PATH, hubpolicy attest PATH --repo {repo}, then upload again; "
    "or hubpolicy push PATH {repo} --test"
)
_TO_A_HUB = re.compile(
    r"(?:HF_ENDPOINT=\S+ )?\bhubpolicy "
    r"(?=(?:adopt|approvals|approve|attest|audit|diff|publish|push|verify|withdraw) )"
)
_ALIASES = frozenset({"hf.co", "www.huggingface.co"})


def permission(question: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The answer about one request: ``method``, ``url``, ``headers`` (names in lower case).

    Raises:
        HubpolicyError: nobody can judge here. Callers deny then.

    """
    headers = {str(name): str(value) for name, value in question["headers"].items()}
    endpoint, path, query = split(str(question["url"]), os.environ.get("HF_ENDPOINT", ""))
    request = HubRequest(question["method"], path, query, tuple(headers.items()), body)
    # Evidence names the hub behind a gateway; requests go where they go.
    intent = parse_request(request, known_gateways().get(endpoint, endpoint))
    found = decide(intent, _watch(endpoint, headers.get("authorization", "")))
    if found.allowed:
        return {"allowed": True}
    shown = _without_login(endpoint)
    where = "" if shown == DEFAULT_ENDPOINT else f" to {shown}"
    return {
        "allowed": False,
        "message": sentence(f"{request.method} {path}{where}", found),
        "hint": at(found.next, shown) or (f"hubpolicy rule {found.rule}" if found.rule else ""),
    }


def at(commands: str, endpoint: str) -> str:
    """The same commands for that hub, whatever ``HF_ENDPOINT`` says where they are typed.

    The guarded process may have it from one command line, or from ``HfApi(endpoint=...)``.
    """
    named = os.environ.get("HF_ENDPOINT", "").rstrip("/") or DEFAULT_ENDPOINT
    if endpoint == named == DEFAULT_ENDPOINT:
        return commands
    typed = f"HF_ENDPOINT={quote(endpoint)} hubpolicy "
    return _TO_A_HUB.sub(lambda _: typed, commands)


def _without_login(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def sentence(request: str, found: Permission) -> str:
    """What was refused, by which rule, and why."""
    rule = f"{found.rule} " if found.rule else ""
    return f"{request} is not sent: {rule}{found.reason}"


def split(url: str, named: str) -> tuple[str, str, str]:
    """Endpoint, path below it and query, as they stand. ``named``: the hub of ``HF_ENDPOINT``."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.hostname in _ALIASES:
        origin = DEFAULT_ENDPOINT
    prefix = named.rstrip("/")
    if prefix and f"{origin}{parts.path}".startswith(f"{prefix}/"):
        return prefix, f"{origin}{parts.path}".removeprefix(prefix), parts.query
    return origin, parts.path, parts.query


def _watch(endpoint: str, authorization: str) -> Watch:
    place = seat()
    trust, now = place.trusted.trust, SystemClock().now()
    court = Court(place.policy, trust, now, assemble_listing, governing=place.governing)
    token = authorization.partition(" ")[2] or None
    return Watch(
        court=court,
        hub=HubClient(endpoint, token),
        known=KnownFolders(
            place.home, lambda files, sizes, repo: known_release(files, sizes, repo, trust, now)
        ),
        under=lambda content: tightened(place.policy, (ChildFile(CHILD_FILE, content),)),
        governs=lambda namespace: require_may_speak(place, namespace),
        remedy=_REMEDY,
    )
