# SPDX-License-Identifier: Apache-2.0
"""A server that ends well: on SIGTERM nothing new is taken, and the rest is finished."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import logging
import os
import signal
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import http_exceptions, web

from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.gateway.forwarding import CHUNK
from hubpolicy.gateway.server import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubpolicy.gateway.passage import Passage
    from hubpolicy.gateway.records import Records
    from hubpolicy.gateway.settings import Settings

_CUT_OFF_SECONDS = 1.0
"""Of the server's own end, after ours: nothing more comes by then, and what waits is cut off."""
_HEADER_BYTES = 32 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""malloc.h of glibc."""
_MIB = 1024 * 1024
_LOGGER = logging.getLogger("hubpolicy.gateway")


def run(
    settings: Settings, records: Records, passage: Passage, ready: Callable[[str, str], None],
    alone: Callable[[], None],
) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT; ``ready`` is told the address when requests are taken.

    ``ready`` is called once more, if something is wrong with the hub, with what it is; ``alone``
    before all, when no other gateway has these files.

    Raises:
        ConfigError: the certificate or the key is none.
        ServiceError: the address cannot be listened on, or another gateway has these files.

    """
    with _alone(settings.git_folder):
        alone()
        _keep_memory()
        asyncio.run(_serve(settings, records, passage, ready))


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Locks between requests are this process's: two over the same files would not see them."""
    Path(folder).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        message = f"another gateway runs with these files: {folder}"
        raise ServiceError(message, hint="stop it first, or give this one its own --db") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _keep_memory() -> None:
    """Let glibc keep up to 32 MiB that were freed, and take chunks of bodies from them.

    Else it may give each chunk back to the system, and get the next one page by page, zeroed
    (mallopt(3)). Where there is no glibc nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 8 * _MIB)
        mallopt(_M_TRIM_THRESHOLD, 32 * _MIB)


async def _serve(
    settings: Settings, records: Records, passage: Passage, ready: Callable[[str, str], None]
) -> None:
    _LOGGER.addFilter(_is_ours)
    gateway = Gateway(settings, records, passage)
    runner = web.AppRunner(
        gateway.app(),
        access_log=None,
        logger=_LOGGER,
        handle_signals=False,
        shutdown_timeout=min(settings.drain_seconds, _CUT_OFF_SECONDS),
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
        auto_decompress=False,
        read_bufsize=4 * CHUNK,
    )
    await runner.setup()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        site = web.TCPSite(
            runner, settings.host, settings.port, ssl_context=_tls(settings), backlog=512
        )
        await site.start()
        address = _address(runner, settings)
        ready(address, "")
        looking = asyncio.create_task(_look(gateway, address, ready))
        await stop.wait()
        looking.cancel()
        await site.stop()
        await gateway.drain(settings.drain_seconds)
    except OSError as error:
        message = f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}"
        raise ServiceError(message, hint="--listen 127.0.0.1:0 takes any free port") from error
    finally:
        await runner.cleanup()


async def _look(gateway: Gateway, address: str, ready: Callable[[str, str], None]) -> None:
    """Requests are taken meanwhile: a hub that is away may come back."""
    trouble = await gateway.readiness.trouble()
    if trouble:
        ready(address, trouble)


def _is_ours(record: logging.LogRecord) -> bool:
    """What strangers send is answered with 400, and fills no log."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError)


def _address(runner: web.AppRunner, settings: Settings) -> str:
    host, port = runner.addresses[0][:2]
    shown = f"[{host}]" if ":" in str(host) else host
    return f"{'https' if settings.certificate else 'http'}://{shown}:{port}"


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        message = f"cannot use {settings.certificate} with {settings.key}: {error}"
        raise ConfigError(
            message, hint="both in PEM: --tls-cert cert.pem --tls-key key.pem"
        ) from error
    return context
