# SPDX-License-Identifier: Apache-2.0
"""What ``hubpolicy push`` does first where a gateway is before the hub: its evidence goes ahead.

A gateway lets nobody make a repository, or announce large files, of which it knows no release. Only
evidence goes, and only of a release that passed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import EvidenceFile, Manifest
    from hubpolicy.domain.release import RepoId


def send_ahead(manifest: Manifest | None, files: tuple[EvidenceFile, ...], repo: RepoId) -> None:
    """To the gateway that ``gateways.toml`` names; nothing is done where it names none.

    Raises:
        AccessError, ServiceError: the gateway does not take it from this login, or not now.
        VerificationError: by the gateway's policy it does not pass.

    """
    if not repo.hub or manifest is None:
        return
    from hubpolicy.adapters.gateway_client import submit
    from hubpolicy.adapters.login import login_token
    from hubpolicy.core.submission import Submission, make_submission

    sizes = tuple(manifest.sizes.items())
    document = make_submission(Submission(sizes, files))
    answered = submit(repo.endpoint, login_token() or "", repo, document)
    if answered.verdict != "passed":
        why = "; ".join(f"{rule} {message}" for rule, message, _ in answered.findings)
        message = f"the gateway at {repo.endpoint} says {answered.verdict}: {why[:500]}"
        fixes = (fix for _, _, fix in answered.findings if fix)
        raise VerificationError(message, hint=next(fixes, "ask who runs it for its policy"))
