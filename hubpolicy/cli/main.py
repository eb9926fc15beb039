# SPDX-License-Identifier: Apache-2.0
"""The command table. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from hubpolicy import __version__
from hubpolicy.cli.exits import Exit, for_error
from hubpolicy.cli.options import config_option
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init:init", "Make a key, a policy and a trust root for one person (solo)."),
    "demo": ("demo:demo", "See the whole story on a local hub, offline."),
    "check": ("check:check", "Check the model card and the files of a folder."),
    "test": ("test:test", "Run the model, score what it says, sign the counts."),
    "calibrate": ("calibrate:calibrate", "Measure a reference model, to compare others with."),
    "report": ("report:report", "Show a run as a page: bounds, scores; join saved audits."),
    "attest": ("attest:attest", "Sign the card check and the release."),
    "approve": ("approve:approve", "Agree to (or reject) a release in a role."),
    "approvals": ("approvals:approvals", "List who agreed, and who still must."),
    "waive": ("waive:waive", "Forgive one rule for these bytes, until a day."),
    "verify": ("verify:verify", "Recompute the verdict from the evidence."),
    "push": ("push:push", "Publish a folder on the Hub, if and only if it passes."),
    "publish": ("publish:publish", "Make a private repository public, if all of it may be."),
    "audit": ("audit:audit", "Judge what stands on the Hub, ref by ref."),
    "diff": ("diff:diff", "Compare two releases, and say which evidence is void."),
    "withdraw": ("withdraw:withdraw", "Take a release back: private, revoked, an advisory."),
    "adopt": ("adopt:adopt", "List what stood there before, signed; never judged."),
    "policy": ("policy:policy", "Check, explain or sign the governing policy."),
    "trust": ("trust:trust", "Say who may sign what, alone or as a team; revoke."),
    "scorer": ("scorer:scorer", "Make, check and pin toxicity classifiers."),
    "hook": ("hook:hook", "Install, remove or run the git pre-push hook."),
    "guard": ("guard:guard", "Deny uploads of a Python environment that no evidence covers."),
    "gateway": ("gateway:gateway", "Stand before a hub, hold the only write token."),
    "hf-extension": (
        "hf_extension:hf_extension",
        "Let the official command line run us: hf policy.",
    ),
    "doctor": ("doctor:doctor", "Look at the set-up; say what to mend."),
    "rule": ("rule:rule", "Explain a rule: what, why, remedy."),
}
"""Name to (module:attribute below hubpolicy.cli, short help), in the order of the story."""

GATES = frozenset({"verify", "push", "publish", "hook", "trust"})
"""Commands that say whether bytes or documents may pass: there what cannot be looked at is a no
(exit 1). To all others nothing was evaluated (exit 3): what is not there, does not answer or cannot
be read, be it a folder, a repository or a list of them."""


class CommandTable(click.Group):
    """Imports a command when it is asked for; ``--help`` needs none of them.

    Click's own recipe for lazy groups imports every command to print its short help.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"hubpolicy.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click, and on a typo the nearest names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if near:
                message = f"{error.message} Did you mean {near[0]!r}?"
                raise click.UsageError(message, ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Short helps from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


EPILOG = """\b
Examples:
  hubpolicy demo                          see it work, offline, in two minutes
  hubpolicy init                          key, policy and trust root for yourself
  hubpolicy check ./my-model              what is wrong with the card
  hubpolicy test ./my-model               run the toxicity suites of your policy
  hubpolicy push ./my-model acme/my-model
  hubpolicy audit acme/my-model
\b
Exit codes: 0 passed, 1 blocked, 2 usage or policy, 3 not evaluated, 4 permission,
5 approvals pending, 70 internal error, 130 interrupted.
"""


@click.group(
    cls=CommandTable,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.version_option(__version__, "-V", "--version", prog_name="hubpolicy")
def hubpolicy() -> None:
    """Publish a model on the Hub only with signed evidence about the exact bytes."""


def hf_policy() -> NoReturn:
    """``hf policy …``, as the official command line runs it (``hubpolicy hf-extension``)."""
    main(program="hf policy")


def main(argv: Sequence[str] | None = None, *, program: str = "hubpolicy") -> NoReturn:
    """Console entry point: every ending has one of the documented exit codes."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    atexit.register(gc.freeze)  # else the end of a process looks for garbage in all that it holds
    try:
        code = hubpolicy.main(arguments, prog_name=program, standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = Exit.USAGE
    except (click.Abort, KeyboardInterrupt) as stop:
        click.echo(_why_stopped(stop), err=True)
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        code = _broken_pipe()
    except HubpolicyError as error:
        code = report_error(error, gate=bool(arguments) and arguments[0] in GATES)
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes exit 70
        code = _internal(error)
    sys.exit(int(code or 0))


def report_error(error: HubpolicyError, *, gate: bool) -> Exit:
    """One clear error on standard error, with the next command to type."""
    from hubpolicy.render.escape import terminal

    click.echo(f"error: {error.rule}{' ' * bool(error.rule)}{terminal(error.message)}", err=True)
    if error.hint:
        click.echo(f"  hint: {terminal(error.hint)}", err=True)
    if error.rule:
        click.echo(f"  explain: hubpolicy rule {error.rule}", err=True)
    return for_error(error, gate=gate)


def _why_stopped(stop: BaseException) -> str:
    """Ctrl-C, a no, or no answer at all: click tells them apart by what came before only.

    Whoever was interrupted notes on the exception how to go on; that is said with ``-q`` too.
    """
    from hubpolicy.render.escape import terminal

    if isinstance(stop.__context__, EOFError):
        said = "error: nobody answered: the input ended\n  hint: "
        # A passphrase is asked for on a terminal only: all other questions can be answered before.
        on_terminal = sys.stdin is not None and sys.stdin.isatty()
        how = "--yes, where the command has it" if on_terminal else "the same command with --yes"
        return said + how
    if isinstance(stop, click.Abort) and stop.__context__ is None:
        return "stopped: the answer was no"
    notes = [note for each in (stop, stop.__context__) for note in getattr(each, "__notes__", ())]
    return "\n".join(("interrupted", *(f"  {terminal(note)}" for note in notes)))


def _broken_pipe() -> Exit:
    """The reader went away (``| head``): quiet, and not a success that nobody has seen."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return Exit.BLOCKED


def _internal(error: Exception) -> Exit:
    from hubpolicy.cli.crash import write_log

    place = write_log(error)
    click.echo(f"internal error: {type(error).__name__}. Nothing was published.", err=True)
    click.echo(f"  a log was written: {place}", err=True)
    return Exit.INTERNAL
