# SPDX-License-Identifier: Apache-2.0
"""Git's smart protocol: ``git http-backend`` as CGI behind the hub's own accounts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from hubpolicy.demo.hub.accounts import require_account
from hubpolicy.demo.hub.git import git_environment
from hubpolicy.demo.hub.rights import WRITABLE_STATES
from hubpolicy.demo.hub.wire import Headers, HubError, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.demo.hub.calls import Call

CHUNK_BYTES = 256 * 1024
SERVICES = ("git-upload-pack", "git-receive-pack")
_HOOK = """#!/bin/sh
exec "$HUB_PYTHON" -P -m hubpolicy.demo.hub.pre_receive
"""


def install_hooks(root: Path) -> None:
    """Write the hook that judges pushed refs into `root`/hooks."""
    hook = root / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK, encoding="ascii")
    hook.chmod(0o755)


def advertise(call: Call) -> Reply:
    """``GET ….git/info/refs?service=…``."""
    service = call.request.first("service")
    if service not in SERVICES:
        raise HubError(403, "the dumb HTTP protocol is not served: please upgrade git")
    return _whole(_run(call, service, "info/refs"))


def serve(call: Call) -> Reply:
    """``POST ….git/git-upload-pack`` and ``git-receive-pack``; only fetched packs are streamed."""
    service = call.params["service"]
    if service == "git-upload-pack":
        return _run(call, service, service)
    with call.hub.store.lock(call.key):
        return _whole(_run(call, service, service))


def _whole(reply: Reply) -> Reply:
    """Return the reply after git has ended."""
    return reply._replace(body=b"".join(cast("Iterator[bytes]", reply.body)))


def _run(call: Call, service: str, path: str) -> Reply:
    environment = _environment(call, path)
    if service == "git-receive-pack":
        environment |= _push_rights(call)
    else:
        call.content_record()
    with tempfile.TemporaryFile() as body:
        shutil.copyfileobj(call.request.body, body, CHUNK_BYTES)
        body.seek(0)
        environment["CONTENT_LENGTH"] = str(os.fstat(body.fileno()).st_size)
        with (call.hub.root / "git.log").open("ab") as log:
            process = subprocess.Popen(  # fixed arguments
                ["git", "http-backend"],
                stdin=body,
                stdout=subprocess.PIPE,
                stderr=log,
                env=git_environment(environment),
            )
    if process.stdout is None:
        msg = "no pipe from git http-backend"
        raise OSError(msg)
    status, headers = _cgi_headers(process.stdout)
    return Reply(status, headers, _stream(process, process.stdout))


def _environment(call: Call, path: str) -> dict[str, str]:
    request = call.request
    environment = {
        "GIT_PROJECT_ROOT": str(call.bare.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{call.bare.name}/{path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.raw_query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    return {name: value for name, value in environment.items() if value}


def _push_rights(call: Call) -> dict[str, str]:
    """Return what the hook needs to know; refuse accounts that may push nothing here."""
    account = require_account(call.account)
    record = call.record()
    place = call.key.namespace, call.key.url_path
    may_write = account.may_write(*place)
    open_numbers = [
        str(item.num)
        for item in record.discussions
        if item.pull_request
        and item.status in WRITABLE_STATES
        and (may_write or (account.may_talk(*place) and item.author == account.name))
    ]
    if not may_write and not open_numbers:
        call.writer()
    settings = (("http.receivepack", "true"), ("core.hooksPath", str(call.hub.root / "hooks")))
    configured = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings):
        configured |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return configured | {
        "REMOTE_USER": account.name,
        "HUB_PYTHON": sys.executable,
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "HUB_MAY_WRITE": "1" if may_write else "0",
        "HUB_PULL_REQUESTS": " ".join(open_numbers),
        "HUB_ROOT": str(call.hub.root),
        "HUB_METADATA": str(call.hub.store.metadata(call.key)),
    }


def _cgi_headers(stream: IO[bytes]) -> tuple[int, Headers]:
    status, headers = 200, []
    for raw in iter(stream.readline, b""):
        line = raw.decode("latin-1").rstrip("\r\n")
        if not line:
            break
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return status, tuple(headers)


def _stream(process: subprocess.Popen[bytes], stream: IO[bytes]) -> Iterator[bytes]:
    with process:
        try:
            while chunk := stream.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
                yield chunk
        finally:
            if process.poll() is None:
                stream.close()
