# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy hook install | uninstall | status | run``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from hubpolicy.adapters.hookfile import HookStatus
    from hubpolicy.adapters.hookplace import HookPlace

_PATH = click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
_SERVER = click.option("--server", is_flag=True, help="The pre-receive hook of a bare repository.")

hook = click.Group(
    "hook",
    help="Install, remove or run the git pre-push hook.",
    short_help="Install, remove or run the git pre-push hook.",
)


@hook.command(
    epilog="""\b
Examples:
  hubpolicy hook install                       judge every push from this repository
  hubpolicy hook install --server /srv/t.git   refuse on the server what is not attested
"""
)
@_PATH
@_SERVER
def install(path: str, *, server: bool) -> None:
    """Judge every git push from the repository at PATH, or with --server every push into it.

    A hook that is there already (Git LFS, pre-commit) is kept and runs after ours, and only if
    the push may go.
    """
    from importlib.resources import files

    from hubpolicy.adapters import hookfile, hookplace

    place = _place(path, server=server)
    template = (files("hubpolicy.hooks") / place.hook).read_bytes()
    changed = hookfile.install(place, template, hookplace.this_interpreter())
    status = hookfile.inspect(place)
    click.echo(f"{'installed' if changed else 'already installed'}: {_shown(place)}")
    _print_order(status)
    if server:
        _print_server_settings(path)
        return
    click.echo("It stops accidents, not intent: `git push --no-verify` walks past it.")
    click.echo(
        "  next: git push    check it: hubpolicy hook status    undo: hubpolicy hook uninstall"
    )


@hook.command()
@_PATH
@_SERVER
def uninstall(path: str, *, server: bool) -> None:
    """Put back what was there before, byte for byte."""
    from hubpolicy.adapters import hookfile

    place = _place(path, server=server)
    changed = hookfile.uninstall(place)
    left = hookfile.inspect(place)
    click.echo(f"{'removed from' if changed else 'was not installed in'} {_shown(place)}")
    if left.presence == "foreign":
        click.echo(f"  {place.hook} is the former hook again")
    what = "into this repository" if server else "from here"
    click.echo(f"  nothing judges a git push {what} now    undo: hubpolicy hook install")


@hook.command()
@_PATH
@_SERVER
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def status(path: str, format_: str, *, server: bool) -> None:
    """Say whether the hook is ours, unchanged, and what runs in which order.

    Exit 0 if it would judge the next push, else 1.
    """
    from hubpolicy.adapters import hookfile

    place = _place(path, server=server)
    found = hookfile.inspect(place)
    works = found.presence == "ours" and not found.problems
    if format_ == "json":
        click.echo(_json(found, works=works))
    else:
        _print_status(found, works=works)
    raise click.exceptions.Exit(Exit.PASSED if works else Exit.BLOCKED)


@hook.command(context_settings={"ignore_unknown_options": True})
@click.argument("remote")
@click.argument("url")
def run(remote: str, url: str) -> None:
    """Judge a push as git's hook does: REMOTE and URL as arguments, refs on standard input.

    For hooks that another tool owns; `hubpolicy hook status` prints the line to add there.
    """
    from hubpolicy.prepush import main

    raise click.exceptions.Exit(main((remote, url)))


def _place(path: str, *, server: bool) -> HookPlace:
    from hubpolicy.adapters import hookplace
    from hubpolicy.adapters.git_process import open_git

    place = hookplace.locate(open_git(path, os.environ, see_hooks=True))
    return hookplace.server_place(place) if server else place


def _shown(place: HookPlace) -> str:
    from hubpolicy.render.escape import terminal

    return terminal(str(place.ours))


def _print_server_settings(path: str) -> None:
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


def _print_order(found: HookStatus) -> None:
    for number, name in enumerate(found.order, start=1):
        click.echo(f"  {number}. {name}")


def _print_status(found: HookStatus, *, works: bool) -> None:
    from hubpolicy.adapters.hookfile import chain_line
    from hubpolicy.render.escape import terminal

    words = {
        "absent": "no hook",
        "ours": "installed, unchanged",
        "edited": "installed, but changed since",
        "foreign": "another hook, not ours",
    }
    click.echo(f"{'✓' if works else '✗'} {words[found.presence]}: {_shown(found.place)}")
    _print_order(found)
    for problem in found.problems:
        click.echo(f"  ! {terminal(problem)}")
    if found.place.chosen_by:
        click.echo(
            f"  {terminal(found.place.chosen_by.replace(chr(9), ' sets core.hooksPath to '))}"
        )
        click.echo("  as the first line of the pre-push hook there:")
        click.echo(f"    {chain_line(sys.executable)}")
    elif not works:
        click.echo("  fix: hubpolicy hook install")


def _json(found: HookStatus, *, works: bool) -> str:
    import json

    former = found.former
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
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=True)
