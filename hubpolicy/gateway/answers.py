# SPDX-License-Identifier: Apache-2.0
"""What the gateway says itself: as the hub would, so that the official client shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from hubpolicy.core.hub_paths import KINDS
from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import MalformedError
from hubpolicy.gateway.headers import plain

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Decision
    from hubpolicy.flows.gating import Permission
    from hubpolicy.gateway.holders import Holder

_EVIDENCE = "/.hubpolicy/evidence/"
_ASK = {"WWW-Authenticate": 'Basic realm="hubpolicy gateway"'}


def _say(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as the hub gives it: in a header for the client, in the body for others.

    ``message`` is what git-lfs shows (its ``docs/api/batch.md``, "Response Errors").
    """
    shown = {"X-Error-Message": plain(text), **(headers or {})}
    return web.json_response({"error": text, "message": text}, status=status, headers=shown)


def health(trouble: str) -> web.Response:
    """200 while all is well, else 503 and what is not."""
    return web.Response(status=503 if trouble else 200, text=f"{trouble or 'ok'}\n")


def whoami(holder: Holder) -> web.Response:
    """Who the token's holder is, in the gateway's eyes (hub protocol: ``whoami-v2``)."""
    names = sorted({scope.partition("/")[0] for scope in holder.scopes})
    return web.json_response(
        {
            "type": "user",
            "name": holder.name,
            "fullname": holder.name,
            "orgs": [{"name": name, "fullname": name, "type": "org"} for name in names],
            "auth": {"accessToken": {"displayName": holder.name, "role": holder.role}},
        }
    )


def denied(permission: Permission, *, git: bool) -> web.Response:
    """403, by which rule, why, and what to type."""
    rule = f"{permission.rule} " if permission.rule else ""
    text = f"hubpolicy: {rule}{permission.reason}"
    if permission.next:
        text = f"{text}. Type: {permission.next}"
    if git:  # git shows a text, and no header
        return web.Response(status=403, text=f"{text}\n")
    return _say(403, text)


def no_login() -> web.Response:
    """401: writes need a token of ours."""
    text = "hubpolicy: this needs a token of this gateway. Ask for: hubpolicy gateway token issue"
    return _say(401, text, _ASK)


def unknown_login(why: str) -> web.Response:
    """401: a token that opens nothing."""
    return _say(401, f"hubpolicy: {why}. Ask for: hubpolicy gateway token issue", _ASK)


def out_of_scope(why: str) -> web.Response:
    """403: a good token for something else."""
    return _say(403, f"hubpolicy: {why}. Ask for: hubpolicy gateway token issue")


def too_large(why: str) -> web.Response:
    """413."""
    return _say(413, f"hubpolicy: {why}")


def too_slow() -> web.Response:
    """408: a body that does not come, or too slowly (``intake.py``)."""
    return _say(408, "hubpolicy: the rest of the body did not come in time")


def cut_off() -> web.Response:
    """400, to nobody: who asked is gone, in the middle of a body."""
    return _say(400, "hubpolicy: the connection ended before the body did")


def busy(why: str) -> web.Response:
    """503, for now."""
    return _say(503, f"hubpolicy: {why}; nothing was forwarded", {"Retry-After": "30"})


def ending() -> web.Response:
    """503, in the middle of a body."""
    text = "hubpolicy: the gateway ends, and the rest of the body did not come in time"
    return _say(503, text, {"Retry-After": "30"})


def moved(why: str, repo: str) -> web.Response:
    """409: the hub did it, and what it showed was not what was judged."""
    return _say(409, f"hubpolicy: {why}. Type: hubpolicy audit {repo}")


def refused(why: str, hint: str) -> web.Response:
    """422: evidence that is none."""
    return _say(422, f"hubpolicy: {why}" + (f". Type: {hint}" if hint else ""))


def unavailable(why: str) -> web.Response:
    """503: we could not write it down, so it is not done."""
    return _say(503, f"hubpolicy: {why}; nothing was forwarded")


def no_hub(why: str) -> web.Response:
    """502: the hub did not answer."""
    return _say(502, f"hubpolicy: the hub did not answer ({why})")


def no_such_page() -> web.Response:
    """404 of our own."""
    return _say(404, "hubpolicy: there is no such page of this gateway")


def verdict(decision: Decision) -> web.Response:
    """What became of evidence that was sent ahead: 200 if it passes, else 422 with findings."""
    passed = decision.verdict == "passed"
    findings = [
        {"rule": f.rule, "severity": f.severity.word, "message": f.message, "fix": f.fix}
        for f in decision.findings
    ]
    body = {"verdict": decision.verdict, "findings": findings}
    return web.json_response(body, status=200 if passed else 422)


def evidence_target(path: str, endpoint: str) -> RepoId | None:
    """``/.hubpolicy/evidence/models/NAMESPACE/NAME`` to the repository; None if it is no such."""
    kind, _, name = path.removeprefix(_EVIDENCE).partition("/")
    if not path.startswith(_EVIDENCE) or kind not in KINDS:
        return None
    try:
        return parse_repo_id(name, endpoint=endpoint, repo_type=KINDS[kind])
    except MalformedError:
        return None
