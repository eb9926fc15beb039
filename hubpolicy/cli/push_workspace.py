# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy push`` into a private workspace of the policy: checkpoints, which nobody judges."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hubpolicy.render.report import Report, Row

if TYPE_CHECKING:
    from hubpolicy.cli.options import Output
    from hubpolicy.cli.push_judging import Choice
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.checkpointing import Checkpoint, Stored
    from hubpolicy.ports import Hub
    from hubpolicy.render.report import Change


def store(
    path: str, repo: RepoId, place: Seat, choice: Choice, message: str, output: Output, *,
    dry_run: bool,
) -> Report:  # fmt: skip
    """Everything that lies in the folder goes, what training leaves included.

    Raises:
        ConfigError: policy or trust are out of date, so that nobody knows what was withdrawn.

    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import bytes_row, manifest_summary, with_path
    from hubpolicy.cli.wiring import folder, hub
    from hubpolicy.core.card.embargo import is_embargoed
    from hubpolicy.core.judge import require_in_force
    from hubpolicy.flows.checkpointing import Checkpoint
    from hubpolicy.flows.checkpointing import store as store_flow
    from hubpolicy.flows.differing import Wanted

    require_in_force(place.policy, place.trusted.trust, SystemClock().now())
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        reader = folder(path, bars, leftovers=True, only=choice.takes, sealing=True)
        manifest = reader.manifest
    wanted = Wanted(path, manifest, reader.evidence_files(), (), reader.seals)
    card = reader.read("README.md") if "README.md" in reader.paths else None
    text = message or f"Checkpoint {manifest.dir_hash[:12]}"
    revoked = place.trusted.trust.state.revoked_files
    what = Checkpoint(wanted, revoked, is_embargoed(card), text, choice.ref)
    client = hub(repo, bars=output.progress)
    would = None
    if dry_run:
        done, closing, would = _would(what, repo, client)
    else:
        done = store_flow(what, repo, client, Bars(shown=False, quiet=output.quiet))
        closing = _closing(done, repo)
    failed = done.decision.verdict == "failed"
    return Report(
        command="push workspace",
        title=f"hubpolicy push {shlex.quote(path)} {repo.text}",
        verdict=done.decision.verdict,
        exit_code=Exit.BLOCKED if failed else Exit.PASSED,
        findings=with_path(done.decision.findings, path, repo.text),
        rows=(
            Row("workspace", repo.namespace, "not judged, not released"),
            bytes_row(manifest),
        ),
        manifest=manifest_summary(manifest),
        solo=place.trusted.trust.root.solo,
        closing=closing,
        would=would,
    )


def _would(what: Checkpoint, repo: RepoId, client: Hub) -> tuple[Stored, str, Change]:
    from hubpolicy.cli.would_go import change_row, change_text
    from hubpolicy.domain.finding import Decision
    from hubpolicy.flows.checkpointing import Stored, additions, require_private

    standing = require_private(repo, client)
    change = additions(what, repo, client, standing.head)
    done = Stored(Decision("inconclusive"), "", 0)
    return done, change_text(change, repo), change_row(change)


def _closing(done: Stored, repo: RepoId) -> str:
    if not done.oid:
        return "Nothing was uploaded."
    if done.decision.verdict == "failed":
        shown = "public" if done.public else "private"
        return f"{repo.text} is {shown}, and nobody judged what is in it: see above."
    return (
        f"{done.uploaded} files went to {repo.endpoint}/{repo.text}, private, at {done.oid[:12]}: "
        f"not judged, not released. To release it: hubpolicy push PATH NAMESPACE/NAME"
    )
