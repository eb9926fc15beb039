# SPDX-License-Identifier: Apache-2.0
"""``baseline.json``: what stood on the hub before there was a policy, listed and signed.

A list of exact revisions (repository and commit id), each until a day. It says that somebody in
the role ``state`` knows of them, and nothing else: nobody judged them, no gate reads it, and an
audit shows them as BASELINE, never as ATTESTED. The form is that of the trust documents.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.documents import open_document, signers_of
from hubpolicy.core.fields import Fields
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.core.times import seconds
from hubpolicy.domain.release import parse_purl
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust

BASELINE_TYPE = "application/vnd.hubpolicy.baseline.v1+json"
SCHEMA = "hubpolicy/baseline/1"
ROLE = "state"
MOST_DAYS = 366

_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LIMIT = 4 * 1024 * 1024
_DAY = 24 * 60 * 60


class Revision(NamedTuple):
    """A commit id, and the refs that led to it when it was adopted (sorted, for people)."""

    oid: str
    refs: tuple[str, ...]


class Adopted(NamedTuple):
    """Revisions of one repository (a purl), when they were adopted, and the last day they count."""

    repo: str
    adopted: str
    until: str
    revisions: tuple[Revision, ...]


class Baseline(NamedTuple):
    """All that was adopted. Entries are sorted by repository, then by when they were adopted."""

    version: int = 0
    entries: tuple[Adopted, ...] = ()

    def find(self, repo: RepoId, oid: str, now: str) -> Adopted | None:
        """The entry that lists this very commit and has not ended; the one that ends last."""
        found = [
            entry
            for entry in self.entries
            if entry.repo == repo.purl
            and any(revision.oid == oid for revision in entry.revisions)
            and entry.until >= now[: len(entry.until)]
        ]
        return max(found, key=lambda entry: entry.until, default=None)


def extended(
    old: Baseline, found: Iterable[tuple[RepoId, tuple[Revision, ...]]], now: str, until: str
) -> Baseline:
    """The baseline with these revisions too. What it lists already stays as it is.

    Entries that ended are dropped: they mean nothing any more. Nothing new, nothing changes.
    """
    kept = [entry for entry in old.entries if entry.until >= now[: len(entry.until)]]
    added = []
    for repo, revisions in found:
        new = tuple(sorted(r for r in revisions if old.find(repo, r.oid, now) is None))
        if new:
            added.append(Adopted(repo.purl, now, until, new))
    if not added:
        return old
    return Baseline(old.version + 1, tuple(sorted((*kept, *added))))


def require_until(until: str, now: str) -> None:
    """A baseline ends, and not in the far future.

    Raises:
        ConfigError: the day has passed, or is more than a year ahead.

    """
    left = seconds(until) - seconds(now[:10])
    if not 0 <= left <= MOST_DAYS * _DAY:
        message = f"got {until}, expected a day from today to {MOST_DAYS} days ahead; it is {now}"
        raise ConfigError(message, hint="hubpolicy adopt REPO --until YYYY-MM-DD")


def baseline_payload(baseline: Baseline) -> bytes:
    """The bytes of a baseline to sign.

    Raises:
        ConfigError: nobody could read it.

    """
    payload = canonical(
        {
            "schema": SCHEMA,
            "version": baseline.version,
            "entries": [
                {
                    "repo": entry.repo,
                    "adopted": entry.adopted,
                    "until": entry.until,
                    "revisions": [
                        {"oid": revision.oid, "refs": list(revision.refs)}
                        for revision in entry.revisions
                    ],
                }
                for entry in baseline.entries
            ],
        }
    )
    parse_baseline(payload, where="the baseline to sign")
    return payload


def parse_baseline(payload: bytes, *, where: str = "baseline.json") -> Baseline:
    """Payload bytes to a value; its signatures are not looked at.

    Raises:
        ConfigError: malformed, empty, or over 4 MiB.

    """
    try:
        fields = Fields(parse(payload, what=where, limit=_LIMIT), where)
        fields.one_of("schema", (SCHEMA,))
        entries = tuple(_entry(item) for item in fields.objects("entries"))
        baseline = Baseline(fields.count("version", low=1), entries)
        if not entries or list(entries) != sorted(entries):
            fields.refuse("entries", "one or more, sorted")
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy adopt makes it anew") from error
    return baseline


def _entry(fields: Fields) -> Adopted:
    entry = Adopted(
        repo=fields.words("repo"),
        adopted=fields.instant("adopted"),
        until=fields.date("until"),
        revisions=tuple(_revision(item) for item in fields.objects("revisions")),
    )
    try:
        parse_purl(entry.repo)
    except MalformedError:
        fields.refuse("repo", "the package URL of a repository")
    oids = [revision.oid for revision in entry.revisions]
    if not oids or len(set(oids)) != len(oids):
        fields.refuse("revisions", "one or more, each commit once")
    if not 0 <= seconds(entry.until) - seconds(entry.adopted[:10]) <= MOST_DAYS * _DAY:
        fields.refuse("until", f"a day within {MOST_DAYS} days of when it was adopted")
    fields.done()
    return entry


def _revision(fields: Fields) -> Revision:
    revision = Revision(fields.text("oid"), fields.texts("refs"))
    if not _OID.fullmatch(revision.oid):
        fields.refuse("oid", "a commit id of 40 or 64 lower-case hex digits")
    fields.done()
    return revision


def verify_baseline(
    raw: bytes, trust: Trust, policy: Policy, *, where: str = "baseline.json"
) -> Baseline:
    """What enough people of the role ``state`` signed, as far as this policy speaks for it.

    Keys and payloads that the state revokes do not count; repositories outside of the policy's
    namespaces (where it names any) are left out.

    Raises:
        ConfigError: malformed.
        VerificationError: too few signatures, or revoked as a whole.

    """
    baseline, signed = signed_by(raw, trust, where=where)
    needed = threshold(trust)
    if len(signed) < needed:
        message = f"got {len(signed)} of {needed} signatures of role {ROLE}, in {where}"
        raise VerificationError(message, hint="hubpolicy trust show lists who can sign")
    known = {*policy.namespaces, *policy.workspaces}
    entries = tuple(
        entry
        for entry in baseline.entries
        if not policy.namespaces or parse_purl(entry.repo).namespace in known
    )
    return baseline._replace(entries=entries)


def signed_by(raw: bytes, trust: Trust, *, where: str) -> tuple[Baseline, frozenset[str]]:
    """The baseline, and whose signatures under it count.

    Raises:
        ConfigError: malformed.
        VerificationError: a signature does not hold, or the baseline was revoked.

    """
    try:
        envelope = open_document(raw, BASELINE_TYPE, where=where)
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy adopt makes it anew") from error
    if hashlib.sha256(envelope.payload).hexdigest() in trust.state.revoked_payloads:
        message = f"the baseline was revoked, in {where}"
        raise VerificationError(message, hint="remove it, then hubpolicy adopt makes another")
    gone = trust.state.revoked_keys
    counted = tuple(each for each in envelope.signatures if each.keyid not in gone)
    signed = signers_of(envelope._replace(signatures=counted), trust.root, ROLE, where=where)
    return parse_baseline(envelope.payload, where=where), signed


def threshold(trust: Trust) -> int:
    """How many people must sign it."""
    holders = trust.root.role(ROLE)
    return 1 if holders is None else holders.threshold
