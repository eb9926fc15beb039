# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy hook install | uninstall | status | run``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.hookcalls import Call
    from hubpolicy.adapters.hookfile import Extras, HookStatus
    from hubpolicy.adapters.hookplace import HookPlace, Interpreter

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
        _say_installed(str(into), changed=changed)
        problem = _unseen(into)
        click.echo(f"  ! {_shown(problem)}" if problem else "  before the rest of that script")
        click.echo("It is weaker than `hook install`: who changes the script or PATH changes it.")
        click.echo(f"  check it: hubpolicy hook status --into {_shown(into)}")
        return
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    changed = spot.install(hookfile.Extras(run_tests=run_tests, paranoid=paranoid))
    _say_installed(str(spot.place.ours), changed=changed, order=spot.inspect().order)
    if server:
        _print_server_settings(path)
        return
    if template:
        click.echo("Repositories that are here already: hubpolicy hook install, in each of them.")
    if everywhere:
        click.echo("A repository with a core.hooksPath of its own (husky) does not look there.")
    click.echo("It stops accidents, not intent: `git push --no-verify` walks past it.")
    where = spot.option and f" {spot.option}"
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
        _say_removed(str(into), changed=hookinto.uninstall_from(into))
        return
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    _say_removed(str(spot.place.ours), changed=spot.uninstall())
    if spot.inspect().presence == "foreign":
        click.echo(f"  {spot.place.hook} is the former hook again")
    if template:
        click.echo("  repositories that were made meanwhile keep their copy of it")
    again = f"hubpolicy hook install{spot.option and f' {spot.option}'}"
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
        raise click.exceptions.Exit(_status_of_call(into))
    spot = _spot(path, server=server, everywhere=everywhere, template=template)
    found = spot.inspect()
    works = found.presence == "ours" and not found.problems
    call = None if works or server or template else hookcalls.find_call(found.place)
    works = works or (call is not None and not call.problem)
    if format_ == "json":
        click.echo(_json(found, call, works=works))
    elif call is not None:
        _print_call(call)
    else:
        _print_status(found, spot, works=works)
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
        return _global_spot(git, shared)
    place = hookplace.locate(git)
    if server:
        return _repository_spot(hookplace.server_place(git, place), "--server")
    return _global_spot(git, shared) if place.folder == shared.folder else _repository_spot(place)


def _repository_spot(place: HookPlace, option: str = "") -> _Spot:
    from hubpolicy.adapters import hookfile

    return _Spot(
        place,
        option,
        lambda extras: hookfile.install(place, *_contents(place), extras),
        lambda: hookfile.uninstall(place),
        lambda: hookfile.inspect(place),
    )


def _global_spot(git: Git, place: HookPlace) -> _Spot:
    from hubpolicy.adapters import hookglobal

    return _Spot(
        place,
        "--global",
        lambda extras: hookglobal.install_global(git, place, *_contents(place), extras),
        lambda: hookglobal.uninstall_global(git, place),
        lambda: hookglobal.inspect(git, place, hookglobal.HOOKS_PATH),
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


def _unseen(script: Path) -> str:
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


def _contents(place: HookPlace) -> tuple[bytes, Interpreter]:
    from importlib.resources import files

    from hubpolicy.adapters.hookplace import this_interpreter

    return (files("hubpolicy.hooks") / place.hook).read_bytes(), this_interpreter()


def _only_one(*, server: bool, everywhere: bool, template: bool, into: bool = False) -> None:
    if server + everywhere + template + into > 1:
        message = "--server, --global, --template and --into name different places: give one"
        raise click.UsageError(message)


def _shown(path: Path | str) -> str:
    from hubpolicy.render.escape import terminal

    return terminal(str(path))


def _say_installed(where: str, *, changed: bool, order: tuple[str, ...] = ()) -> None:
    click.echo(f"{'installed' if changed else 'already installed'}: {_shown(where)}")
    for number, name in enumerate(order, start=1):
        click.echo(f"  {number}. {name}")


def _say_removed(where: str, *, changed: bool) -> None:
    click.echo(f"{'removed from' if changed else 'was not installed in'} {_shown(where)}")


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


def _status_of_call(script: Path) -> Exit:
    """Say whether our call in that script would judge a push in time."""
    from hubpolicy.adapters.hookcalls import problem_of

    runs = script.parent.name == ".husky" or os.access(script, os.X_OK)
    problem = problem_of(script, runs=runs)
    click.echo(f"{'✗ no call of ours in' if problem is None else _call_word(problem)} "
               f"{_shown(script)}")  # fmt: skip
    problems = tuple(filter(None, (problem, _unseen(script))))
    for each in problems:
        click.echo(f"  ! {_shown(each)}")
    return Exit.PASSED if problem == "" and not problems else Exit.BLOCKED


def _print_call(call: Call) -> None:
    """A call in a script of another tool: whether it judges a push, and how to mend it."""
    script = _shown(call.script)
    if not call.problem:
        click.echo(f"✓ judged by our call in {script}, before the rest of it")
        click.echo("  whoever changes that script or PATH, or skips the tool that starts it,"
                   " walks past it")  # fmt: skip
        return
    click.echo(f"{_call_word(call.problem)} {script}")
    click.echo(f"  ! {_shown(call.problem)}")
    click.echo(f"  fix: {_shown(call.fix)}")


def _call_word(problem: str) -> str:
    return "✗ our call judges no push, in" if problem else "✓ our call is in"


def _print_status(found: HookStatus, spot: _Spot, *, works: bool) -> None:
    from hubpolicy.adapters.hookcalls import partial, remedy
    from hubpolicy.adapters.hookfile import chain_line

    words = {
        "absent": "no hook",
        "ours": "installed, unchanged",
        "edited": "installed, but changed since",
        "foreign": "another hook, not ours",
    }
    click.echo(f"{'✓' if works else '✗'} {words[found.presence]}: {_shown(found.place.ours)}")
    for number, name in enumerate(found.order, start=1):
        click.echo(f"  {number}. {name}")
    for problem in found.problems:
        click.echo(f"  ! {_shown(problem)}")
    if not works and partial(found.place):
        click.echo(
            "  ! partial: pre-commit runs hubpolicy on one ref of a push, and not on history"
        )
    if found.place.chosen_by:
        click.echo(f"  {_shown(found.place.chosen_by.replace(chr(9), ' sets core.hooksPath to '))}")
        click.echo(f"  fix: {_shown(remedy(found.place))}")
        click.echo("  or, as the first line of the pre-push hook there:")
        click.echo(f"    {chain_line(sys.executable)}")
    elif not works:
        click.echo(f"  fix: hubpolicy hook install{spot.option and f' {spot.option}'}")


def _json(found: HookStatus, call: Call | None, *, works: bool) -> str:
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
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=True)
