# SPDX-License-Identifier: Apache-2.0
"""What a person reads when git pushes: one line per ref that may go, a screen per refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import short
from hubpolicy.core.remotes import redact
from hubpolicy.render.escape import terminal

if TYPE_CHECKING:
    from hubpolicy.cli.exits import Exit
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import Manifest
    from hubpolicy.domain.refs import Push, RefUpdate
    from hubpolicy.flows.prepush import Judged, PushVerdict, RefVerdict
    from hubpolicy.render.report import Report, Row

_KINDS = {"deleted": "deleted there (allowed)", "no release": "not a release"}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_NEXT = """No evidence is committed. In the folder of this commit:
    hubpolicy check .       what is wrong with the card
    hubpolicy test .        run the model and measure what it says
    hubpolicy attest .      sign both
    git add .hubpolicy model.sig .gitattributes && git commit -m "Add evidence" && git push
"""


def summary(verdict: PushVerdict) -> str:
    """One line per ref of a push that may go."""
    return "".join(f"hubpolicy: {terminal(_line(ref))}\n" for ref in verdict.refs)


def screen(push: Push, verdict: PushVerdict, code: Exit) -> str:
    """What is refused, why, on which bytes, and what to type next."""
    from hubpolicy.render.text import render

    where = terminal(f"{push.remote} ({redact(push.url)})" if push.remote != push.url else "")
    parts = [f"hubpolicy pre-push to {where or terminal(redact(push.url))}\n"]
    parts += [f"  {terminal(_line(ref))}\n" for ref in verdict.refs if ref.passed]
    refused = [(ref.update, ref.judged) for ref in verdict.refs if ref.judged and not ref.passed]
    parts += [render(_report(update, judged, code)) for update, judged in refused]
    if verdict.history:
        parts.append(render(_history_report(verdict, code)))
    if any(not judged.evidence.evidence_paths for _, judged in refused):
        parts.append(_NEXT)
    parts.append("Nothing was pushed.\n")
    return "".join(parts)


def _line(ref: RefVerdict) -> str:
    if ref.judged is None:
        return f"{ref.update.remote_ref}  {_KINDS[ref.kind]}"
    return f"{ref.update.remote_ref}  passed  {_bytes(ref.judged.reader.manifest)}"


def _report(update: RefUpdate, judged: Judged, code: Exit) -> Report:
    from hubpolicy.render.report import ManifestSummary, Report

    manifest, decision = judged.reader.manifest, judged.decision
    return Report(
        command="hook run",
        title=f"{update.local_ref} {update.local_oid[:12]} -> {update.remote_ref}",
        verdict=decision.verdict,
        exit_code=int(code),
        findings=(*_card_findings(judged), *decision.findings),
        waived=decision.waived,
        rows=_rows(judged),
        manifest=ManifestSummary(manifest.dir_hash, len(manifest.entries), manifest.bytes),
        solo=judged.evidence.trust.root.solo,
    )


def _history_report(verdict: PushVerdict, code: Exit) -> Report:
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.render.report import Report

    return Report(
        command="hook run",
        title="history between the remote and what is pushed",
        verdict=verdict_of(verdict.history),
        exit_code=int(code),
        findings=verdict.history,
    )


def _rows(judged: Judged) -> tuple[Row, ...]:
    from hubpolicy.render.report import Row

    evidence = judged.evidence
    counted = f"{len(evidence.lines)} line(s) verified, {len(evidence.rejected)} refused"
    target = evidence.target.text if evidence.target is not None else "not a hub"
    return (
        Row("target", target),
        Row("bytes", _bytes(judged.reader.manifest)),
        Row("evidence", counted if evidence.evidence_paths else "none"),
    )


def _card_findings(judged: Judged) -> tuple[Finding, ...]:
    """The card of that very commit against the schema: slow, so only where it helps."""
    del judged
    return ()


def _bytes(manifest: Manifest) -> str:
    size, unit = float(manifest.bytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    amount = f"{size:.2f}" if unit else f"{size:.0f}"
    files = len(manifest.entries)
    return f"{files} file(s), {amount} {_UNITS[unit]}, dirHash {short(manifest.dir_hash)}"
