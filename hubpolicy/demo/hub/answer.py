# SPDX-License-Identifier: Apache-2.0
"""From a request to its reply: faults, route, account, endpoint."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.calls import Call, Hub
from hubpolicy.demo.hub.routes import find_route
from hubpolicy.demo.hub.settings import Fault, Settings, load_settings
from hubpolicy.demo.hub.wire import Headers, HubError, Reply, Request, json_reply

if TYPE_CHECKING:
    from hubpolicy.demo.hub.faults import FaultCounters


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
        planned = _planned(faults)
        if planned is not None:
            return Outcome(planned, account, faults, broken=False)
        account, reply = _endpoint(hub, request, settings, faults)
    except HubError as refusal:
        reply = refusal.reply()
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
    call = Call(hub, request, found.params, account, settings, faults)
    return ("" if account is None else account.name), found.endpoint(call)


def _planned(faults: tuple[Fault, ...]) -> Reply | None:
    for fault in faults:
        if fault.action == "delay":
            time.sleep(fault.seconds)
        if fault.action == "status":
            message = fault.body or f"planned fault {fault.status}"
            headers: Headers = (("X-Error-Message", message), *fault.headers)
            return json_reply({"error": message}, fault.status, headers)
    return None


def _note(hub: Hub) -> None:
    with (hub.root / "errors.log").open("a", encoding="utf-8") as log:
        traceback.print_exc(file=log)
