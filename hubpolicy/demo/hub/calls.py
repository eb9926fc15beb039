# SPDX-License-Identifier: Apache-2.0
"""One call to the hub: the request, who makes it, on which repo, and whether they may."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from hubpolicy.demo.hub.accounts import (
    NO_CREDENTIALS,
    Account,
    Accounts,
    basic_challenge,
    require_account,
    require_writer,
)
from hubpolicy.demo.hub.commits import Author
from hubpolicy.demo.hub.repository import resolve
from hubpolicy.demo.hub.store import RepoKey, Store, repo_not_found
from hubpolicy.demo.hub.wire import HubError, Reply, Request

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.lfs import AddressSigner, LargeFiles
    from hubpolicy.demo.hub.records import Discussion, Record
    from hubpolicy.demo.hub.settings import Fault, Settings
    from hubpolicy.demo.hub.template import Template


class Hub(NamedTuple):
    """The parts of a running hub; `endpoint` and `storage` are addresses without a last slash."""

    endpoint: str
    storage: str
    root: Path
    store: Store
    template: Template
    files: LargeFiles
    signer: AddressSigner
    accounts: Accounts
    config: Path | None


class Call(NamedTuple):
    """What an endpoint function gets; `params` are the named parts of the path, still quoted."""

    hub: Hub
    request: Request
    params: Mapping[str, str]
    account: Account | None
    settings: Settings
    faults: tuple[Fault, ...]

    @property
    def key(self) -> RepoKey:
        """The repo in the path; the path of a model's page has no kind."""
        kind = self.params.get("kind") or "models"
        return RepoKey(kind, self.params["namespace"], self.params["name"])

    @property
    def bare(self) -> Path:
        """The bare repository of `key`."""
        return self.hub.store.bare(self.key)

    @property
    def stale(self) -> bool:
        """Whether this read is to lag behind the newest commit."""
        return any(fault.action == "stale_read" for fault in self.faults)

    def param(self, name: str, default: str = "") -> str:
        """Return a part of the path, unquoted."""
        return unquote(self.params.get(name) or default)

    def record(self) -> Record:
        """Return the repo's metadata if this account may see the repo.

        Raises:
            HubError: 401 for an anonymous request and 404 for any other, alike whether the repo
                does not exist or is not theirs to see.
        """
        record = self.hub.store.record(self.key)
        if record is not None and (not record.private or self._is_member()):
            return record
        if self.account is None:
            raise HubError(401, NO_CREDENTIALS, code="RepoNotFound", headers=basic_challenge())
        raise repo_not_found(self.key)

    def content_record(self) -> Record:
        """Return the metadata if this account may read the files too.

        Raises:
            HubError: as `record`, and 401 or 403 GatedRepo.
        """
        record = self.record()
        if record.gated and not self._is_member():
            raise HubError(
                401 if self.account is None else 403,
                f"Access to {self.key.id} is restricted. You must be authorized to access it.",
                code="GatedRepo",
            )
        return record

    def writer(self) -> Account:
        """Return the account that may change the repo.

        Raises:
            HubError: as `record`; 401 or 403 for readers.
        """
        if self.account is not None:
            self.record()
        return require_writer(self.account, self.key.namespace, self.key.url_path)

    def contributor(self) -> Account:
        """Return the account that may open a pull request: whoever sees the repo and may write.

        Raises:
            HubError: as `record`; 401 for an anonymous request, 403 for a read token.
        """
        account = require_account(self.account)
        self.record()
        if not account.may_talk(self.key.namespace, self.key.url_path):
            raise HubError(403, f"Forbidden: {account.name} has a {account.role} token")
        return account

    def pull_request_writer(self, discussion: Discussion) -> Account:
        """Return the account that may change a pull request: its author, or a repo's writer."""
        account = self.contributor()
        return account if account.name == discussion.author else self.writer()

    def commit_of(self, revision: str) -> str:
        """Return the commit that a revision names for this reader."""
        return resolve(self.bare, revision, stale=self.stale)

    def author(self, account: Account) -> Author:
        """Return the account as author of a commit made now."""
        return Author(account.name, int(time.time()))

    def _is_member(self) -> bool:
        key = self.key
        return self.account is not None and self.account.may_read(key.namespace, key.url_path)


Endpoint = Callable[[Call], Reply]


def timestamp(seconds: float | None = None) -> str:
    """Return a time (now by default) as the Hub writes it."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
