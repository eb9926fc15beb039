# SPDX-License-Identifier: Apache-2.0
"""The only thing rules see: a release, what was proven about it, and the moment of judging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedModelSignature, VerifiedStatement
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import Listing, Manifest
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.statement import FirstRelease
    from hubpolicy.domain.trust import Trust


class Evidence(NamedTuple):
    """Frozen input of every rule.

    ``target`` is None where the destination is not known (a bare folder). ``manifest`` holds what
    is judged; where only a hub listing is known, ``listing`` does and ``manifest`` is None.
    ``lines`` verified; ``rejected`` says why other evidence did not. ``refusals`` come from the
    reader (paths, modes, unreadable files). ``code`` and ``heads`` are what the reader saw in
    small files: paths that declare remote code, and the first bytes of files whose name does not
    tell their type. ``first_released`` is what earlier release lines proved of these runs,
    where the new one is not signed yet. ``now`` is ISO 8601 UTC (``2026-11-22T15:00:00Z``).
    """

    target: RepoId | None
    manifest: Manifest | None
    listing: Listing | None
    lines: tuple[VerifiedStatement, ...]
    rejected: tuple[Finding, ...]
    refusals: tuple[Finding, ...]
    evidence_paths: tuple[str, ...]
    remote_code: tuple[str, ...]
    heads: tuple[tuple[str, bytes], ...]
    policy: Policy
    trust: Trust
    now: str
    model_signature: VerifiedModelSignature | None = None
    first_released: tuple[FirstRelease, ...] = ()
