# SPDX-License-Identifier: Apache-2.0
"""From a request to its reply: faults, route, account, endpoint."""

from __future__ import annotations

import io
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.calls import Call, Hub
from hubpolicy.demo.hub.routes import find_route
from hubpolicy.demo.hub.settings import Fault, Settings, load_settings
from hubpolicy.demo.hub.wire import Headers, HubError, Reply, Request, json_reply

if TYPE_CHECKING:
    from hubpolicy.demo.hub.faults import FaultCounters


_LOOK_SECONDS = 0.05


class Outcome(NamedTuple):
    """A reply, who got it, and whether the connection is to break in its middle."""

    reply: Reply
    account: str
    faults: tuple[Fault, ...]
    broken: bool


def dropped(faults: tuple[Fault, ...]) -> bool:
    """Return whether the connection is to break before anything is done."""
    return any(fault.action == "close" and fault.when == "request" for fault in faults)


def answer(hub: Hub, counters: FaultCounters, request: Request) -> Outcome:
    """Return what happens to a request; never raises but for bugs in this function."""
    account = ""
    faults: tuple[Fault, ...] = ()
    try:
        settings = load_settings(hub.config)
        faults = counters.strike(settings, request.method, request.path)
        if dropped(faults):
            return Outcome(Reply(), account, faults, broken=True)
        planned = _planned(hub, faults, request)
        if planned is not None:
            return Outcome(planned, account, faults, broken=False)
        refused, counted = _counted(counters, request, settings)
        if refused:
            return Outcome(_too_many(counted), account, faults, broken=False)
        account, reply = _endpoint(hub, request, settings, faults)
        reply = reply._replace(headers=(*reply.headers, *counted))
    except HubError as refusal:
        reply = refusal.reply()
    except ConnectionError:  # the client went away: nobody is there to be answered
        return Outcome(Reply(), account, faults, broken=True)
    except Exception:  # noqa: BLE001  (a server answers 500 and lives on)
        _note(hub)
        reply = HubError(500, "Internal Error - We're working hard to fix this").reply()
    broken = any(fault.action == "close" for fault in faults)
    return Outcome(reply, account, faults, broken)


def _endpoint(
    hub: Hub, request: Request, settings: Settings, faults: tuple[Fault, ...]
) -> tuple[str, Reply]:
    found = find_route(request.method, request.path)
    account = None if found.signed else hub.accounts.authenticate(request.headers)
    if any(fault.action == "twice" for fault in faults):
        whole = request.body.read()
        first = request._replace(body=io.BytesIO(whole))
        with suppress(HubError):
            found.endpoint(Call(hub, first, found.params, account, settings, faults))
        request = request._replace(body=io.BytesIO(whole))
    call = Call(hub, request, found.params, account, settings, faults)
    if any(fault.action == "vanish" for fault in faults):
        with suppress(FileNotFoundError):
            hub.store.delete(call.key)
    return ("" if account is None else account.name), found.endpoint(call)


def _counted(counters: FaultCounters, request: Request, settings: Settings) -> tuple[bool, Headers]:
    """Whether the quota refuses this request, and the headers that say what is left of it.

    As the Hub does: draft-ietf-httpapi-ratelimit-headers-09, one fixed window for the API.
    """
    if settings.quota is None or not request.path.startswith("/api/"):
        return False, ()
    left, seconds = counters.left(settings)
    policy = f'"fixed window";"api";q={settings.quota};w={settings.window}'
    limit = f'"api";r={max(0, left)};t={seconds}'
    return left < 0, (("RateLimit", limit), ("RateLimit-Policy", policy))


def _too_many(headers: Headers) -> Reply:
    message = "We had to rate limit you"
    return json_reply({"error": message}, 429, (("X-Error-Message", message), *headers))


def _planned(hub: Hub, faults: tuple[Fault, ...], request: Request) -> Reply | None:
    for fault in faults:
        if fault.action == "delay":
            _delay(hub, fault, request)
        if fault.action == "status":
            message = fault.body or f"planned fault {fault.status}"
            headers: Headers = (("X-Error-Message", message), *fault.headers)
            return json_reply({"error": message}, fault.status, headers)
    return None


def _delay(hub: Hub, fault: Fault, request: Request) -> None:
    with (hub.root / "delayed").open("a", encoding="utf-8") as log:
        log.write(f"{request.method} {request.path}\n")
    until = time.monotonic() + fault.seconds
    while (left := until - time.monotonic()) > 0:
        if fault.key not in {each.key for each in load_settings(hub.config).faults}:
            return
        time.sleep(min(left, _LOOK_SECONDS))


def _note(hub: Hub) -> None:
    with (hub.root / "errors.log").open("a", encoding="utf-8") as log:
        traceback.print_exc(file=log)
