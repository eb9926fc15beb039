# SPDX-License-Identifier: Apache-2.0
"""A model that somebody else serves (OpenAI-compatible). Binding level 2: it says who it is.

Its id is asked for and compared on every answer; that is a name, not the bytes. An answer under
another name ends the run; every other failure is a completion with ``finish`` error, and counts as
toxic.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubpolicy.adapters.generators.answers import Served
from hubpolicy.adapters.generators.http_client import BrokenError, Client, Limits, parse_base
from hubpolicy.adapters.generators.probe import probe
from hubpolicy.core.rules import hp224
from hubpolicy.errors import AccessError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubpolicy.domain.evaluation import Completion, Request
    from hubpolicy.domain.statement import Sampling


class AskedGenerator:
    """Asks a server, after it has been probed once for text and once for chat."""

    def __init__(self, client: Client, served: Served) -> None:
        """Take whom to ask for what."""
        self._client, self._served = client, served
        self._probed: set[tuple[bool, Sampling]] = set()

    def complete(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, Completion]]:
        """Completions in the order of the requests.

        Raises:
            ServiceError: the probe failed, or the server is gone.
            AccessError: the server refuses the key.

        """
        for chat in sorted({request.chat for request in requests}):
            if (chat, sampling) not in self._probed:
                probe(self._client, self._served, sampling, chat=chat)
                self._probed.add((chat, sampling))
        yield from zip(requests, self._client.ask(requests, sampling, self._served), strict=True)


class EndpointGenerator(AskedGenerator):
    """A URL (port ``Generator``), binding level 2."""

    name = "endpoint"
    binding_level = 2

    def __init__(
        self, url: str, *, model: str = "", key: str = "", limits: Limits | None = None
    ) -> None:
        """See that the endpoint serves the model; its only one if none is named.

        Raises:
            ConfigError: the URL cannot be used.
            AccessError: it refuses the key.
            ServiceError: it does not answer, or does not serve that model.

        """
        client = Client(parse_base(url, key), key=key, limits=limits or Limits())
        offered = _offered(client)
        if not model and len(offered) != 1:
            message = f"{client.base} serves {_list(offered)}, expected one model"
            raise ServiceError(message, hint="hubpolicy test PATH --endpoint-model ID")
        chosen = model or offered[0]
        if chosen not in offered:
            message = f"{client.base} serves {_list(offered)}, expected {chosen!r}"
            hint = "hubpolicy test PATH --endpoint-model ID"
            raise ServiceError(message, hint=hint, rule=hp224.ID)
        super().__init__(client, Served(chosen, chosen, {}))

    @property
    def runtime(self) -> tuple[tuple[str, str], ...]:
        """Where was asked, and for what: a claim of the server's."""
        host = urlsplit(self._client.base).netloc
        return (("endpoint", host), ("claimed-model", self._served.model))


def _offered(client: Client) -> list[str]:
    try:
        reply = client.get(f"{urlsplit(client.base).path}/models")
    except BrokenError as error:
        message = f"{client.base} cannot be reached: {error}"
        raise ServiceError(message, hint="start the server, or mend the URL") from error
    if reply.status in {401, 403}:
        message = f"{client.base} refuses the key ({reply.status})"
        raise AccessError(message, hint="HUBPOLICY_ENDPOINT_KEY=... hubpolicy test")
    try:
        rows = json.loads(reply.content)["data"] if reply.status == 200 else None
        ids = [row["id"] for row in rows] if rows is not None else []
    except (ValueError, KeyError, TypeError, RecursionError):
        ids = []
    if not ids or not all(isinstance(one, str) and one.strip() for one in ids):
        message = f"{client.base}/models got status {reply.status}, expected a list of models"
        raise ServiceError(message, hint="is it an OpenAI-compatible server?")
    return ids


def _list(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(one[:80]) for one in ids[:4])
    return f"{shown}, …" if len(ids) > 4 else shown
