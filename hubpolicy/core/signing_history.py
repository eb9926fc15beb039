# SPDX-License-Identifier: Apache-2.0
"""Who signed what when: the release lines that an audit met, each once, in the order of their time.

Only lines whose signature holds today are history: by a key of the trust root that nobody revoked.
A time is the signer's word unless an authority proves it; it then is the proven one. So the order
is the signers' word, too: who takes over may sign a line of years ago and stand first. Where more
than one key signed, the first line of each therefore has a remark, whichever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import times
from hubpolicy.core.lines import select, short, subjects_dir_hash, whole
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubpolicy.core.evidence import Evidence

    PolicyOf = Callable[[str], tuple[str, int]]
    """From a policy's hex sha256 to its id and version; ``("", 0)`` where it is not known."""

_APART_SECONDS = 86400
"""Attesting stamps right after it signs: a timestamp that is a day younger proves another time."""


class Signing(NamedTuple):
    """One release line. ``policy``: id, version (0 = not known), hex sha256.

    ``time`` is what the authorities in ``proof`` prove (ISO 8601 UTC), else what the line
    ``declares``. ``target`` is the purl that it was made for.
    """

    payload_sha256: str
    keyid: str
    principal: str
    role: str
    time: str
    declares: str
    proof: str
    policy: tuple[str, int, str]
    dir_hash: str
    target: str


class Signed(NamedTuple):
    """A line with the refs that show it today (none: only commits before a tip) and a remark.

    The remark is what stands out beside the lines before it; empty if nothing does.
    """

    signing: Signing
    refs: tuple[str, ...]
    remark: str


def signings(evidence: Evidence, policy_of: PolicyOf) -> tuple[Signing, ...]:
    """The release lines of one tree that verify."""
    found = []
    for line, summary in select(evidence.lines, ReleaseSummary):
        stamp = min((each.time for each in line.stamps), default="")
        sha256 = summary.policy_sha256
        found.append(
            Signing(
                line.payload_sha256,
                line.keyid,
                line.principal,
                ", ".join(sorted(line.roles)),
                stamp or summary.time_verified,
                summary.time_verified,
                ", ".join(dict.fromkeys(each.authority for each in line.stamps)),
                (*policy_of(sha256), sha256),
                whole(line.statement) or subjects_dir_hash(line.statement),
                summary.resource_uri,
            )
        )
    return tuple(found)


def history(met: Iterable[tuple[str, Signing]], purl: str) -> tuple[Signed, ...]:
    """Of (ref, line) as they were met in one repository: each line once, oldest first.

    ``ref`` is empty for a commit before a tip. A line that two commits carry knows as much of its
    policy as either does. What was made for another repository than ``purl`` says so.
    """
    refs: dict[tuple[str, str], list[str]] = {}
    lines: dict[tuple[str, str], Signing] = {}
    for ref, signing in met:
        key = (signing.payload_sha256, signing.keyid)
        kept = lines.setdefault(key, signing)
        if signing.policy[1] > kept.policy[1]:
            lines[key] = signing
        shown = refs.setdefault(key, [])
        if ref and ref not in shown:
            shown.append(ref)
    ordered = sorted(lines, key=lambda key: (lines[key].time, key))
    seen = _Seen(_keys_of(lines.values(), purl))
    return tuple(
        Signed(lines[key], tuple(refs[key]), seen.remark(lines[key], purl)) for key in ordered
    )


class _Seen:
    """What the lines before one said."""

    def __init__(self, several: int) -> None:
        self._several = several
        self._before: Signing | None = None
        self._keys: dict[str, str] = {}
        self._met: set[tuple[str, str]] = set()

    def remark(self, signing: Signing, purl: str) -> str:
        """What is new in this line; it is one of those before from then on."""
        said = []
        if signing.target != purl:
            said.append(f"made for {signing.target}")
        else:
            person = self._person(signing)
            key = (signing.principal, signing.keyid)
            if person and key not in self._met and not signing.proof:
                person[-1] += " (time self-declared)"
            said += [*person, *self._policy(signing)]
            self._keys[signing.principal] = signing.keyid
            self._met.add(key)
            self._before = signing
        if _apart(signing):
            said.append(f"declares {signing.declares}, which nobody proves")
        return "; ".join(said)

    def _person(self, signing: Signing) -> list[str]:
        before, known = self._before, self._keys.get(signing.principal)
        if before is None:
            first = f"first of {self._several} keys: {signing.principal}, {short(signing.keyid)}"
            return [first] if self._several > 1 else []
        if known is None:
            return [f"new signer {signing.principal}"]
        if known != signing.keyid:
            keys = f"{short(signing.keyid)}, {short(known)} before"
            return [f"another key of {signing.principal}: {keys}"]
        # Two releasers of the same bytes sign side by side: neither takes the other's place.
        if before.principal != signing.principal and before.dir_hash != signing.dir_hash:
            return [f"another signer than before: {before.principal}"]
        return []

    def _policy(self, signing: Signing) -> list[str]:
        before = self._before
        if before is None or before.policy[2] == signing.policy[2]:
            return []
        (_, old, was), (_, new, now) = before.policy, signing.policy
        if not old or not new:
            return [f"another policy: {short(now)}, {short(was)} before"]
        older = "an older policy" if new < old else "another policy"
        return [f"{older}: version {new}, {old} before"]


def _keys_of(lines: Iterable[Signing], purl: str) -> int:
    """With how many keys, and under how many names each, a repository's own lines were signed."""
    return len({(line.principal, line.keyid) for line in lines if line.target == purl})


def _apart(signing: Signing) -> bool:
    late = times.seconds(signing.time) - times.seconds(signing.declares)
    return bool(signing.proof) and late > _APART_SECONDS
