# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy hook install | uninstall | status | run``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli import hook_text
from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.hookfile import Extras, HookStatus
    from hubpolicy.adapters.hookplace import HookPlace, Interpreter
    from hubpolicy.adapters.hooktrip import Seen

_PATH = click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
_PLACES = (
    click.option("--server", is_flag=True, help="The pre-receive hook of a bare repository."),
    click.option("--global", "everywhere", is_flag=True,
                 help="Every repository of yours: core.hooksPath."),
    click.option("--template", is_flag=True,
                 help="Repositories that you make or clone from now on: init.templateDir."),
    click.option("--into", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                 help="One call in a hook script that another tool owns (husky, your team)."),
)  # fmt: skip


def _places(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where the hook is."""
    for option in reversed(_PLACES):
        command = option(command)
    return _PATH(command)


hook = click.Group(
    "hook",
    help="Install, remove or run the git pre-push hook.",
    short_help="Install, remove or run the git pre-push hook.",
)


@hook.command(
    epilog="""\b
Examples:
  hubpolicy hook install                       judge every push from this repository
  hubpolicy hook install --global              judge every push from any repository of yours
  hubpolicy hook install --template            ... from repositories made from now on
  hubpolicy hook install --into .husky/pre-push
  hubpolicy hook install --run-tests           make missing evidence, then push again
  hubpolicy hook install --server /srv/t.git   refuse on the server what is not attested
"""
)
@_places
@click.option("--run-tests", is_flag=True, help="A push without evidence makes it: push again.")
@click.option("--paranoid", is_flag=True,
              help="Hash every Git LFS object (or: HUBPOLICY_PARANOID=1 git push).")  # fmt: skip
def install(
    *,
    path: str,
    server: bool,
    everywhere: bool,
    template: bool,
    into: Path | None,
    run_tests: bool,
    paranoid: bool,
) -> None:
    """Judge every git push from the repository at PATH, or with --server every push into it.

    A hook that is there already (Git LFS, pre-commit) is kept and runs after ours, and only if
    the push may go.
    """
    from hubpolicy.adapters import hookfile, hookinto

    if (run_tests or paranoid) and (server or into is not None):
        message = "--run-tests and --paranoid are for hooks of your own, not for a server or script"
        raise click.UsageError(message)
    if into is not None:
        _only_one(server=server, everywhere=everywhere, template=template, into=True)
        changed = hookinto.install_into(into)
        hook_text.say_installed(str(into), changed=changed)
        problem = hook_text.unseen(into)
        click.echo(
            f"  ! {hook_text.shown(problem)}" if problem else "  before the rest of that script"
        )
        click.echo("It is weaker than `hook install`: who changes the script or PATH changes it.")
        click.echo(
            "In a release's own repository it is a file of the release, which the policy lists"
        )
        click.echo("under [files] allowed (HP408); `hook install` needs no file in it.")
        click.echo(f"  check it: hubpolicy hook status --into {hook_text.shown(into)}")
        return
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    changed = spot.install(hookfile.Extras(run_tests=run_tests, paranoid=paranoid))
    hook_text.say_installed(str(spot.place.ours), changed=changed, order=spot.inspect().order)
    if server:
        hook_text.print_server_settings(path)
        return
    if template:
        click.echo("Repositories that are here already: hubpolicy hook install, in each of them.")
    if everywhere:
        click.echo("A repository with a core.hooksPath of its own (husky) does not look there.")
    click.echo("It stops accidents, not intent: `git push --no-verify` walks past it.")
    where = hook_text.options(spot.option, path)
    click.echo(f"  next: git push    check it: hubpolicy hook status{where}"
               f"    undo: hubpolicy hook uninstall{where}")  # fmt: skip


@hook.command()
@_places
def uninstall(
    path: str, *, server: bool, everywhere: bool, template: bool, into: Path | None
) -> None:
    """Put back what was there before, byte for byte."""
    from hubpolicy.adapters import hookinto

    if into is not None:
        _only_one(server=server, everywhere=everywhere, template=template, into=True)
        hook_text.say_removed(str(into), changed=hookinto.uninstall_from(into))
        return
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    changed = spot.uninstall()
    hook_text.say_removed(str(spot.place.ours), changed=changed)
    if not changed:
        here = hook_text.options("", path)
        click.echo("  a call in another tool's script: hubpolicy hook uninstall --into FILE"
                   f"    what judges now: hubpolicy hook status{here}")  # fmt: skip
        return
    if spot.inspect().presence == "foreign":
        click.echo(f"  {spot.place.hook} is the former hook again")
    if template:
        click.echo("  repositories that were made meanwhile keep their copy of it")
    again = f"hubpolicy hook install{hook_text.options(spot.option, path)}"
    what = "into this repository" if server else "from here"
    word = "new repositories get none" if template else f"nothing judges a git push {what} now"
    click.echo(f"  {word}    undo: {again}")


@hook.command()
@_places
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def status(
    path: str, format_: str, *, server: bool, everywhere: bool, template: bool, into: Path | None
) -> None:
    """Say whether the hook is ours, unchanged, and what runs in which order.

    Exit 0 if it would judge the next push, else 1.
    """
    from hubpolicy.adapters import hookcalls

    if into is not None:
        _only_one(server=server, everywhere=everywhere, template=template, into=True)
        raise click.exceptions.Exit(hook_text.status_of_call(into))
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    found = spot.inspect()
    works = found.presence == "ours" and not found.problems
    call = None if works or server or template else hookcalls.find_call(found.place)
    works = works or (call is not None and not call.problem)
    wire = spot.wire() if spot.wire is not None else None
    if format_ == "json":
        click.echo(hook_text.as_json(found, call, wire, works=works))
    elif call is not None:
        hook_text.print_call(call, path)
    else:
        where = hook_text.options(spot.option, path).strip()
        hook_text.print_status(found, wire, where, works=works)
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


@hook.command(hidden=True)
@click.argument("remote")
@click.argument("url")
def prepare(remote: str, url: str) -> None:
    """Make the evidence that a refused push lacks (`hook install --run-tests` starts this)."""
    from hubpolicy.cli.hook_prepare import prepare as run_prepare
    from hubpolicy.domain.refs import parse_push
    from hubpolicy.prepush import read_input

    raise click.exceptions.Exit(run_prepare(parse_push(remote, url, read_input())))


class _Spot(NamedTuple):
    """A place, the option that names it, and what can be done there."""

    place: HookPlace
    option: str
    install: Callable[[Extras], bool]
    uninstall: Callable[[], bool]
    inspect: Callable[[], HookStatus]
    wire: Callable[[], Seen] | None = None


def _spot(path: str, *, server: bool, everywhere: bool, template: bool) -> _Spot:
    """Where the hook goes. A repository that looks where `--global` installs is that one."""
    from hubpolicy.adapters import hookglobal, hookplace
    from hubpolicy.adapters.git_process import open_git
    from hubpolicy.adapters.home import user_home

    _only_one(server=server, everywhere=everywhere, template=template)
    git, config = open_git(path, os.environ, see_hooks=True), user_home().config
    if template:
        return _template_spot(git, hookglobal.template_place(git, config), config)
    shared = hookglobal.global_place(config)
    if everywhere:
        return _global_spot(git, shared, config)
    place = hookplace.locate(git)
    if server:
        return _server_spot(hookplace.server_place(git, place))
    if place.folder == shared.folder:
        return _global_spot(git, shared, config)
    return _repository_spot(git, place)


def _server_spot(place: HookPlace) -> _Spot:
    from hubpolicy.adapters import hookfile

    return _Spot(
        place,
        "--server",
        lambda extras: hookfile.install(place, *_contents(place), extras),
        lambda: hookfile.uninstall(place),
        lambda: hookfile.inspect(place),
    )


def _repository_spot(git: Git, place: HookPlace) -> _Spot:
    from hubpolicy.adapters import hookfile, hooktrip

    wire = hooktrip.local_wire(git)
    return _Spot(
        place,
        "",
        lambda extras: (
            hookfile.install(place, *_contents(place), extras)
            | hooktrip.install(git, wire, *_contents(hooktrip.SCRIPT))
        ),
        lambda: hookfile.uninstall(place) | hooktrip.uninstall(git, wire),
        lambda: hookfile.inspect(place),
        lambda: hooktrip.inspect(git, wire),
    )


def _global_spot(git: Git, place: HookPlace, config: str) -> _Spot:
    from hubpolicy.adapters import hookglobal, hooktrip

    wire = hooktrip.global_wire(config)
    return _Spot(
        place,
        "--global",
        lambda extras: (
            hookglobal.install_global(git, place, *_contents(place), extras)
            | hooktrip.install(git, wire, *_contents(hooktrip.SCRIPT))
        ),
        lambda: hookglobal.uninstall_global(git, place) | hooktrip.uninstall(git, wire),
        lambda: hookglobal.inspect(git, place, hookglobal.HOOKS_PATH),
        lambda: hooktrip.inspect(git, wire),
    )


def _template_spot(git: Git, place: HookPlace, config: str) -> _Spot:
    from hubpolicy.adapters import hookglobal

    return _Spot(
        place,
        "--template",
        lambda extras: hookglobal.install_template(git, place, *_contents(place), extras),
        lambda: hookglobal.uninstall_template(git, place, config),
        lambda: hookglobal.inspect(git, place, hookglobal.TEMPLATE_DIR),
    )


def _contents(what: HookPlace | str) -> tuple[bytes, Interpreter]:
    from importlib.resources import files

    from hubpolicy.adapters.hookplace import this_interpreter

    name = what if isinstance(what, str) else what.hook
    return (files("hubpolicy.hooks") / name).read_bytes(), this_interpreter()


def _only_one(*, server: bool, everywhere: bool, template: bool, into: bool = False) -> None:
    if server + everywhere + template + into > 1:
        message = "--server, --global, --template and --into name different places: give one"
        raise click.UsageError(message)
