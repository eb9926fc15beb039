# SPDX-License-Identifier: Apache-2.0
"""A server that hubpolicy starts on the staged closure (port ``Generator``).

Level 4 where the launch template is one of ours or pinned by the governing policy: then somebody
other than the model's author has read what is started. The server gets a folder that holds the
closure alone and an environment without the user's settings; it has to answer under the id that was
made up for this start, and to say which files it loaded. What it is asked, and that it samples, is
:mod:`~hubpolicy.adapters.generators.endpoint`'s business.
"""

from __future__ import annotations

import json
import secrets
import shlex
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.generators.answers import Served
from hubpolicy.adapters.generators.endpoint import AskedGenerator
from hubpolicy.adapters.generators.http_client import BrokenError, Client, Limits
from hubpolicy.adapters.generators.serve_template import level_of, load_template
from hubpolicy.adapters.generators.server_process import (
    clean_environment,
    find_program,
    free_port,
    program_version,
    running,
)
from hubpolicy.adapters.generators.staging import staged
from hubpolicy.adapters.generators.transformers_folder import inspect_transformers_folder
from hubpolicy.core.rules import hp224
from hubpolicy.core.serving import TEMPLATE
from hubpolicy.errors import ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubpolicy.adapters.generators import Choice
    from hubpolicy.adapters.generators.serve_template import LaunchTemplate
    from hubpolicy.adapters.generators.server_process import Server
    from hubpolicy.core.closure import Closure
    from hubpolicy.domain.evaluation import Completion, Request
    from hubpolicy.domain.statement import Sampling

REQUEST_SECONDS = 600.0
_HEALTH_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_DEFAULTS = {"gguf": "llama.cpp", "safetensors": "transformers"}


class _Launch(NamedTuple):
    template: LaunchTemplate
    values: dict[str, str]
    server: Server
    client: Client


class ServeGenerator(AskedGenerator):
    """A running server; ends with the block of :func:`served`."""

    name = "serve"

    def __init__(self, launch: _Launch, level: int, version: str) -> None:
        """Take a server that was checked."""
        self._launch, self.binding_level, self._version = launch, level, version
        super().__init__(launch.client, Served("", "", {}))

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """What was started and how, without what differs at every start."""
        template = self._launch.template
        return (
            (TEMPLATE, template.sha256),
            (f"server-{template.name}", self._version),
            ("serve-argv", shlex.join((template.program, *template.arguments))),
        )

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """As an endpoint's, with the template's further fields.

        Raises:
            ServiceError: the probe failed, or the server ended; the message names its log.

        """
        template, values = self._launch.template, self._launch.values
        model, answers_as = (
            template.fill(t, values) for t in (template.model, template.answers_as)
        )
        self._served = Served(model, answers_as, template.further(sampling))
        try:
            answers = list(super().complete(requests, sampling))
        except ServiceError as error:
            raise _trouble(self._launch.server, error.message, error.hint, error.rule) from error
        if self._launch.server.ended:
            raise _trouble(self._launch.server, "the server ended while it was asked")
        yield from answers


@contextmanager
def served(root: Path, closure: Closure, choice: Choice) -> Iterator[ServeGenerator]:
    """Start a server on the closure, see that it serves that and nothing else, and end it.

    Raises:
        UnsupportedError: the program is not installed, or does not run this kind.
        ConfigError: no such template.
        ServiceError: it does not start, is never healthy, or serves something else.

    """
    template = load_template(choice.target or _DEFAULTS.get(closure.kind, ""))
    if closure.kind not in template.kinds:
        kinds = " or ".join(template.kinds)
        message = f"got {closure.main} ({closure.kind}), expected {kinds} for {template.name}"
        raise UnsupportedError(message, hint="hubpolicy test --help")
    if closure.kind == "safetensors":
        inspect_transformers_folder(root, closure)
    program = find_program(template.program, template.install)
    with ExitStack() as stack:
        home = Path(stack.enter_context(_temporary()))
        environment = clean_environment(home, dict(template.environment))
        version = program_version((program, *template.version), environment)
        folder = stack.enter_context(staged(root, closure))
        values = {
            "main": str(folder / Path(closure.main).name),
            "folder": str(folder),
            "port": str(free_port()),
            "id": f"hubpolicy-{secrets.token_hex(8)}",
        }
        command = [program, *(template.fill(text, values) for text in template.arguments)]
        log = Path(choice.logs or home) / f"serve-{template.name}-{closure.digest[:12]}.log"
        server = stack.enter_context(running(command, environment, log))
        limits = Limits(template.concurrency, REQUEST_SECONDS)
        url = f"http://127.0.0.1:{values['port']}/v1"
        client = Client(url, limits=limits, gone=lambda: server.ended)
        launch = _Launch(template, values, server, client)
        _await_health(launch)
        _check(launch)
        yield ServeGenerator(launch, level_of(template, choice.pinned), version)


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="hubpolicy-", ignore_cleanup_errors=True)


def _await_health(launch: _Launch) -> None:
    deadline = time.monotonic() + launch.template.start_seconds
    while True:
        if launch.server.ended:
            raise _trouble(launch.server, "the server ended before it was ready")
        try:
            if launch.client.get(launch.template.health, seconds=_HEALTH_SECONDS).status == 200:
                return
        except BrokenError:
            pass
        if time.monotonic() > deadline:
            message = f"the server was not healthy within {launch.template.start_seconds} seconds"
            raise _trouble(launch.server, message)
        time.sleep(_PAUSE_SECONDS)


def _check(launch: _Launch) -> None:
    for check in launch.template.checks:
        expected = launch.template.fill(check.equals, launch.values)
        try:
            reply = launch.client.get(check.path, seconds=REQUEST_SECONDS)
            got = _field(json.loads(reply.content), check.field) if reply.status == 200 else None
        except (BrokenError, ValueError, RecursionError):
            got = None
        if got != expected:
            shown = str(got)[:200]
            message = f"the server says {check.field} {shown!r}, expected {expected!r}"
            raise _trouble(launch.server, message, "another server, or another model", hp224.ID)


def _field(value: Any, name: str) -> object:
    for part in name.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def _trouble(server: Server, what: str, hint: str = "", rule: str = "") -> ServiceError:
    words = server.last_words()
    said = f"; it said last: {words}" if words else ""
    message = f"{what}{said}; its log: {server.log}"
    hint = hint or "read the log, mend it, then go on: hubpolicy test"
    return ServiceError(message, hint=hint, rule=rule)
