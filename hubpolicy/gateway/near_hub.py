# SPDX-License-Identifier: Apache-2.0
"""The hub as the gateway's judges ask it: what each of them asks goes the gateway's own way there.

Every commit's judgement begins with the look at its repository, and asking that by the official
client takes more of a core than all the rest of most judgements. Only the plain answer is
taken: for whatever else comes, or does not come, the official client asks, and says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from hubpolicy.adapters.hub import HubClient
from hubpolicy.ports import RemoteRepo

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId

Ask = Callable[[str], bytes | None]
"""From a path of the hub's to the body of its 200; None for everything else."""


class NearHub(HubClient):
    """Used by worker threads, while the event loop that carries for them runs."""

    _ask: Ask | None = None

    def lend(self, ask: Ask | None) -> None:
        """Ask this way from now on; None: by the official client alone."""
        self._ask = ask

    def repo(self, repo: RepoId) -> RemoteRepo:
        """As :meth:`HubClient.repo`, which is asked where this is not told plainly."""
        raw = self._ask(f"/api/{repo.repo_type}s/{repo.text}") if self._ask is not None else None
        found = None if raw is None else _standing(raw, repo)
        return super().repo(repo) if found is None else found


def _standing(raw: bytes, repo: RepoId) -> RemoteRepo | None:
    """What the hub says of that repository; None where it is not just that."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("id") != repo.text:
        return None
    private, head = value.get("private"), value.get("sha")
    if not isinstance(private, bool) or not isinstance(head, str):
        return None
    return RemoteRepo(exists=True, private=private, head=head)
