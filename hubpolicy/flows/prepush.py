# SPDX-License-Identifier: Apache-2.0
"""The hook's trip: every ref that a push would change, judged by the bytes that would leave.

What is judged: a commit whose tree holds weights or LFS files, and every push to a model
repository of a hub; but for remotes that the governing policy exempts, which are never a hub's
model repository. Content that the remote has already is looked at by name only: this push does
not release it. Besides the tips, every weight in the history that would be sent is in a release
that passed, or HP601. Not responsible for the LFS upload, nor for what a person reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from hubpolicy.core.filetypes import some_named_like_weights
from hubpolicy.core.remotes import is_named
from hubpolicy.core.rules import hp601, hp703
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.rules.hp601 import SentBlob
    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.refs import Push, RefUpdate
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import ReleaseReader

Kind = Literal["deleted", "no release", "exempt", "judged"]


class PushedRepository(Protocol):
    """The repository that is pushed from, seen by object id only."""

    def names(self, oid: str) -> tuple[tuple[str, str], ...]:
        """(path, blob id) of every file in the tree of a commit or of a tag's commit."""

    def release(self, oid: str) -> ReleaseReader:
        """The release in that tree."""

    def expect(self, new: Iterable[str], remote: str, url: str, known: Iterable[str]) -> None:
        """A hint that ``names`` and ``sent`` will be asked this."""

    def sent(
        self,
        new: Iterable[str],
        remote: str,
        url: str,
        known: Iterable[str],
        also: Iterable[str] = (),
    ) -> tuple[SentBlob, ...]:
        """Every blob that the remote does not have yet; releases of ``also`` are asked for next."""


class Gate(NamedTuple):
    """What a release is judged by. ``now`` is ISO 8601 UTC."""

    policy: Policy
    trust: Trust
    now: str


class Judged(NamedTuple):
    """A release with its evidence and the verdict on it."""

    reader: ReleaseReader
    evidence: Evidence
    decision: Decision


class RefVerdict(NamedTuple):
    """What becomes of one line of git's input. ``judged`` is set where ``kind`` says so."""

    update: RefUpdate
    kind: Kind
    judged: Judged | None = None

    @property
    def passed(self) -> bool:
        """True if this ref may go."""
        return self.judged is None or self.judged.decision.verdict == "passed"


class PushVerdict(NamedTuple):
    """All refs, and what is wrong with the history between them and what the remote has.

    ``outside_lfs``: what a hub will reject, in whichever commit: blobs too large for plain git.
    """

    target: RepoId | None
    refs: tuple[RefVerdict, ...]
    history: tuple[Finding, ...]
    outside_lfs: tuple[SentBlob, ...] = ()


def judge_push(
    push: Push,
    target: RepoId | None,
    repository: PushedRepository,
    gate: Callable[[], Gate],
    judge: Callable[[ReleaseReader, Gate], Judged],
) -> PushVerdict:
    """Judge every ref of a push. ``gate`` is asked for only if something is to be released.

    Raises:
        HubpolicyError: whatever keeps us from deciding; the push must not go on.

    """
    new, known = objects_of(push)
    names = {oid: repository.names(oid) for oid in new}
    to_model = target is not None and target.repo_type == "model"
    released = {oid for oid in new if to_model or _names_weights(names[oid])}
    sent = repository.sent(new, push.remote, push.url, known, sorted(released))
    weights = {blob.oid: blob for blob in sent if blob.is_pointer or hp601.is_weight(blob)}
    if weights:
        released |= {oid for oid in new if any(blob in weights for _, blob in names[oid])}
    if (released or weights) and not to_model and is_named(push.url, gate().policy.exempt):
        refs = tuple(_ref(update, {})._replace(kind="exempt") for update in push.updates)
        revoked = gate().trust.state.revoked_files  # what was withdrawn goes nowhere
        return PushVerdict(target, refs, hp703.check_sent(weights.values(), revoked))
    judged = {oid: judge(repository.release(oid), gate()) for oid in new if oid in released}
    refs = tuple(_ref(update, judged) for update in push.updates)
    seen = {blob for listed in names.values() for _, blob in listed} if weights else set()
    hidden = [blob for oid, blob in weights.items() if oid not in seen]
    large = (b for b in sent if to_model and not b.is_pointer and b.size > GIT_BLOB_LIMIT)
    return PushVerdict(target, refs, _check_history(hidden, judged.values(), gate), tuple(large))


def objects_of(push: Push) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The object ids that would become refs there, and those that the remote named itself."""
    new = dict.fromkeys(update.local_oid for update in push.updates if not update.deletes)
    known = dict.fromkeys(update.remote_oid for update in push.updates if not update.creates)
    return tuple(new), tuple(known)


def _names_weights(names: tuple[tuple[str, str], ...]) -> bool:
    return some_named_like_weights(path for path, _ in names)


def _ref(update: RefUpdate, judged: dict[str, Judged]) -> RefVerdict:
    if update.deletes:
        return RefVerdict(update, "deleted")
    found = judged.get(update.local_oid)
    return RefVerdict(update, "no release" if found is None else "judged", found)


def _check_history(
    hidden: list[SentBlob], judged: Iterable[Judged], gate: Callable[[], Gate]
) -> tuple[Finding, ...]:
    if not hidden:
        return ()
    passed = (one for one in judged if one.decision.verdict == "passed")
    covered = frozenset(sha256 for one in passed for sha256 in _digests(one.evidence))
    # A release that is judged says it itself; what hides behind it blocks in every mode, too.
    revoked = gate().trust.state.revoked_files
    found = (*hp601.check(hidden, covered), *hp703.check_sent(hidden, revoked))
    return tuple(_weigh(finding, gate().policy) for finding in found)


def _digests(evidence: Evidence) -> Iterable[str]:
    return () if evidence.manifest is None else (e.sha256 for e in evidence.manifest.entries)


def _weigh(finding: Finding, policy: Policy) -> Finding:
    setting = policy.setting(finding.rule)
    return finding if setting is None else finding._replace(severity=setting.severity)
