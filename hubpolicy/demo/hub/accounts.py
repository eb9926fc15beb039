# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may do."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.wire import HubError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INVALID_CREDENTIALS = "Invalid credentials in Authorization header"
NO_CREDENTIALS = "Invalid username or password."


FINE_GRAINED = "fineGrained"
_KINDS = {"model": "", "dataset": "datasets/", "space": "spaces/"}
_READS, _WRITES, _TALKS = "repo.content.read", "repo.write", "discussion.write"


class Scoped(NamedTuple):
    """What a fine-grained token may do to one entity: an org, a user, or a repo of some kind."""

    kind: str
    name: str
    permissions: tuple[str, ...]

    def allows(self, permission: str, namespace: str, repo: str) -> bool:
        """Return whether it does so there; `repo` as in the addresses of pages, or empty."""
        if permission not in self.permissions:
            return False
        if self.kind in ("org", "user"):
            return self.name == namespace
        return self.kind in _KINDS and repo == f"{_KINDS[self.kind]}{self.name}"


class Account(NamedTuple):
    """The holder of a token; `role` is the token's, ``read``, ``write`` or ``fineGrained``.

    `scope`: the only repo that the token knows (``acme/m``, ``datasets/acme/d``), of a CI job.
    `anywhere` and `scoped`: what a fine-grained token may do.
    """

    name: str
    orgs: tuple[str, ...]
    role: str
    scope: str = ""
    anywhere: tuple[str, ...] = ()
    scoped: tuple[Scoped, ...] = ()

    def member_of(self, namespace: str) -> bool:
        """Return whether the namespace is the account's own or one of its organisations."""
        return namespace == self.name or namespace in self.orgs

    def may_read(self, namespace: str, repo: str = "") -> bool:
        """Return whether this token sees what is private there; `repo` as in its page's address."""
        if self.role == FINE_GRAINED:
            return any(self._allowed(what, namespace, repo) for what in (_READS, _WRITES))
        return self._is_scope(repo) or self.member_of(namespace)

    def may_write(self, namespace: str, repo: str = "") -> bool:
        """Return whether this token may change that repo, or make one in the namespace."""
        if self.role == FINE_GRAINED:
            return self._allowed(_WRITES, namespace, repo)
        return self._is_scope(repo) or (self.role == "write" and self.member_of(namespace))

    def may_talk(self, namespace: str, repo: str) -> bool:
        """Return whether this token may open pull requests in a repo that it sees."""
        if self.role == FINE_GRAINED:
            return _TALKS in self.anywhere or self._allowed(_TALKS, namespace, repo)
        return self.role == "write" and self.scope in ("", repo)

    def _is_scope(self, repo: str) -> bool:
        return bool(repo) and self.scope == repo

    def _allowed(self, permission: str, namespace: str, repo: str) -> bool:
        return self.member_of(namespace) and any(
            scoped.allows(permission, namespace, repo) for scoped in self.scoped
        )


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
    fine = entry.get(FINE_GRAINED)
    known = fine is None if role in ("read", "write") else role == FINE_GRAINED and fine is not None
    if not isinstance(name, str) or not isinstance(orgs, list) or not known:
        msg = (
            f"got {entry!r}, expected name, orgs and role read|write, or fineGrained and what it "
            "grants, in tokens file"
        )
        raise ValueError(msg)
    account = Account(name, tuple(str(org) for org in orgs), str(role))
    return account if fine is None else _granted(account, fine)


def _granted(account: Account, fine: Any) -> Account:
    """``{global: […], scoped: [{entity: {type, name}, permissions: […]}]}``, as ``whoami-v2``."""
    try:
        anywhere = tuple(map(str, fine["global"]))
        scoped = tuple(
            Scoped(each["entity"]["type"], each["entity"]["name"], tuple(each["permissions"]))
            for each in fine["scoped"]
        )
    except (KeyError, TypeError) as error:
        msg = f"got {fine!r}, expected global and scoped, in fineGrained of the tokens file"
        raise ValueError(msg) from error
    return account._replace(anywhere=anywhere, scoped=scoped)


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


def require_writer(account: Account | None, namespace: str, repo: str = "") -> Account:
    """Return the account that may change that repo, or make one in the namespace.

    Raises:
        HubError: 401 for an anonymous request, 403 without the right.
    """
    holder = require_account(account)
    if not holder.may_write(namespace, repo):
        where = repo or namespace
        raise HubError(
            403, f"Forbidden: {holder.name} with a {holder.role} token may not write to {where}"
        )
    return holder
