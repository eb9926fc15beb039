# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy diff``: what lies between two releases, and which evidence that voids."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.release_diff import CardChange, FileChange, LineChange, ReleaseDiff, Side
    from hubpolicy.ports import Progress, ReleaseReader

_MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">", "kept": " "}
_SHOWN = 60
"""Characters of a card's value on a screen; the JSON has all of it."""


@click.command(
    epilog="""\b
Examples:
  hubpolicy diff acme/my-model ./my-model          what a push would change, and what it costs
  hubpolicy diff acme/my-model@v1 acme/my-model    two revisions on the hub
  hubpolicy diff .@HEAD~1 .                        a commit of this git repository, and the folder
  hubpolicy diff old/ new/ --format json
\b
Small files of a hub's revision are downloaded and hashed; weights never are.
Evidence is proven by the trust root of this machine, and not judged: hubpolicy verify does that.
Exit codes: 0 compared (1 with --exit-code, if they differ), 2 usage, 3 a side could not be read,
4 permission.
"""
)
@click.argument("a")
@click.argument("b")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if they differ, as git diff does.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Format on standard output.")  # fmt: skip
def diff(a: str, b: str, *, exit_code: bool, format_: str) -> None:
    """Say what changed from A to B in files, card and evidence, and which evidence is void then.

    A and B: a folder, NAMESPACE/NAME[@REVISION] on the hub, or FOLDER@REVISION of a git repository.
    """
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import seat_if_any
    from hubpolicy.core.release_diff import compare
    from hubpolicy.flows.diffing import Proof, read_side

    place = seat_if_any()
    trust = None if place is None else place.trusted.trust
    proof = Proof(trust, assets.vocabularies(), SystemClock().now())
    with Bars(shown=sys.stderr.isatty()) as bars:
        sides = tuple(read_side(_open(target, bars), proof) for target in (a, b))
    found = compare(*sides)
    proven = trust is not None
    if format_ == "json":
        click.echo(_as_json((a, b), sides, found, proven=proven))
    else:
        click.echo(_as_text((a, b), sides, found, proven=proven))
    if any(side.refused for side in sides):
        raise click.exceptions.Exit(int(Exit.NOT_EVALUATED))
    if exit_code and not found.empty:
        raise click.exceptions.Exit(int(Exit.BLOCKED))


def _open(target: str, progress: Progress) -> ReleaseReader:
    """A release by one of its names.

    Raises:
        ConfigError: it is none.
        AccessError, ServiceError: it cannot be read.

    """
    from hubpolicy.opening import folder, git_release, is_folder, listed_release, refuse_ambiguous

    if is_folder(target):
        refuse_ambiguous(target, None)
        return folder(target, progress)
    place, at, revision = target.rpartition("@")
    if at and is_folder(place):
        refuse_ambiguous(target, None)
        return git_release(place, revision)
    return listed_release(target, progress)


def _as_text(
    names: tuple[str, str], sides: tuple[Side, ...], found: ReleaseDiff, *, proven: bool
) -> str:
    from hubpolicy.render.escape import terminal

    lines = [f"{names[0]} -> {names[1]}"]
    lines += [_title(name, side) for name, side in zip("AB", sides, strict=True)]
    lines += [
        *_part("files", [_file_line(one) for one in found.files]),
        *_part("card", [_card_line(one) for one in found.card]),
        *_part("evidence", list(_evidence_lines(found)) if proven else _UNPROVEN),
    ]
    lines += _warnings(sides)
    lines += _closing(names, found, proven=proven)
    return "\n".join(terminal(line) for line in lines)


_UNPROVEN = ["  not looked at: no trust root here; hubpolicy init, or hubpolicy trust pin"]


def _title(name: str, side: Side) -> str:
    from hubpolicy.cli.summaries import bytes_row

    return f"  {name}  {bytes_row(side.manifest).text}"


def _part(title: str, lines: list[str]) -> list[str]:
    return [title, *(lines or ["  no difference"])]


def _file_line(one: FileChange) -> str:
    from hubpolicy.cli.summaries import human

    sizes = {
        "added": human(one.after),
        "removed": human(one.before),
        "moved": f"from {one.origin}",
        "changed": f"{human(one.before)} -> {human(one.after)}",
    }
    return f"  {_MARKS[one.change]} {one.path}  ({one.kind}, {sizes[one.change]})"


def _card_line(one: CardChange) -> str:
    mark = "~" if one.before and one.after else "+" if one.after else "-"
    values = " -> ".join(_cut(value) for value in (one.before, one.after) if value)
    return f"  {mark} {one.where}: {values}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _evidence_lines(found: ReleaseDiff) -> Iterator[str]:
    for line in found.evidence:
        state = f"VOID for B: {line.void}" if line.void else "holds for B"
        yield f"  {_MARKS[line.standing]} {line.what}, by {line.by}: {state}"


def _warnings(sides: tuple[Side, ...]) -> Iterator[str]:
    for name, side in zip("AB", sides, strict=True):
        yield from (f"not compared in {name}: {text}" for text in side.refused)
        yield from (f"evidence of {name} that proves nothing: {text}" for text in side.unproven)


def _closing(names: tuple[str, str], found: ReleaseDiff, *, proven: bool) -> list[str]:
    if found.empty:
        return ["the same bytes" + (", the same evidence" if proven else "")]
    mends = [_typed(line, *names) for line in _mends(found.voided)]
    if not mends:
        return ["no evidence is void"] if proven else []
    return ["to make anew what is void:", *(f"  {mend}" for mend in mends)]


def _mends(lines: tuple[LineChange, ...]) -> Iterator[str]:
    """Each command once, runs before the release line that names them."""
    commands = dict.fromkeys(line.mend for line in lines)
    last = "hubpolicy attest PATH"
    yield from (command for command in commands if command != last)
    if last in commands:
        yield last


def _typed(mend: str, a: str, b: str) -> str:
    """The command for B, and for the repository that it is compared with where B is a folder."""
    what, path = mend.replace("PATH", _path(b)), _path(b)
    against = "" if Path(a.rpartition("@")[0] or a).is_dir() else a.partition("@")[0]
    if not mend.startswith("hubpolicy attest") or not against or path == "PATH":
        return what
    return f"{what} --repo {against}"


def _path(target: str) -> str:
    return shlex.quote(target) if Path(target).is_dir() else "PATH"


def _as_json(
    names: tuple[str, str], sides: tuple[Side, ...], found: ReleaseDiff, *, proven: bool
) -> str:
    from hubpolicy.render.escape import in_json

    document: dict[str, Any] = {
        "schema_version": 1,
        **{key: _side(name, side) for key, name, side in zip("ab", names, sides, strict=True)},
        "same": found.empty,
        "files": [one._asdict() for one in found.files],
        "card": [one._asdict() for one in found.card],
        "evidence": [one._asdict() for one in found.evidence] if proven else None,
        "void": [line.payload_sha256 for line in found.voided] if proven else None,
        "to_make_anew": list(_mends(found.voided)) if proven else None,
    }
    return in_json(json.dumps(document, indent=2, ensure_ascii=True))


def _side(name: str, side: Side) -> dict[str, Any]:
    return {
        "target": name,
        "dirHash": side.manifest.dir_hash,
        "files": len(side.manifest.entries),
        "bytes": side.manifest.bytes,
        "refused": list(side.refused),
        "unproven": list(side.unproven),
    }
