# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may do."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.wire import HubError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INVALID_CREDENTIALS = "Invalid credentials in Authorization header"
NO_CREDENTIALS = "Invalid username or password."


class Account(NamedTuple):
    """The holder of a token; `role` is the token's, ``read`` or ``write``.

    `scope`: the only repo that the token knows (``acme/m``, ``datasets/acme/d``), of a CI job.
    """

    name: str
    orgs: tuple[str, ...]
    role: str
    scope: str = ""

    def member_of(self, namespace: str) -> bool:
        """Return whether the namespace is the account's own or one of its organisations."""
        return namespace == self.name or namespace in self.orgs

    def may_write(self, namespace: str) -> bool:
        """Return whether this token may change repos of the namespace."""
        return self.role == "write" and self.member_of(namespace)


class Accounts:
    """The tokens file, read again whenever it is asked, so that a token can be revoked live."""

    def __init__(self, path: Path | None) -> None:
        """Remember the file; without one there are no accounts and only public reads work."""
        self._path = path
        self._issued: dict[str, tuple[Account, float]] = {}

    def issue(self, token: str, account: Account, until: float) -> None:
        """Let a token in until then (monotonic clock); it lives in this process only."""
        self._issued[token] = (account, until)

    def load(self) -> dict[str, Account]:
        """Return the accounts by token.

        Raises:
            ValueError: if the file is not as documented.
        """
        if self._path is None:
            return {}
        document = json.loads(self._path.read_bytes())
        return {token: _account(entry) for token, entry in document.items()}

    def authenticate(self, headers: Mapping[str, str]) -> Account | None:
        """Return the account of the request, None for an anonymous one.

        A bearer token, or a token as the password of basic authentication, as git sends it.

        Raises:
            HubError: 401 for credentials that nobody holds.
        """
        header = headers.get("authorization", "")
        if not header:
            return None
        token = _token_of(header)
        issued, until = self._issued.get(token, (None, 0.0))
        account = issued if time.monotonic() < until else self.load().get(token)
        if account is None:
            raise HubError(401, INVALID_CREDENTIALS, headers=basic_challenge())
        return account


def _account(entry: Mapping[str, object]) -> Account:
    name, orgs, role = entry.get("name"), entry.get("orgs", []), entry.get("role", "read")
    if not isinstance(name, str) or not isinstance(orgs, list) or role not in ("read", "write"):
        msg = f"got {entry!r}, expected name, orgs and role read|write, in tokens file"
        raise ValueError(msg)
    return Account(name, tuple(str(org) for org in orgs), str(role))


def _token_of(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def basic_challenge() -> tuple[tuple[str, str], ...]:
    """Return the header that makes git ask its credential helper."""
    return (("WWW-Authenticate", 'Basic realm="hub"'),)


def require_account(account: Account | None) -> Account:
    """Return the account.

    Raises:
        HubError: 401 for an anonymous request.
    """
    if account is None:
        raise HubError(401, NO_CREDENTIALS, headers=basic_challenge())
    return account


def require_writer(account: Account | None, namespace: str) -> Account:
    """Return the account that may change repos of the namespace.

    Raises:
        HubError: 401 for an anonymous request, 403 without the right.
    """
    holder = require_account(account)
    if not holder.may_write(namespace):
        raise HubError(
            403,
            f"Forbidden: {holder.name} with a {holder.role} token may not write to {namespace}",
        )
    return holder
