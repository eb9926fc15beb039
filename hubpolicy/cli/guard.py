# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy guard enable | disable | status``: the Python upload guard of an environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.adapters.guard_files import Environment, State
    from hubpolicy.domain.surroundings import UploadGuard

BYPASSES = (
    "python -S, and another environment or machine",
    "raw HTTP: urllib, requests, curl; the hub's web page",
    "a client of your own towards a mirror, or its transport called directly",
    "requests without a login header, where a proxy adds credentials",
    "git push (hubpolicy hook install judges that)",
    "other languages: JavaScript, Rust, git-xet",
    "code that takes the guard out of its own process",
    "PYTHONPATH, PYTHONHOME (other modules), HOME (another policy and trust)",
)
"""What the guard cannot see. It stops accidents; the write token's owner is the gate."""

JUDGE = (sys.executable, "-I", "-m", "hubpolicy.guard")

guard = click.Group(
    "guard",
    help="Deny uploads of a Python environment that no evidence covers.",
    short_help="Deny uploads of a Python environment that no evidence covers.",
)
_VENV = click.option(
    "--venv", default="", metavar="PATH", type=click.Path(file_okay=False),
    help="Another environment than the running one; hubpolicy need not be installed in it.",
)  # fmt: skip


class Found(NamedTuple):
    """An environment, the guard's files in it, and whether its judge answers."""

    place: Environment
    state: State
    judge: str

    @property
    def works(self) -> bool:
        """Live in each new process, as this version writes it, and somebody answers."""
        return self.place.live and self.state == "enabled" and bool(self.judge)


@guard.command(
    epilog="""\b
Examples:
  hubpolicy guard enable                     this environment
  hubpolicy guard enable --venv ~/train/.venv
  hf upload acme/my-model ./my-model         passes, if it was attested for acme/my-model
  HUBPOLICY_DISABLE_UPLOADS=1 python train.py
"""
)
@_VENV
def enable(*, venv: str) -> None:
    """Put the guard into an environment's site-packages: three small files, ours alone.

    Every write of huggingface_hub to a hub (hf upload, push_to_hub, fsspec, buckets, settings,
    merges, tags …) is denied from then on unless evidence covers it. Reads stay free.
    """
    from hubpolicy.adapters import guard_files as files
    from hubpolicy.errors import ServiceError

    place = files.environment(venv)
    files.require_client(place)
    changed = files.write(place.site, expected())
    found = look(venv)
    if not found.works:
        files.remove(place.site)
        message = f"the guard does not come up in {found.place.python}; it was taken out again"
        raise ServiceError(message, hint="does that Python read .pth files in its site-packages?")
    click.echo(f"{'enabled' if changed else 'already enabled'}: {_shown(place.site)}")
    click.echo(f"  live in Python {_shown(place.version)}, from the next process on")
    click.echo("  writes to a hub are denied unless evidence covers them; reads stay free")
    click.echo(f"  it stops accidents; it does not see: {'; '.join(BYPASSES)}")
    option = f" --venv {_shown(venv)}" if venv else ""
    click.echo(f"  check it: hubpolicy guard status{option}"
               f"    undo: hubpolicy guard disable{option}")  # fmt: skip


@guard.command()
@_VENV
def disable(*, venv: str) -> None:
    """Remove exactly what `enable` wrote."""
    from hubpolicy.adapters import guard_files as files

    place = files.environment(venv)
    gone = files.remove(place.site)
    click.echo(f"{'disabled' if gone else 'not enabled'}: {_shown(place.site)}")
    for path in gone:
        click.echo(f"  removed {_shown(path)}")


@guard.command()
@_VENV
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def status(*, venv: str, format_: str) -> None:
    """Say whether the next Python process is guarded, and what walks past the guard.

    Exit 0 if it is live, unchanged, and its judge answers; else 1.
    """
    found = look(venv)
    click.echo(_json(found) if format_ == "json" else _text(found, venv))
    raise click.exceptions.Exit(Exit.PASSED if found.works else Exit.BLOCKED)


def expected(judge: tuple[str, ...] = JUDGE) -> Mapping[str, bytes]:
    """The files as this version writes them; another installation of it may be the judge."""
    from hubpolicy.adapters.guard_files import contents
    from hubpolicy.guard import startup

    return contents(Path(str(startup.__file__)).read_text(encoding="utf-8"), judge)


def look(venv: str = "") -> Found:
    """Ask the environment itself, and its judge."""
    from hubpolicy.adapters import guard_files as files

    place = files.environment(venv)
    state = files.state(place.site, expected(place.judge or JUDGE))
    return Found(place, state, files.judge_version(place.judge) if place.judge else "")


def seen() -> UploadGuard:
    """The running environment's guard, for ``doctor``; nothing is started where none is enabled."""
    import sysconfig

    from hubpolicy.adapters import guard_files as files
    from hubpolicy.domain.surroundings import UploadGuard
    from hubpolicy.errors import ServiceError

    site = sysconfig.get_path("purelib")
    try:
        if files.state(site, expected()) == "disabled":
            return UploadGuard(enabled=False, problem="", where=site)
        found = look()
    except ServiceError as error:
        return UploadGuard(enabled=True, problem=error.message, where=site)
    return UploadGuard(enabled=True, problem="" if found.works else _said(found), where=site)


def _json(found: Found) -> str:
    import json

    document = {
        "schema_version": 1,
        "state": found.state,
        "works": found.works,
        "live": found.place.live,
        "python": found.place.python,
        "python_version": found.place.version,
        "site_packages": found.place.site,
        "judge": list(found.place.judge),
        "judge_version": found.judge,
        "bypasses": list(BYPASSES),
    }
    return json.dumps(document, indent=1, sort_keys=True)


def _text(found: Found, venv: str) -> str:
    option = f" --venv {_shown(venv)}" if venv else ""
    mark = "✓" if found.works else "✗"
    lines = [f"{mark} {_said(found)}: {_shown(found.place.site)}"]
    if found.works:
        lines.append(f"  asks hubpolicy {_shown(found.judge)} in {_shown(found.place.judge[0])}")
    elif found.state == "foreign":
        lines.append("  fix: look at hubpolicy_guard.* and _hubpolicy_guard.py there")
    else:
        lines.append(f"  fix: hubpolicy guard enable{option}")
    return "\n".join((*lines, *(f"  it does not see: {each}" for each in BYPASSES)))


def _said(found: Found) -> str:
    if found.state == "enabled" and not found.place.live:
        return "enabled, and not live: this Python does not start it"
    if found.state == "enabled" and not found.judge:
        return "enabled, and its judge does not answer: every upload is denied"
    return {
        "enabled": "uploads of this environment are judged",
        "outdated": "the guard of another hubpolicy stands there, or it was changed",
        "partial": "some of the guard's files are missing",
        "foreign": "files of these names that hubpolicy did not write stand there",
        "disabled": "no guard: uploads of this environment are judged by nobody",
    }[found.state]


def _shown(text: object) -> str:
    from hubpolicy.render.escape import terminal

    return terminal(str(text))
