# SPDX-License-Identifier: Apache-2.0
"""What ``hubpolicy hook`` tells a person: what was installed, what stands, what to type."""

from __future__ import annotations

import os
import sys
from shlex import quote
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.adapters.hookcalls import Call
    from hubpolicy.adapters.hookfile import HookStatus
    from hubpolicy.adapters.hooktrip import Seen


_INSTALL = "hubpolicy hook install"


def there(fix: str, path: str) -> str:
    """What to type about the repository that was named, from where it was named."""
    return f"{fix}{_named(path)}" if fix.endswith(_INSTALL) else fix


def options(option: str, path: str) -> str:
    """The same place again, as arguments: ``--global`` and ``--template`` need no repository."""
    where = "" if option in {"--global", "--template"} else _named(path)
    return (option and f" {option}") + where


def _named(path: str) -> str:
    return "" if path == "." else f" {quote(path)}"


def say_installed(where: str, *, changed: bool, order: tuple[str, ...] = ()) -> None:
    """What stands there now, in the order in which it runs."""
    click.echo(f"{'installed' if changed else 'already installed'}: {shown(where)}")
    for number, name in enumerate(order, start=1):
        click.echo(f"  {number}. {name}")


def say_removed(where: str, *, changed: bool) -> None:
    """What was taken away."""
    click.echo(f"{'removed from' if changed else 'was not installed in'} {shown(where)}")


def print_server_settings(path: str) -> None:
    """What the hook still needs to be told; it refuses every release until then."""
    from hubpolicy.adapters.git_process import open_git
    from hubpolicy.prereceive import read_settings

    settings = read_settings(open_git(path, os.environ))
    if settings.target is not None and settings.checks_objects:
        click.echo(f"It judges every push into {settings.target.text}.")
        return
    click.echo("It refuses every release until this repository is told, here on the server:")
    if not settings.checks_objects:
        click.echo("  git config receive.fsckObjects true")
    if settings.target is None:
        click.echo("  git config hubpolicy.target NAMESPACE/NAME")
        click.echo("  git config hubpolicy.endpoint URL      unless it is https://huggingface.co")


def status_of_call(script: Path) -> Exit:
    """Say whether our call in that script would judge a push in time."""
    from hubpolicy.adapters.hookcalls import problem_of

    runs = script.parent.name == ".husky" or os.access(script, os.X_OK)
    problem = problem_of(script, runs=runs)
    click.echo(f"{'✗ no call of ours in' if problem is None else _call_word(problem)} "
               f"{shown(script)}")  # fmt: skip
    problems = tuple(filter(None, (problem, unseen(script))))
    for each in problems:
        click.echo(f"  ! {shown(each)}")
    return Exit.PASSED if problem == "" and not problems else Exit.BLOCKED


def print_status(found: HookStatus, wire: Seen | None, where: str, *, works: bool) -> None:
    """A place: what stands there, what is wrong, what to type. ``where`` names the place."""
    from hubpolicy.adapters.hookcalls import mended, partial
    from hubpolicy.adapters.hookfile import chain_line

    words = {
        "absent": "no hook",
        "ours": "installed, unchanged",
        "edited": "installed, but changed since",
        "foreign": "another hook, not ours",
    }
    click.echo(f"{'✓' if works else '✗'} {words[found.presence]}: {shown(found.place.ours)}")
    for number, name in enumerate(found.order, start=1):
        click.echo(f"  {number}. {name}")
    for problem in found.problems:
        click.echo(f"  ! {shown(problem)}")
    if found.presence == "ours" and wire is not None:
        click.echo(f"  tripwire in git's configuration: {shown(wire.remark) or 'it stands'}")
    if not works and partial(found.place):
        click.echo("  ! partial: pre-commit runs hubpolicy on one ref of a push, not on history")
    fix = shown(mended(found, where))
    if found.place.chosen_by and not found.place.state.exists():
        click.echo(f"  {shown(found.place.chosen_by.replace(chr(9), ' sets core.hooksPath to '))}")
        click.echo(f"  fix: {fix}")
        click.echo("  or, as the first line of the pre-push hook there:")
        click.echo(f"    {chain_line(sys.executable)}")
    elif not works:
        click.echo(f"  fix: {fix}")


def print_call(call: Call, path: str) -> None:
    """A call in a script of another tool: whether it judges a push, and how to mend it."""
    script = shown(call.script)
    if not call.problem:
        click.echo(f"✓ judged by our call in {script}, before the rest of it")
        click.echo("  whoever changes that script or PATH, or skips the tool that starts it,"
                   " walks past it")  # fmt: skip
        return
    click.echo(f"{_call_word(call.problem)} {script}")
    click.echo(f"  ! {shown(call.problem)}")
    click.echo(f"  fix: {shown(there(call.fix, path))}")


def as_json(found: HookStatus, call: Call | None, wire: Seen | None, *, works: bool) -> str:
    """The same for programs."""
    import json

    former = found.former
    called = call and {"script": str(call.script), "problem": call.problem, "fix": call.fix}
    document = {
        "schema_version": 1,
        "verdict": "passed" if works else "failed",
        "exit_code": int(Exit.PASSED if works else Exit.BLOCKED),
        "hook": {
            "folder": str(found.place.folder),
            "presence": found.presence,
            "unmodified": found.presence == "ours",
            "order": list(found.order),
            "former": former and {"sha256": former.sha256, "mode": f"{former.mode:04o}"},
            "problems": list(found.problems),
            "call": called,
            "tripwire": wire and wire._asdict(),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def unseen(script: Path) -> str:
    """Why git would not come by this script, as far as its configuration tells."""
    from hubpolicy.adapters import hookplace
    from hubpolicy.adapters.git_process import open_git
    from hubpolicy.errors import ConfigError

    folder = script.resolve().parent
    try:
        place = hookplace.locate(open_git(str(folder), os.environ, see_hooks=True))
    except ConfigError:
        return ""  # a script for several repositories
    looked = place.folder.resolve()
    if script.name == place.hook and (folder == looked or looked.is_relative_to(folder)):
        return ""
    return f"git looks for its hooks in {looked}: does anything there start this script?"


def shown(path: Path | str) -> str:
    """Safe for a terminal."""
    from hubpolicy.render.escape import terminal

    return terminal(str(path))


def _call_word(problem: str) -> str:
    return "✗ our call judges no push, in" if problem else "✓ our call is in"
