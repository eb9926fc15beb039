# SPDX-License-Identifier: Apache-2.0
"""The draft of an advisory about a withdrawn release, in Markdown, for people who have a copy.

Reason, paths and ref names are hostile text. Other repositories are left out: they may be private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.release import DEFAULT_ENDPOINT
from hubpolicy.render.escape import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubpolicy.core.withdrawal import Holders, Step, Withdrawal

_MOST = 200
"""Rows of a table; the record beside the advisory has them all."""
_STOP = "1. Stop serving it, and look for the files by their content, whatever they are called:"
_REST = """\
2. Remove the repository from the Hub's cache of every machine (`hf cache`), and from mirrors and
   images that were built with it.
3. `hubpolicy trust update`, then `hubpolicy verify` what you go on with: a release that holds one
   of the files is refused.
4. Models that were made from it (fine-tuned, quantised, merged) hold other bytes and are not found
   this way. Ask where they came from."""


def render(record: Withdrawal, steps: Iterable[Step], holders: Holders) -> str:
    """Title, what and why, files, revisions, what to do. Ends in a newline."""
    repo = record.repo.text
    lines = [
        f"# Withdrawn: {markdown(repo)}",
        "",
        "> Draft, written by `hubpolicy withdraw`. Read and complete it before you publish it.",
        "",
        *_table(("what", ""), _facts(record, steps)),
        "## Files",
        "",
        "Whatever holds one of these files is withdrawn with it, under any name.",
        "",
        *_table(
            ("file", "bytes", "sha256"),
            [(w.path, str(w.size), w.sha256) for w in record.weights],
        ),
    ]
    if record.releases:
        lines += ["## Signatures that count no more", ""]
        rows = [(seen.payload, seen.signer, seen.time) for seen in record.releases]
        lines += _table(("release line (sha256 of its payload)", "signed by", "at"), rows)
    own = [(h.revision, ", ".join(h.paths)) for h in holders.found if h.repo == repo]
    if own:
        lines += ["## Other revisions of this repository that hold them", ""]
        lines += _table(("revision", "files"), own)
    return "\n".join([*lines, *_what_to_do(record)]) + "\n"


def _facts(record: Withdrawal, steps: Iterable[Step]) -> list[tuple[str, str]]:
    hub = "" if record.repo.endpoint == DEFAULT_ENDPOINT else f" on {record.repo.endpoint}"
    commit = f"{record.oid} ({record.revision})" if record.oid else "not known: the hub was away"
    facts = [
        ("repository", record.repo.text + hub),
        ("commit", commit),
        ("withdrawn", record.asked),
        ("reason", record.reason),
    ]
    shown = {"private": "on the hub", "revoked": "revocation"}
    return [*facts, *((shown[s.name], f"{s.state}: {s.detail}") for s in steps if s.name in shown)]


def _what_to_do(record: Withdrawal) -> list[str]:
    digests = "|".join(weight.sha256 for weight in record.weights[:_MOST] if weight.size)
    find = [
        "",
        "```sh",
        f"find . -type f -print0 | xargs -0 sha256sum | grep -E '^({digests})'",
        "```",
        "",
    ]
    return ["## If you have a copy", "", _STOP, *(find if digests else [""]), _REST]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return ["None is known.", ""]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(markdown(cell) for cell in row) + " |" for row in rows[:_MOST]]
    more = [f"{len(rows) - _MOST} more: see withdrawal.json.", ""] if len(rows) > _MOST else []
    return [*lines, "", *more]
