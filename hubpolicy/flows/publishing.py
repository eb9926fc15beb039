# SPDX-License-Identifier: Apache-2.0
"""May a repository become public, and the ``publish`` trip that makes it so.

A flip publishes every branch, tag and pull request, and every commit that can be reached from them.
:func:`review` is the one judgement about that, for whoever is about to flip; under the policy in
force, now:

* ``main`` is a release that passes; so is every other branch or tag that holds weights;
* every weight in any other revision is a file of a release that passes (HP504), or is listed where
  the policy judges the refs' heads alone (``[publish] history = "tips"``);
* nothing revoked is in any of them (HP703), and no card that becomes public is under embargo.

Contents are not taken on a listing's word: of refs' heads the small files are read and hashed, the
others are listed by their sha256. Where anything was revoked, so are the history's small files.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.card.embargo import is_embargoed
from hubpolicy.core.judge import judge
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.lines import digests, select, signed_digests
from hubpolicy.core.listed_weights import digest_of, publishes_weights
from hubpolicy.core.rules import hp501, hp505
from hubpolicy.domain.finding import Decision, Finding, Location, Severity, verdict_of
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import ServiceError
from hubpolicy.flows.assemble import assemble, assemble_listing
from hubpolicy.flows.auditing import RefVerdict
from hubpolicy.flows.fetching import read_evidence
from hubpolicy.flows.flipping import MAIN, PULL_REQUESTS, changed, flip, head_of
from hubpolicy.flows.listed import ListedRelease
from hubpolicy.flows.revoked import Revoked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.manifest import Listing, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.verifying import Law
    from hubpolicy.ports import Hub, Progress, RemoteRef

HISTORY = "HP504"
CARD = "README.md"


class Review(NamedTuple):
    """What would become public. ``refs`` are those that hold weights, and ``main``."""

    refs: tuple[RefVerdict, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True if nothing speaks against it."""
        return verdict_of(self.findings) == "passed"


class Known(NamedTuple):
    """What whoever publishes has judged, sent and seen of a repository: it is not read again.

    ``passed``: commits whose tree was judged, passed, and was compared with what stands there, with
    that of the card in them: ``embargoed``. ``listings``: trees of other commits. ``pieces``:
    commits of ours, each on the one before, that brought some of what stands in ``passed`` and took
    away what it has not; so whatever they show, their first parent shows or ``passed`` holds.
    """

    passed: Mapping[str, Manifest] = MappingProxyType({})
    embargoed: bool = False
    listings: Mapping[str, Listing] = MappingProxyType({})
    pieces: frozenset[str] = frozenset()


class Published(NamedTuple):
    """What came of a publication. ``public`` is how the repository stands now."""

    decision: Decision
    refs: tuple[RefVerdict, ...]
    oid: str
    public: bool
    note: str


def publish(
    repo: RepoId, hub: Hub, law: Law, progress: Progress, *, writing: bool = True
) -> Published:
    """Make a private repository public, or say why not. One that is public is judged and left so.

    Raises:
        AccessError: the hub does not know or does not allow this login.
        ServiceError: there is no such repository, or the hub failed; it says what stands there.

    """
    before = hub.repo(repo)
    if not before.exists:
        message = f"there is no {repo.text} on the hub, or this login cannot see it"
        raise ServiceError(message, hint=f"hubpolicy push PATH {repo.text} --stage-only makes it")
    refs = hub.refs(repo)
    found = review(repo, hub, law, refs, progress)
    if not before.private:
        # An embargo is for what waits: on what is public already it would forbid what was done.
        kept = tuple(finding for finding in found.findings if finding.rule != hp501.ID)
        found = found._replace(findings=kept)
    done = Published(
        Decision(verdict_of(found.findings), found.findings), found.refs, head_of(refs),
        public=not before.private, note="",
    )  # fmt: skip
    if not before.private:
        return done._replace(note="was public before; nothing was changed")
    if not found.passed or not writing:
        return done
    findings, public = flip(repo, hub, refs)
    if findings:
        return done._replace(decision=blocked(done.decision, findings), public=public)
    return done._replace(public=True)


def review(
    repo: RepoId,
    hub: Hub,
    law: Law,
    refs: tuple[RemoteRef, ...],
    progress: Progress,
    known: Known = Known(),  # noqa: B008 - a frozen value
) -> Review:
    """Judge everything that a flip of the repository would publish. Only reads.

    Raises:
        ConfigError: policy or trust expired, or a release's own policy loosens it.
        AccessError, ServiceError: something could not be read, so that it could not be judged.

    """
    heads: dict[str, list[str]] = {}
    commits: dict[str, str] = {}
    for ref in refs:
        heads.setdefault(ref.oid, []).append(ref.name)
        if ref.oid not in commits:
            commits |= {oid: ref.name for oid in hub.history(repo, ref.oid) if oid not in commits}
    reading = _Reading(repo, hub, law, progress, known)
    advance = progress.start("reading history", len(commits), "commits")
    for oid, names in heads.items():
        reading.head(oid, tuple(names))
        advance(1)
    for oid, name in commits.items():
        if oid not in heads:
            reading.past(oid, name)
            advance(1)
    return reading.close(MAIN in {ref.name for ref in refs})


class _Weight(NamedTuple):
    """A weight file that becomes public: where it was seen first."""

    path: str
    oid: str
    name: str
    tip: bool


class _Refused(NamedTuple):
    """A branch or tag beside ``main`` that does not pass, with what keeps it from that."""

    place: str
    weights: tuple[str, ...]
    errors: tuple[Finding, ...]


class _Reading:
    """What was read so far. Of each revision only weights without evidence are kept in mind."""

    def __init__(self, repo: RepoId, hub: Hub, law: Law, progress: Progress, known: Known) -> None:
        self._repo, self._hub, self._law, self._progress = repo, hub, law, progress
        self._known = known
        self._covered: set[str] = set()
        self._weights: dict[str, _Weight] = {}
        self._verdicts: list[RefVerdict] = []
        self._refused: list[_Refused] = []
        self._found: list[Finding] = []
        self._revoked = Revoked(repo, hub, law.trust.state.revoked_files)
        for manifest in known.passed.values():
            self._judged(manifest)

    def head(self, oid: str, names: tuple[str, ...]) -> None:
        """Judge where refs stand. Pull requests become history, and are judged like it."""
        place = next((n for n in names if n == MAIN), names[0])
        strict = tuple(name for name in names if not name.startswith(PULL_REQUESTS))
        if oid in self._known.passed:
            self._card(oid, place, embargoed=self._known.embargoed)
            self._add(oid, names, "")
            return
        listed = ListedRelease(self._repo, oid, self._hub, self._progress)
        if not (MAIN in names or any(map(publishes_weights, listed.listing.files))):
            self._found += self._revoked.find(listed.listing, oid, place)
            return
        evidence = self._evidence(listed)
        decision = judge(evidence)
        if decision.verdict == "passed":
            manifest = listed.manifest
            self._judged(manifest)
            self._released(evidence)
            self._add(oid, names, "", evidence, manifest.dir_hash)
            if strict:
                self._card(oid, place, embargoed=is_embargoed(_card_of(listed)))
            return
        self._note(listed.listing, oid, place, tip=True)
        errors = tuple(f for f in decision.findings if f.severity is Severity.ERROR)
        self._add(oid, names, f"{errors[0].rule} {errors[0].message}", evidence)
        weights = tuple(digest_of(f) for f in listed.listing.files if publishes_weights(f))
        if MAIN in names:
            self._found += decision.findings
        elif strict:
            self._refused.append(_Refused(f"{place} at {oid[:12]}", weights, errors))
        if weights and not self._revoked.told(weights):
            embargoed = is_embargoed(_card_of(listed))
            self._found += hp501.check(self._repo.text, place, embargoed=embargoed)

    def past(self, oid: str, name: str) -> None:
        """Judge what only a commit id leads to, if there is a weight that is not covered yet."""
        if oid in self._known.pieces:
            return
        listing = self._known.listings.get(oid) or self._hub.listing(self._repo, oid)
        if not self._note(listing, oid, name, tip=False):
            return
        if all(file.path != RELEASE_FILE for file in listing.files):
            return
        files = read_evidence(self._repo, oid, listing, self._hub)
        law = self._law
        evidence = assemble_listing(listing, files, self._repo, law.policy, law.trust, law.now)
        if judge(evidence).verdict == "passed":
            self._released(evidence)

    def close(self, has_main: bool) -> Review:
        """Everything together: only now is it known which weights nothing covers."""
        if not has_main:
            self._found.append(changed(self._repo, "there is no main branch to be judged"))
        for refused in self._refused:
            # Where weights of its own are unjudged, that says it; else something else is wrong.
            if self._covered.issuperset(refused.weights):
                said = (f._replace(message=f"{refused.place}: {f.message}") for f in refused.errors)
                self._found += said
        bare = {d: weight for d, weight in self._weights.items() if d not in self._covered}
        tips_only = self._law.policy.history == "tips"
        shown: dict[tuple[str, bool], Finding] = {}
        for digest, weight in bare.items():
            if self._revoked.told((digest,)):
                continue  # HP703 says it
            spared = tips_only and not weight.tip
            shown.setdefault((weight.path, spared), self._unjudged(weight, spared=spared))
        unjudged = (finding for _, finding in sorted(shown.items()))
        return Review(tuple(self._verdicts), tuple(dict.fromkeys((*self._found, *unjudged))))

    def _evidence(self, listed: ListedRelease) -> Evidence:
        law, policy = self._law, self._law.policy
        if law.under is not None and any(f.path == CHILD_FILE for f in listed.listing.files):
            policy = law.under(listed.read(CHILD_FILE))
        return assemble(listed, self._repo, policy, law.trust, law.now)

    def _card(self, oid: str, place: str, *, embargoed: bool) -> None:
        self._found += hp505.check(f"{place} ({oid[:12]})", embargoed=embargoed)

    def _note(self, listing: Listing, oid: str, name: str, *, tip: bool) -> bool:
        """Keep in mind what is not covered; True if there is anything."""
        bare = False
        self._found += self._revoked.find(listing, oid, name)
        for file in listing.files:
            if digest_of(file) in self._covered or not publishes_weights(file):
                continue
            bare = True
            known = self._weights.get(digest_of(file))
            if known is None or (tip and not known.tip):
                self._weights[digest_of(file)] = _Weight(file.path, oid, name, tip)
        return bare

    def _judged(self, manifest: Manifest) -> None:
        self._cover(manifest.digests.values())
        self._revoked.clear(entry.git_blob for entry in manifest.entries)

    def _released(self, evidence: Evidence) -> None:
        """The same bytes may have stood in git itself before Git LFS kept them, or after."""
        self._cover(digests(evidence).values())
        for line, _ in select(evidence.lines, ReleaseSummary)[-1:]:
            self._covered |= signed_digests(line, digests(evidence))

    def _cover(self, digests: Iterable[tuple[str | None, str | None]]) -> None:
        self._covered.update(digest for pair in digests for digest in pair if digest)

    def _add(
        self,
        oid: str,
        names: tuple[str, ...],
        why_not: str,
        evidence: Evidence | None = None,
        dir_hash: str = "",
    ) -> None:
        verdict = RefVerdict(
            self._repo, "", oid, "UNATTESTED" if why_not else "ATTESTED", why_not,
            dir_hash=dir_hash,
        )  # fmt: skip
        for line, summary in () if evidence is None else select(evidence.lines, ReleaseSummary):
            verdict = verdict._replace(time=summary.time_verified, signer=line.principal)
        self._verdicts += (verdict._replace(ref=name) for name in names)

    def _unjudged(self, weight: _Weight, *, spared: bool) -> Finding:
        text = f"{weight.path} at {weight.oid[:12]} ({weight.name}) is in no release that passes"
        what = "becomes public with its history" if spared else "a public repository shows it"
        fix = f"publish under a new name, or delete that history: hubpolicy audit {self._repo.text}"
        if weight.tip:
            # It stands there now: what its ref lacks is said beside this, and mends this too.
            fix = f"see what {weight.name} lacks: hubpolicy verify {self._repo.text}@{weight.name}"
        severity = Severity.WARNING if spared else Severity.ERROR
        return Finding(HISTORY, severity, f"{text}; {what}", Location(weight.path), fix)


def blocked(decision: Decision, findings: tuple[Finding, ...]) -> Decision:
    """The same decision, and what makes it no pass."""
    return Decision("failed", (*decision.findings, *findings), decision.waived)


def _card_of(listed: ListedRelease) -> bytes | None:
    """The card, or None: one that is kept by Git LFS is a finding of others."""
    for file in listed.listing.files:
        if file.path == CARD and file.sha256 is None:
            return listed.read(CARD)
    return None
