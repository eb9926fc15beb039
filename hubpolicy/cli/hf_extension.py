# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy hf-extension install | remove | status``: so that ``hf policy …`` is us."""

from __future__ import annotations

import click

from hubpolicy.cli.exits import Exit

hf_extension = click.Group(
    "hf-extension",
    help="Let the official command line run us: hf policy.",
    short_help="Let the official command line run us: hf policy.",
)


@hf_extension.command(
    epilog="""\b
Examples:
  hubpolicy hf-extension install
  hf policy check ./my-model
  hf extensions list
"""
)
def install() -> None:
    """Make `hf policy COMMAND` run `hubpolicy COMMAND` of this installation.

    It writes one file in your home, which `hf` reads. Nothing of `hf` is changed or replaced:
    `hf upload` uploads as before, judged by nobody.
    """
    from hubpolicy.adapters import hf_extension as place

    changed = place.install()
    found = place.inspect()
    click.echo(f"{'installed' if changed else 'already installed'}: {_shown(found.manifest)}")
    click.echo(f"  hf policy runs {_shown(found.runs)}, with its exit codes")
    click.echo("  next: hf policy --help    undo: hubpolicy hf-extension remove")


@hf_extension.command()
def remove() -> None:
    """Remove that file, if we wrote it."""
    from hubpolicy.adapters import hf_extension as place

    changed = place.remove()
    click.echo(f"{'removed' if changed else 'not installed'}: {_shown(place.inspect().manifest)}")


@hf_extension.command()
def status() -> None:
    """Say whether `hf policy` runs this hubpolicy. Exit 0 if it does, else 1."""
    from hubpolicy.adapters import hf_extension as place

    found = place.inspect()
    if found.works:
        click.echo(f"✓ hf policy runs {_shown(found.runs)}")
        raise click.exceptions.Exit(Exit.PASSED)
    click.echo(f"✗ {_problem(found.presence, _shown(found.runs))}: {_shown(found.folder)}")
    if found.presence != "foreign":
        click.echo("  fix: hubpolicy hf-extension install")
    raise click.exceptions.Exit(Exit.BLOCKED)


def _problem(presence: str, runs: str) -> str:
    return {
        "absent": "not installed",
        "foreign": "hf policy is an extension that hubpolicy did not write",
    }.get(presence, f"hf policy would run {runs or 'nothing'}, which is not there")


def _shown(text: object) -> str:
    from hubpolicy.render.escape import terminal

    return terminal(str(text))
