# SPDX-License-Identifier: Apache-2.0
"""A release and its evidence, read and verified once, as the one value that rules see.

Shared by every trip that judges. On the hook's path: nothing heavy is imported before there is a
signature to check. Not responsible for the verdict; ``core/judge.py`` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.evidence import Evidence
from hubpolicy.core.filetypes import (
    classify,
    declares_remote_code,
    is_plain_text,
    is_plainly_inert,
    kind_of_name,
    may_declare_code,
)
from hubpolicy.core.paths import path_findings
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.verify import VerifiedModelSignature, VerifiedStatement
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import EvidenceFile, ListedFile, Listing, Manifest
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import ReleaseReader

# First bytes cannot change what these names say, and weights are not read for nothing.
_FINAL = frozenset(("weight", "pickle", "code"))


def assemble(
    reader: ReleaseReader, target: RepoId | None, policy: Policy, trust: Trust, now: str
) -> Evidence:
    """Everything that is known about a release at ``now`` (ISO 8601 UTC).

    Raises:
        ServiceError: an evidence file or a configuration cannot be read.

    """
    return _assemble(reader, target, policy, trust, now, lambda here, _: here)


def assemble_part(
    reader: ReleaseReader, target: RepoId | None, policy: Policy, trust: Trust, now: str
) -> Evidence:
    """The same for somebody who has some files of a release; never for a gate.

    What the release line names and is not here is taken from its word (``core/partial.py``).
    Raises as :func:`assemble` does.
    """
    from hubpolicy.core.partial import fill_up

    return _assemble(reader, target, policy, trust, now, fill_up)


def _assemble(
    reader: ReleaseReader,
    target: RepoId | None,
    policy: Policy,
    trust: Trust,
    now: str,
    judged: Callable[[Manifest, tuple[VerifiedStatement, ...]], Manifest],
) -> Evidence:
    files = reader.evidence_files()
    # Signatures first: a reader over git reads the other files meanwhile.
    lines, unproven = _verify_lines(files, trust, now)
    manifest = judged(reader.manifest, lines)
    signature, wrong = _verify_files(files, lines, trust, manifest, now, unread=bool(unproven))
    rejected = _together(unproven + wrong)
    return Evidence(
        target=target,
        manifest=manifest,
        listing=None,
        lines=lines,
        rejected=rejected,
        refusals=reader.findings,
        evidence_paths=tuple(file.path for file in files),
        remote_code=remote_code_of(reader),
        heads=heads_of(reader),
        policy=policy,
        trust=trust,
        now=now,
        model_signature=signature,
    )


def assemble_again(
    evidence: Evidence, files: tuple[EvidenceFile, ...], policy: Policy, trust: Trust, now: str
) -> Evidence:
    """The same bytes with the same evidence files, under what is trusted now. Reads nothing."""
    lines, unproven = _verify_lines(files, trust, now)
    signature, wrong = _verify_files(
        files, lines, trust, evidence.manifest, now, unread=bool(unproven)
    )
    return evidence._replace(
        lines=lines, rejected=_together(unproven + wrong), policy=policy, trust=trust, now=now,
        model_signature=signature,
    )  # fmt: skip


def assemble_listing(
    listing: Listing,
    files: tuple[EvidenceFile, ...],
    target: RepoId,
    policy: Policy,
    trust: Trust,
    now: str,
) -> Evidence:
    """The same from a hub listing and the evidence files that were read from it.

    Contents are not at hand: nothing is known of remote code or first bytes beyond the digests
    that the release line states.
    """
    lines, unproven = _verify_lines(files, trust, now)
    signature, wrong = _verify_files(files, lines, trust, None, now, unread=bool(unproven))
    rejected = _together(unproven + wrong)
    # JSON can hold halves of characters: as bytes they are no UTF-8, which HP401 says.
    paths = (file.path.encode("utf-8", "surrogatepass") for file in listing.files)
    refusals = path_findings((path, "100644") for path in paths)
    return Evidence(
        target=target,
        manifest=None,
        listing=listing._replace(files=tuple(map(_spelt, listing.files))),
        lines=lines,
        rejected=rejected,
        refusals=refusals,
        evidence_paths=tuple(file.path for file in files),
        remote_code=(),
        heads=(),
        policy=policy,
        trust=trust,
        now=now,
        model_signature=signature,
    )


def _spelt(file: ListedFile) -> ListedFile:
    """A path that is no text under a name that can be shown and hashed; HP401 refused it."""
    return file._replace(path=file.path.encode("utf-8", "backslashreplace").decode("utf-8"))


def _together(rejected: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if len(rejected) <= 1:
        return rejected
    from hubpolicy.core.alike import together

    return together(rejected)


def _verify_lines(
    files: tuple[EvidenceFile, ...], trust: Trust, now: str
) -> tuple[tuple[VerifiedStatement, ...], tuple[Finding, ...]]:
    if not files:
        return (), ()
    from hubpolicy.core.verify import verify_lines

    return verify_lines(files, trust, now=now)


def _verify_files(
    files: tuple[EvidenceFile, ...],
    lines: tuple[VerifiedStatement, ...],
    trust: Trust,
    manifest: Manifest | None,
    now: str,
    *,
    unread: bool,
) -> tuple[VerifiedModelSignature | None, tuple[Finding, ...]]:
    """``model.sig``, and that every evidence file is one that a verified line names.

    ``unread``: there are lines that did not verify.
    """
    if not files:
        return None, ()
    from hubpolicy.core.evidence_files import check_files
    from hubpolicy.core.verify import check_model_signature

    signature, wrong = check_model_signature(files, trust, manifest, now=now)
    return signature, wrong + check_files(files, lines, trust, unread=unread)


def remote_code_of(reader: ReleaseReader) -> tuple[str, ...]:
    """Paths whose content makes a loader import code, or cannot be ruled out to."""
    looked_at = (
        path for path, size, _, _ in reader.manifest.entries if may_declare_code(path, size)
    )
    return tuple(path for path in looked_at if _declares(reader.read(path)))


def _declares(config: bytes) -> bool:
    try:
        return bool(declares_remote_code(config))
    except MalformedError:
        return True


def heads_of(reader: ReleaseReader) -> tuple[tuple[str, bytes], ...]:
    """First bytes, where they say something that the name does not."""
    found = []
    for path, size, _, _ in reader.manifest.entries:
        plain = is_plainly_inert(path, size)
        if not plain and kind_of_name(path, size) in _FINAL:
            continue
        try:
            head = reader.head(path)
        except ServiceError:
            continue  # an LFS object that is not on this disk: its name and size must do
        if plain and is_plain_text(path, head):
            continue
        if classify(path, size, head) != kind_of_name(path, size):
            found.append((path, head))
    return tuple(found)
