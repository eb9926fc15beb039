# SPDX-License-Identifier: Apache-2.0
"""From a request on the wire to what it would do, by one table (protocol: huggingface_hub's calls).

Strict where it matters: a path is split, decoded once and must then be plain; JSON is strict; a
field or query key that is not in the table makes the whole request :class:`Unknown`. What cannot
be understood in exactly one way is not understood. GETs change nothing, but for those that hand
out the power to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from hubpolicy.core import hub_bodies as bodies
from hubpolicy.core.hub_lists import namespace_listed
from hubpolicy.core.hub_paths import KINDS, match, repo_of, revision, segments
from hubpolicy.domain.hub_request import (
    BucketWrite,
    Delete,
    GitFetch,
    GitPush,
    Harmless,
    Read,
    Signed,
    Unknown,
    XetToken,
)
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.hub_bodies import Call
    from hubpolicy.domain.hub_request import HubRequest, Intent
    from hubpolicy.domain.release import RepoId, RepoType

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_POWER = "xet-write-token"
_JWT = re.compile(r"jwt(?![a-z0-9_-])")
"""What hands out the power to write, by GET, however a path's part goes on (``;a=b``, a blank)."""

_TURNED = frozenset(
    (
        *("x-http-method-override", "x-http-method", "x-method-override", "x-original-method"),
        *("x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri", "x-host"),
    )
)
"""Headers by which some servers take another method or path than the request line's."""

_SINGLE = frozenset(
    {"authorization", "content-encoding", "content-length", "content-type", "cookie", "host"}
)
_LOGINS = ("authorization", "cookie", "token", "api-key", "apikey")
_TALKED = ("comment", "title", "status")


class Route(NamedTuple):
    """A method and a path's parts, the query keys it may have (``*``: any), and what it means."""

    method: str
    pattern: tuple[str, ...]
    query: frozenset[str]
    build: Callable[[Call], Intent]


def _route(line: str, build: Callable[[Call], Intent]) -> Route:
    method, path, *query = line.split()
    return Route(method, tuple(path.split("/")), frozenset(query), build)


def _repo_routes(line: str, build: Callable[[Call], Intent]) -> tuple[Route, ...]:
    """One route per kind of repository: ``REPO`` in the API, ``GIT`` among the pages."""
    method, path, *query = line.split()
    rest = " ".join(query)
    made = []
    for kind in KINDS:
        page = "" if kind == "models" else f"{kind}/"
        full = path.replace("REPO", f"api/{kind}/{{ns}}/{{name}}")
        full = full.replace("GIT", f"{page}{{ns}}/{{name}}")
        made.append(_route(f"{method} {full} {rest}", build))
    return tuple(made)


def _advertised(call: Call) -> Intent:
    service = call.query.get("service", "")
    if service == "git-upload-pack":
        return Read(call.repo)
    if service == "git-receive-pack":
        return GitPush(call.repo, advertises=True)
    message = f"got service {service[:40]!r}, expected git-upload-pack or git-receive-pack"
    raise MalformedError(message)


def _bucket(call: Call, what: str) -> BucketWrite:
    return BucketWrite(call.repo.namespace, call.repo.name, what, private=False)


ROUTES: tuple[Route, ...] = (
    _route("POST api/repos/create", bodies.create),
    _route("POST api/repos/move", bodies.move),
    _route("DELETE api/repos/delete", bodies.delete_repo),
    _route("POST api/validate-yaml", lambda _: Harmless("validate-yaml", None)),
    _route("POST api/complete_multipart *", lambda _: Harmless("complete_multipart", None)),
    *_repo_routes("POST REPO/paths-info/{rev}", lambda call: Harmless("paths-info", call.repo)),
    *_repo_routes("POST REPO/preupload/{rev} create_pr", bodies.preupload),
    *_repo_routes("POST REPO/commit/{rev} create_pr", bodies.commit),
    *_repo_routes("PUT REPO/settings", bodies.settings),
    *_repo_routes("POST REPO/tag/{rev}", bodies.tag),
    *_repo_routes("POST REPO/branch/{rev}", bodies.branch),
    *_repo_routes("POST REPO/super-squash/{rev}", bodies.squash),
    *_repo_routes("DELETE REPO/tag/{rev}", lambda call: Delete(call.repo, f"tag {call.revision}")),
    *_repo_routes(
        "DELETE REPO/branch/{rev}", lambda call: Delete(call.repo, f"branch {call.revision}")
    ),
    *_repo_routes("POST REPO/lfs-files/batch", lambda call: Delete(call.repo, "large files")),
    *_repo_routes("POST REPO/lfs-files/duplicate", bodies.duplicate_large),
    *_repo_routes("POST REPO/duplicate", bodies.duplicate),
    *_repo_routes("POST REPO/discussions", bodies.discuss),
    *_repo_routes("POST REPO/discussions/{n}/merge", bodies.merge),
    *(
        route
        for what in _TALKED
        for route in _repo_routes(f"POST REPO/discussions/{{n}}/{what}", bodies.talk)
    ),
    *_repo_routes("POST REPO/discussions/{n}/comment/{id}/edit", bodies.talk),
    *_repo_routes("POST REPO/discussions/{n}/comment/{id}/hide", bodies.talk),
    *_repo_routes(
        "GET REPO/xet-write-token/{rev} create_pr", lambda call: XetToken(call.repo, call.revision)
    ),
    *_repo_routes("POST GIT.git/info/lfs/objects/batch", bodies.lfs_batch),
    *_repo_routes("POST GIT.git/info/lfs/objects/verify *", bodies.lfs_verify),
    *_repo_routes(
        "POST GIT.git/info/lfs/locks/verify", lambda call: Harmless("lfs-locks", call.repo)
    ),
    *_repo_routes("GET GIT.git/info/refs service", _advertised),
    *_repo_routes("GET GIT/info/refs service", _advertised),
    *_repo_routes("POST GIT.git/git-upload-pack", lambda call: GitFetch(call.repo)),
    *_repo_routes("POST GIT/git-upload-pack", lambda call: GitFetch(call.repo)),
    *_repo_routes("POST GIT.git/git-receive-pack", lambda call: GitPush(call.repo, False)),
    *_repo_routes("POST GIT/git-receive-pack", lambda call: GitPush(call.repo, False)),
    _route("POST api/buckets/{ns}/{name}", bodies.create_bucket),
    _route("PUT api/buckets/{ns}/{name}/settings", bodies.bucket_settings),
    _route("POST api/buckets/{ns}/{name}/paths-info", lambda _: Harmless("paths-info", None)),
    _route("POST api/buckets/{ns}/{name}/batch", lambda call: _bucket(call, "files of")),
    _route("DELETE api/buckets/{ns}/{name}", lambda call: _bucket(call, "deletion of")),
    _route("GET api/buckets/{ns}/{name}/xet-write-token", lambda call: _bucket(call, "token for")),
)
_BY_LENGTH: dict[tuple[str, int], list[Route]] = {}
for _each in ROUTES:
    _BY_LENGTH.setdefault((_each.method, len(_each.pattern)), []).append(_each)


def parse_request(request: HubRequest, endpoint: str) -> Intent:
    """What this request would do to the hub that is called ``endpoint`` in package URLs.

    Never raises for what somebody sent: that is :class:`Unknown`, which says why.
    """
    try:
        return _parse(request, endpoint)
    except MalformedError as error:
        return Unknown(request.method, request.path, error.message)


def takes_body(method: str, path: str) -> bool:
    """True where :func:`parse_request` reads the body: it must be at hand before deciding."""
    if method not in _WRITES:
        return False
    try:
        found = _found(method, segments(path))
    except MalformedError:
        return False
    return found is not None and found[0].build in bodies.READING


def _parse(request: HubRequest, endpoint: str) -> Intent:
    headers = _headers(request.headers)
    parts = segments(request.path)
    query = _query(request.query)
    method = "GET" if request.method in {"GET", "HEAD"} else request.method
    found = _found(method, parts)
    if found is None:
        return _otherwise(request, parts, headers, endpoint)
    route, params = found
    extra = sorted(set(query) - route.query) if "*" not in route.query else []
    if extra:
        message = f"got query key {extra[0][:40]!r}, expected none such"
        raise MalformedError(message)
    if request.method not in READS and not _has_login(headers):
        return Signed(request.method, request.path)
    if "rev" in params:
        revision(params["rev"])
    if headers.get("content-encoding", "identity") != "identity" and route.build in bodies.READING:
        message = f"got Content-Encoding {headers['content-encoding'][:40]!r}, expected none"
        raise MalformedError(message)
    kind: RepoType = next((KINDS[part] for part in parts[:2] if part in KINDS), "model")
    # Where the path names none, the body does.
    text = f"{params['ns']}/{params['name']}" if "ns" in params else "no/where"
    repo = parse_repo_id(text, endpoint=endpoint, repo_type=kind)
    return route.build(
        bodies.Call(repo, parts, params, query, headers.get("content-type", ""), request.body)
    )


def _found(method: str, parts: tuple[str, ...]) -> tuple[Route, dict[str, str]] | None:
    for route in _BY_LENGTH.get((method, len(parts)), ()):
        params = match(route.pattern, parts)
        if params is not None:
            return route, params
    return None


def _otherwise(
    request: HubRequest, parts: tuple[str, ...], headers: dict[str, str], endpoint: str
) -> Intent:
    if request.method in READS:
        if _empowers(tuple(part.lower().strip() for part in parts)) or _is_like_api(parts):
            return Unknown(request.method, request.path, "it may hand out the power to write")
        repo = repo_of(parts, endpoint) or _bucket_of(parts, endpoint)
        return Read(repo, "" if repo is not None else namespace_listed(parts, request.query))
    if request.method in _WRITES and not _has_login(headers):
        return Signed(request.method, request.path)
    return Unknown(request.method, request.path, "nobody knows what it would publish")


def _bucket_of(parts: tuple[str, ...], endpoint: str) -> RepoId | None:
    """The bucket that a path of the API is about."""
    if len(parts) < 4 or parts[:2] != ("api", "buckets"):
        return None
    try:
        return parse_repo_id(f"{parts[2]}/{parts[3]}", endpoint=endpoint, repo_type="bucket")
    except MalformedError:
        return None


def _empowers(parts: tuple[str, ...]) -> bool:
    """True where some server may take it for a request for a token to write."""
    jwt = parts[:1] == ("api",) and any(map(_JWT.match, parts[2:5]))
    return jwt or any(_POWER in part for part in parts)


def _is_like_api(parts: tuple[str, ...]) -> bool:
    """True for ``API`` or ``api;x=1``, which is the API to some servers and a page to others."""
    first = parts[0] if parts else ""
    return first != "api" and first.lower().partition(";")[0].strip() == "api"


def _headers(listed: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Lower-case names to values; what turns a request into another one is refused."""
    found: dict[str, str] = {}
    for name, value in listed:
        lowered = name.lower()
        hops = (
            {each.strip() for each in value.lower().split(",")} if lowered == "connection" else ()
        )
        if lowered in _TURNED or (lowered in _SINGLE and lowered in found) or _SINGLE & set(hops):
            message = f"got header {name[:40]!r}, which may turn this into another request"
            raise MalformedError(message)
        found[lowered] = value.strip()
    return found


def _query(raw: str) -> dict[str, str]:
    """Every key once where a route reads it; many may repeat in a search."""
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        message = "the query is not in UTF-8, or too long"
        raise MalformedError(message) from None
    found: dict[str, str] = {}
    for key, value in pairs:
        if key == "_method" or (key in {"create_pr", "service"} and key in found):
            message = f"got query key {key!r}, which may turn this into another request"
            raise MalformedError(message)
        found[key] = value
    return found


def _has_login(headers: dict[str, str]) -> bool:
    return any(word in name for name in headers for word in _LOGINS)
