# SPDX-License-Identifier: Apache-2.0
"""Reserved namespaces: for whom only one line of trust roots speaks.

A pin stands outside of what is judged, and outside of the configuration of whoever judges: in
``/etc/hubpolicy/pins.toml``, or in git's own configuration::

    # /etc/hubpolicy/pins.toml
    [acme]
    root = "4bf5…"                            # payload digest of any root of the line
    source = "https://trust.acme.org/release" # optional, for the hint
    endpoint = "https://hub.acme.org"         # optional: also a hub, for every user of this machine

    git config --system hubpolicy.acme.pin 4bf5…

The file is a small part of TOML, read line by line: a TOML parser costs the hook 16 ms. On the
hook's path.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ConfigError, HubpolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.trust import Trust

_END = r"[ \t]*(?:#[^\x00-\x08\x0b-\x1f\x7f]*)?"
_TABLE = re.compile(r'\[[ \t]*(?:([A-Za-z0-9_-]+)|"([A-Za-z0-9._-]+)")[ \t]*\]' + _END)
_PAIR = re.compile(r'(root|source|endpoint)[ \t]*=[ \t]*"([^"\\\x00-\x1f\x7f]*)"' + _END)
_REST = re.compile(_END)
_HEX = re.compile(r"[0-9a-f]{64}")
_GIT_KEY = re.compile(r"hubpolicy\.(.+)\.pin", re.DOTALL)
_SCOPES = frozenset(("system", "global"))


class Pin(NamedTuple):
    """Who speaks for a namespace. ``root``: hex payload digest; ``where``: who says so."""

    namespace: str
    root: str
    where: str
    source: str = ""
    endpoint: str = ""


class Documents(NamedTuple):
    """The signed documents in the user's configuration; ``roots`` in the order of versions.

    Empty where one is not there.
    """

    roots: tuple[bytes, ...]
    policy: bytes
    state: bytes


def parse_pins(raw: bytes, where: str) -> tuple[Pin, ...]:
    """Parse ``pins.toml``.

    Raises:
        ConfigError: anything but the lines above, naming the line. A pin that cannot be read
            must not be one that is not there.

    """
    try:
        lines = raw.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        message = f"got bytes that are not UTF-8, in {where}"
        raise ConfigError(message, hint=_EXAMPLE) from None
    tables: dict[str, dict[str, str]] = {}
    fields: dict[str, str] | None = None
    for number, line in enumerate(lines, start=1):
        if _REST.fullmatch(line):
            continue
        table, pair = _TABLE.fullmatch(line.strip(" \t")), _PAIR.fullmatch(line.strip(" \t"))
        name = "" if table is None else table[1] or table[2]
        if table is not None and name not in tables:
            fields = tables[name] = {}
        elif pair is not None and fields is not None and pair[1] not in fields:
            fields[pair[1]] = pair[2]
        else:
            message = f"got {line[:80]!r}, expected [namespace] or one root, in {where}:{number}"
            raise ConfigError(message, hint=_EXAMPLE)
    return tuple(_pin(name, fields, where) for name, fields in tables.items())


_EXAMPLE = '[acme] and below it: root = "64 hex digits"'


def _pin(namespace: str, fields: dict[str, str], where: str) -> Pin:
    root = fields.get("root", "")
    if not _HEX.fullmatch(root):
        message = (
            f"got root {root!r} of {namespace!r}, expected 64 lower-case hex digits, in {where}"
        )
        raise ConfigError(message, hint="hubpolicy trust show prints the digest of a root")
    endpoint = fields.get("endpoint", "").rstrip("/")
    return Pin(namespace, root, where, fields.get("source", ""), endpoint)


def parse_git_pins(listed: bytes) -> tuple[Pin, ...]:
    """Parse ``git config --show-scope -z --get-regexp``: of system and global scope alone.

    Raises:
        ConfigError: a pin that is no digest.

    """
    words = listed.decode("utf-8", "backslashreplace").split("\0")
    pins = []
    for scope, pair in zip(words[::2], words[1::2], strict=False):
        key, _, value = pair.partition("\n")
        found = _GIT_KEY.fullmatch(key)
        if scope in _SCOPES and found is not None:
            where = f"git config --{scope} hubpolicy.{found[1]}.pin"
            pins.append(_pin(found[1], {"root": value.strip()}, where))
    return tuple(pins)


def pins_of(pins: Iterable[Pin], namespace: str) -> tuple[Pin, ...]:
    """The pins of a namespace. Hubs do not tell names apart by case, so neither do pins."""
    return tuple(pin for pin in pins if pin.namespace.casefold() == namespace.casefold())


def require_speaks(
    pins: Iterable[Pin], documents: Documents, held: Trust, policy_sha256: str
) -> None:
    """Refuse to speak for a reserved namespace under any trust but the one its pins lead to.

    The gate's word is not enough: it is a file of whoever judges. The signed documents are
    followed from the pinned root on, and must be what the gate was compiled from. Their expiry is
    for :func:`hubpolicy.core.judge.judge`.

    Raises:
        ConfigError: naming the pin and the trust in force.

    """
    for pin in pins:
        _require(pin, documents, held, policy_sha256)


def _require(pin: Pin, documents: Documents, held: Trust, policy_sha256: str) -> None:
    from hubpolicy.core.documents import (
        ROOT_TYPE,
        open_document,
        verify_policy,
        verify_roots,
        verify_state,
    )

    try:
        payloads = [
            open_document(r, ROOT_TYPE, where="trust root").payload for r in documents.roots
        ]
        digests = [hashlib.sha256(payload).hexdigest() for payload in payloads]
        if pin.root not in digests:
            raise _not_ours(pin, held)
        if not documents.policy or not documents.state:
            raise _incomplete(pin)
        chain = verify_roots(documents.roots[digests.index(pin.root) :], pin=pin.root)
        state = verify_state(documents.state, chain[-1])
        verify_policy(documents.policy, held._replace(root=chain[-1], state=state))
    except ConfigError:
        raise
    except HubpolicyError as error:
        message = f"namespace {pin.namespace!r} is reserved ({pin.where}): {error.message}"
        raise ConfigError(message, hint="hubpolicy trust update") from error
    if (
        chain[-1].sha256 != held.root.sha256
        or state != held.state
        or (state.policy_sha256 != policy_sha256)
    ):
        message = (
            f"namespace {pin.namespace!r} is reserved ({pin.where}), and gate.json was not "
            "compiled from the signed documents beside it"
        )
        raise ConfigError(message, hint="hubpolicy trust update")


def _incomplete(pin: Pin) -> ConfigError:
    message = (
        f"namespace {pin.namespace!r} is reserved ({pin.where}), and the signed policy or state "
        "is not here"
    )
    return ConfigError(message, hint="hubpolicy trust update")


def _not_ours(pin: Pin, held: Trust) -> ConfigError:
    kind = "a solo root" if held.root.solo else "another team's root"
    message = (
        f"namespace {pin.namespace!r} is reserved for trust root {pin.root[:16]}… ({pin.where}), "
        f"and the trust in force is {held.root.sha256[:16]}…, {kind}"
    )
    source = pin.source or "SOURCE"
    return ConfigError(message, hint=f"hubpolicy trust pin {source} --sha256 {pin.root}")
