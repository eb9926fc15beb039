# SPDX-License-Identifier: Apache-2.0
"""How a gateway runs: where it listens, which hub is behind it, and what it was told to keep."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from hubpolicy.errors import ConfigError

GIB = 1024 * 1024 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(NamedTuple):
    """``upstream`` is the hub's address, ``endpoint`` its name in evidence: mostly the same.

    ``relays``: uploads pass through us, not straight to the addresses that the hub hands out.
    ``public_url``: how clients see us, where another proxy stands before us; else their Host.
    ``git_folder``: where pushes by git are received. ``commit_limit`` is a push's too, in bytes.
    ``judge_seconds``: how long one judgement may take; then the answer is no.
    """

    upstream: str
    endpoint: str
    token: str
    host: str
    port: int
    relays: bool = False
    public_url: str = ""
    certificate: str = ""
    key: str = ""
    upstream_ca: str = ""
    commit_limit: int = GIB
    drain_seconds: float = 30.0
    git_folder: str = ""
    judge_seconds: float = 600.0


def listen_on(text: str) -> tuple[str, int]:
    """``HOST:PORT`` to its parts; IPv6 in brackets.

    Raises:
        ConfigError: it is no such address.

    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        message = f"got address {text!r}, expected HOST:PORT, in --listen"
        raise ConfigError(message, hint="--listen 127.0.0.1:8321")
    return host.removeprefix("[").removesuffix("]"), int(port)


def require_safe(settings: Settings, *, behind_tls: bool) -> None:
    """Refuse what would show tokens to the network.

    Raises:
        ConfigError: naming what to type.

    """
    if not settings.token:
        message = "there is no token for the hub"
        raise ConfigError(message, hint="export HUBPOLICY_GATEWAY_TOKEN=..., or --token-file PATH")
    if bool(settings.certificate) != bool(settings.key):
        message = "got one of --tls-cert and --tls-key, expected both"
        raise ConfigError(message, hint="--tls-cert cert.pem --tls-key key.pem")
    exposed = settings.host not in _LOOPBACK and not settings.certificate
    if exposed and not behind_tls:
        message = f"listening on {settings.host} without TLS would show tokens to the network"
        hint = "--tls-cert and --tls-key, or --behind-tls if a proxy before us has them"
        raise ConfigError(message, hint=hint)
    parts = urlsplit(settings.upstream)
    remote = parts.scheme == "http" and parts.hostname not in _LOOPBACK
    if parts.scheme not in {"http", "https"} or parts.username or parts.query or remote:
        message = f"got {parts.scheme or 'no scheme'}, expected https, in --upstream"
        raise ConfigError(message, hint="--upstream https://huggingface.co")
