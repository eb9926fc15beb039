# SPDX-License-Identifier: Apache-2.0
"""Who asks, for what, and whether it may pass: everything but the carrying of bytes.

Runs in worker threads: judging talks to the hub and verifies signatures.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.children import tightened
from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core.lines import named
from hubpolicy.core.policy_child import ChildFile
from hubpolicy.core.submission import parse_submission
from hubpolicy.domain.hub_request import BucketWrite, GitFetch, Harmless, Merge, Read
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.errors import HubpolicyError, MalformedError
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import Court
from hubpolicy.flows.gate_watch import changed, judge_known, ref_of
from hubpolicy.flows.gating import Permission, Watch, decide, known_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.hub_request import Commit, Intent
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.gateway.records import Holder, Records
    from hubpolicy.ports import Hub, KnownRelease

REMEDY = "hubpolicy gateway submit PATH {repo}"
_SEAT_SECONDS = 2.0
"""How long policy and trust are kept in memory: a revocation counts from then on."""


class Asked(NamedTuple):
    """Somebody and what they want. ``holder`` is None for nobody in particular."""

    holder: Holder | None
    intent: Intent


class Passage:
    """Decides by the policy and the trust of the user that runs the gateway."""

    def __init__(self, records: Records, hub: Hub, seat: Callable[[], Seat]) -> None:
        self._records = records
        self._hub = hub
        self._open_seat = seat
        self._seat: Seat | None = None
        self._seated = 0.0
        self._lock = threading.Lock()

    def decide(self, intent: Intent) -> Permission:
        """Whether it may pass; an error of ours, of the hub's or of the policy's is a no."""
        try:
            return decide(intent, self._watch())
        except HubpolicyError as error:
            return Permission(allowed=False, reason=f"not judged: {error.message}", next=error.hint)

    def submit(self, target: RepoId, content: bytes, who: str) -> Decision:
        """Judge evidence that came ahead, and keep it if it passes.

        Raises:
            MalformedError: it is no submission, or holds no release line for that target.
            HubpolicyError: it could not be judged.

        """
        watch = self._watch()
        release = self._known(content, target, watch.court)
        if release is None:
            message = f"no verified release line in it is for {target.purl}, with every file's size"
            hint = f"hubpolicy attest PATH --repo {target.text}, with HF_ENDPOINT={target.endpoint}"
            raise MalformedError(message, hint=hint)
        decision = judge_known(release, target, watch)
        if decision.verdict == "passed":
            self._records.submit(target.purl, content, who, watch.court.now)
        return decision

    def differences(self, intent: Commit | Merge, judged: Listing, answer: bytes) -> str:
        """How what stands there now differs from what was judged; empty if it does not.

        A merge's answer names no commit: what stands on ``main`` is what came of it.
        """
        repo = intent.repo
        try:
            if isinstance(intent, Merge):
                oid = ref_of(repo, "main", self._hub) or ""
            else:
                oid = str(json.loads(answer)["commitOid"])
                if not intent.creates_pr:
                    oid = ref_of(repo, intent.revision, self._hub) or oid
            standing = self._hub.listing(repo, oid)
        except (HubpolicyError, ValueError, KeyError, TypeError) as error:
            return f"what came of it could not be read back: {error!r:.200}"
        wrong = {file.path for file in (*changed(judged, standing), *changed(standing, judged))}
        if not wrong:
            return ""
        return f"{repo.text} at {oid[:12]} is not what was judged: {named(tuple(sorted(wrong)))}"

    def of(self, target: RepoId) -> tuple[KnownRelease, ...]:
        """Port ``KnownReleases``: what was submitted for that target, newest first."""
        court = self._watch().court
        found = (self._known(raw, target, court) for raw in self._records.submissions(target.purl))
        return tuple(release for release in found if release is not None)

    def _known(self, content: bytes, target: RepoId, court: Court) -> KnownRelease | None:
        sizes, files = parse_submission(content)
        return known_release(files, sizes, target, court.trust, court.now)

    def _watch(self) -> Watch:
        place = self._place()
        trust, now = place.trusted.trust, SystemClock().now()
        return Watch(
            court=Court(place.policy, trust, now, assemble_listing, governing=place.governing),
            hub=self._hub,
            known=self,
            under=lambda content: tightened(place.policy, (ChildFile(CHILD_FILE, content),)),
            remedy=REMEDY,
        )

    def _place(self) -> Seat:
        with self._lock:
            if self._seat is None or time.monotonic() - self._seated > _SEAT_SECONDS:
                self._seat = self._open_seat()
                self._seated = time.monotonic()
            return self._seat


def repos_of(intent: Intent) -> tuple[str, ...]:
    """Every ``namespace/name`` that it touches."""
    if isinstance(intent, BucketWrite):
        return (f"{intent.namespace}/{intent.name}",)
    found = (getattr(intent, field, None) for field in ("repo", "source", "target"))
    return tuple(repo.text for repo in found if repo is not None)


def covers(asked: Asked) -> bool:
    """True if the token is for every repository that the request touches, and it touches one."""
    names = repos_of(asked.intent)
    return asked.holder is not None and bool(names) and all(map(asked.holder.may, names))


def is_open(intent: Intent) -> bool:
    """True for what anybody may do, with no login of ours."""
    return isinstance(intent, Read | Harmless | GitFetch)
