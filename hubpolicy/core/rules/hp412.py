# SPDX-License-Identifier: Apache-2.0
"""HP412: a file in the evidence folder that no verified line accounts for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import EVIDENCE_FOLDER, MODEL_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP412"
TITLE = "every evidence file is known and referenced"
SEVERITY = Severity.ERROR

EvidenceKind = Literal["signature", "release", "approval", "policy", "records"]

NAMED_BY_DIGEST: tuple[tuple[str, str, EvidenceKind], ...] = (
    ("approvals/", ".jsonl", "approval"),
    ("policy/", ".json", "policy"),
    ("evidence/", ".jsonl.gz", "records"),
)
"""(folder, ending, kind); between both stand 64 lower-case hex digits."""

RELEASE_LINES = EVIDENCE_FOLDER + "release.intoto.jsonl"
_HEX = frozenset("0123456789abcdef")


def evidence_kind(path: str) -> EvidenceKind | None:
    """Which kind of evidence file this path is, or None if there is no such kind."""
    if path == MODEL_SIGNATURE:
        return "signature"
    if path == RELEASE_LINES:
        return "release"
    rest = path.removeprefix(EVIDENCE_FOLDER)
    for folder, ending, kind in NAMED_BY_DIGEST:
        name = rest.removeprefix(folder).removesuffix(ending)
        if rest != path and rest == folder + name + ending and _is_digest(name):
            return kind
    return None


def named_digest(path: str) -> str | None:
    """The sha256 in the file's name, for the kinds that are named by one."""
    kind = evidence_kind(path)
    if kind in {None, "signature", "release"}:
        return None
    return path.rpartition("/")[2].partition(".")[0]


def check(
    paths: Iterable[str], referenced: frozenset[str], *, unread: bool = False
) -> tuple[Finding, ...]:
    """One finding per evidence path of no known kind, or that no verified line references.

    ``referenced``: the paths that verified lines account for. That a file's content has the digest
    in its name is for the caller to see: only then is it referenced. ``unread``: there are lines
    that did not verify here, so what is of a known kind may be theirs, and nobody is told to
    remove it.
    """
    known = {path for path in referenced if evidence_kind(path) is not None}
    always = {MODEL_SIGNATURE, RELEASE_LINES}
    return tuple(_finding(path, unread=unread) for path in sorted(set(paths) - known - always))


def _finding(path: str, *, unread: bool) -> Finding:
    fix = f"remove {path!r}; hubpolicy attest PATH writes what belongs there"
    if evidence_kind(path) is None:
        message = f"{path} is not a known kind of evidence file, and no digest covers it"
    else:
        message = f"{path} is not referenced from any verified line of this release"
        if unread:
            fix = "leave it until the lines that did not verify do: it may be theirs"
    return Finding(ID, SEVERITY, message, Location(path), fix)


def _is_digest(text: str) -> bool:
    return len(text) == 64 and _HEX.issuperset(text)
