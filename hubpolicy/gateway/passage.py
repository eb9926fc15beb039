# SPDX-License-Identifier: Apache-2.0
"""Who asks, for what, and whether it may pass: everything but the carrying of bytes.

Runs in worker threads: judging talks to the hub and verifies signatures.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.children import tightened
from hubpolicy.adapters.clock import SystemClock
from hubpolicy.cli.wiring import require_may_speak
from hubpolicy.core.gateways import ITSELF, line_for
from hubpolicy.core.lines import named
from hubpolicy.core.policy_child import ChildFile
from hubpolicy.core.rules import hp307
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.submission import Submission, make_submission, parse_submission
from hubpolicy.domain.hub_request import (
    BucketWrite,
    Commit,
    Duplicate,
    GitFetch,
    Harmless,
    Merge,
    Move,
    Read,
    Settings,
)
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.errors import HubpolicyError, MalformedError
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import Court
from hubpolicy.flows.flipping import MAIN, confirm, head_of
from hubpolicy.flows.gate_watch import changed, judge_known, ref_of
from hubpolicy.flows.gating import Permission, Watch, decide, known_release
from hubpolicy.flows.incidents import Bad, take_back
from hubpolicy.gateway.near_hub import NearHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubpolicy.adapters.lfs_store import LfsObjects
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.hub_request import GitPush, Intent
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.gateway.holders import Holder
    from hubpolicy.gateway.near_hub import Ask
    from hubpolicy.gateway.pushed import Found
    from hubpolicy.gateway.receiving import Received
    from hubpolicy.gateway.records import Records
    from hubpolicy.ports import Hub, KnownRelease

REMEDY = "hubpolicy gateway submit PATH {repo}"
_SEAT_SECONDS = 2.0
"""How long policy and trust are kept in memory: a revocation counts from then on."""


class Asked(NamedTuple):
    """Somebody and what they want. ``holder`` is None for nobody in particular."""

    holder: Holder | None
    intent: Intent


class Before(NamedTuple):
    """Where ``main`` stood (of merges), and whether only insiders saw what is to be shown."""

    main: str = ""
    hidden: bool = False


class Passage:
    """Decides by the policy and the trust of the user that runs the gateway."""

    def __init__(
        self, records: Records, hub: Hub, seat: Callable[[], Seat],
        lfs: Callable[[RepoId], LfsObjects],
    ) -> None:  # fmt: skip
        """``lfs``: the objects that the hub keeps for a repository."""
        self._records = records
        self._hub = hub
        self._lfs = lfs
        self._open_seat = seat
        self._seated: _Seated | None = None
        self._lock = threading.Lock()

    def lend(self, ask: Ask | None) -> None:
        """How to ask the hub while there are connections to it; None: they are being closed."""
        if isinstance(self._hub, NearHub):
            self._hub.lend(ask)

    def decide(self, intent: Intent) -> Permission:
        """Whether it may pass; an error of ours, of the hub's or of the policy's is a no."""
        try:
            return _seen_from_outside(intent, decide(intent, self._watch()))
        except HubpolicyError as error:
            return Permission(allowed=False, reason=f"not judged: {error.message}", next=error.hint)

    def received(self, intent: GitPush, received: Received) -> Found:
        """What git holds of a push, judged before it may keep it.

        Raises:
            HubpolicyError: it could not be judged; nothing may be accepted then.

        """
        from hubpolicy.gateway.pushed import judge_pushed

        return judge_pushed(intent, received, self._watch(), self._lfs(intent.repo))

    def submit(
        self, target: RepoId, content: bytes, who: str, note: Callable[[str], None]
    ) -> Decision:
        """Judge evidence that came ahead, tell the log by ``note``, and keep it if it passes.

        Raises:
            MalformedError: it is no submission, or holds no release line for that target.
            HubpolicyError: it could not be judged.

        """
        watch = self._watch()
        if watch.governs is not None:
            watch.governs(target.namespace)
        release = self._known(content, target, watch.court)
        if release is None:
            message = f"no verified release line in it is for {target.purl}, with every file's size"
            hint = f"hubpolicy attest PATH --repo {target.text}, with HF_ENDPOINT={target.endpoint}"
            raise MalformedError(message, hint=hint)
        decision = judge_known(release, target, watch)
        note(decision.verdict)
        if decision.verdict == "passed":
            self._records.submit(target.purl, _needed(content, release), who, watch.court.now)
        return decision

    def before(self, intent: Intent) -> Before:
        """What can only be looked at before the hub gets the request.

        Raises:
            AccessError, ServiceError: the hub does not say.

        """
        if isinstance(intent, Merge):
            return Before(main=head_of(self._hub.refs(intent.repo)))
        if isinstance(intent, Settings) and intent.private is False:
            return Before(hidden=self._hub.repo(intent.repo).private)
        if isinstance(intent, Move):
            return Before(hidden=self._hub.repo(intent.source).private)
        return Before(hidden=isinstance(intent, Duplicate))

    def taken_back(self, intent: Intent, permission: Permission, before: Before) -> str:
        """What moved while it was being shown, and what was done about it; empty if nothing did.

        Flips, copies and moves name no commit. What was hidden before is hidden again; a model that
        people saw before is never hidden (docs/adr/0017).
        """
        place = _shown_at(intent)
        if place is None or not before.hidden or not permission.refs:
            return ""
        try:
            refs = permission.refs
            if isinstance(intent, Duplicate):  # what a hub leaves out of a copy, nobody sees
                there = {ref.name for ref in self._hub.refs(place)}
                refs = tuple(ref for ref in refs if ref.name in there)
            found, _ = confirm(place, self._hub, refs)
        except HubpolicyError as error:
            return error.message
        return found[0].message if found else ""

    def happened(self, intent: Intent, before: Before) -> bool:
        """Whether the hub did what it gave no answer to, of all that is looked at afterwards.

        A commit pins its parent, so that nothing else than what was judged can come of it.
        """
        place = _shown_at(intent)
        try:
            if isinstance(intent, Merge):
                return head_of(self._hub.refs(intent.repo)) != before.main
            now = None if place is None else self._hub.repo(place)
        except HubpolicyError:
            return True  # whoever looks at it will say so
        return now is not None and now.exists and not (isinstance(intent, Settings) and now.private)

    def differences(self, intent: Intent, judged: Listing, answer: bytes, before: str) -> str:
        """How what stands there now differs from what was judged; empty if it does not.

        Of a commit or a merge, that is; everything else is not looked at.
        """
        if not isinstance(intent, Commit | Merge):
            return ""
        repo = intent.repo
        try:
            oid = self._made(intent, answer, before)
            standing = self._hub.listing(repo, oid)
        except (HubpolicyError, ValueError, KeyError, TypeError) as error:
            return f"what it made could not be read back: {error!r:.200}"
        wrong = {file.path for file in (*changed(judged, standing), *changed(standing, judged))}
        if not wrong:
            return ""
        return f"{repo.text} at {oid[:12]} is not what was judged: {named(tuple(sorted(wrong)))}"

    def _made(self, intent: Commit | Merge, answer: bytes, before: str) -> str:
        if isinstance(intent, Merge):
            return head_of(self._hub.refs(intent.repo, outdated=before))
        oid = str(json.loads(answer)["commitOid"])
        if intent.creates_pr:
            return oid
        return ref_of(intent.repo, intent.revision, self._hub) or oid

    def undo(self, intent: Merge, before: str) -> str:
        """What became of taking back a merge that brought what nobody judged.

        A private repository stays private, and a public one gets a commit with what ``main`` held.
        """
        repo = intent.repo
        try:
            bad = Bad(repo, before, head_of(self._hub.refs(repo)), MAIN)
            return take_back(bad, self._hub, was_public=False)[0]
        except HubpolicyError as error:
            return f"{repo.text} could not be restored to {before[:12]}: {error.message}"

    def of(self, target: RepoId) -> Iterator[KnownRelease]:
        """Port ``KnownReleases``: what was submitted for that target, newest first."""
        court = self._watch().court
        for raw in self._records.submissions(target.purl):
            release = self._known(raw, target, court)
            if release is not None:
                yield release

    def _known(self, content: bytes, target: RepoId, court: Court) -> KnownRelease | None:
        sizes, files = parse_submission(content)
        return known_release(files, sizes, target, court.trust, court.now)

    def _watch(self) -> Watch:
        seated = self._place()
        place = seated.seat
        trust, now = place.trusted.trust, SystemClock().now()
        return Watch(
            court=Court(place.policy, trust, now, assemble_listing, governing=place.governing),
            hub=self._hub,
            known=self,
            under=lambda content: tightened(place.policy, (ChildFile(CHILD_FILE, content),)),
            governs=seated.require_may_speak,
            remedy=REMEDY,
            receives=True,
        )

    def _place(self) -> _Seated:
        with self._lock:
            seated = self._seated
            if seated is None or time.monotonic() - seated.since > _SEAT_SECONDS:
                seated = self._seated = _Seated(self._open_seat(), time.monotonic(), set())
            return seated


def _seen_from_outside(intent: Intent, permission: Permission) -> Permission:
    """Who has HF_ENDPOINT at the gateway and does not say what is behind signs for the gateway.

    The rule's own words are for somebody who looks from there, with the two addresses the other
    way round; and signed for the hub, the next push would sign for the gateway again.
    """
    repo: RepoId | None = getattr(intent, "repo", None)
    if permission.rule != hp307.ID or repo is None:
        return permission
    return permission._replace(next=f"{line_for(ITSELF, repo.endpoint)}; then the same again")


class _Seated(NamedTuple):
    """Policy and trust as they were read, when, and for which namespaces they may speak."""

    seat: Seat
    since: float
    spoken: set[str]

    def require_may_speak(self, namespace: str) -> None:
        """Asked once for as long as they are kept: it reads files of the machine's.

        Raises:
            ConfigError: this machine reserves the namespace for another trust.

        """
        if namespace not in self.spoken:
            require_may_speak(self.seat, namespace)
            self.spoken.add(namespace)


def _needed(content: bytes, release: KnownRelease) -> bytes:
    """A submission without the sizes of files that its release does not name: they bind nothing."""
    sizes, files = parse_submission(content)
    wanted = {file.path for file in release.listing.files}
    return make_submission(Submission(tuple(each for each in sizes if each[0] in wanted), files))


def _shown_at(intent: Intent) -> RepoId | None:
    """The repository that others may see after it; None for everything that is no such wish."""
    if isinstance(intent, Settings):
        return intent.repo if intent.private is False else None
    return intent.target if isinstance(intent, Duplicate | Move) else None


def digest_of(tree: Listing) -> str:
    """Hex sha256 of a tree: the canonical JSON of path, bytes, sha256 and git blob of each file."""
    return hashlib.sha256(canonical([list(file) for file in tree.files])).hexdigest()


def made_by(answer: bytes) -> str:
    """The commit that an answer of the hub names; empty if it names none."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    found = value.get("commitOid") or value.get("mergeCommitId") if isinstance(value, dict) else ""
    return found[:64] if isinstance(found, str) else ""


def repos_of(intent: Intent) -> tuple[str, ...]:
    """Every ``namespace/name`` that it touches; ``namespace/*`` for a list of all there."""
    if isinstance(intent, Read) and intent.namespace:
        return (f"{intent.namespace}/*",)
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
