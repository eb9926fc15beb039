# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy demo``: the whole story on a local hub, offline."""

from __future__ import annotations

from pathlib import Path

import click

from hubpolicy.errors import ConfigError


@click.command(
    epilog="""\b
Examples:
  hubpolicy demo
  hubpolicy demo --keep ./hubpolicy-demo      leaves everything there to look at
"""
)
@click.option("--keep", type=click.Path(file_okay=False), help="Play it here and leave it.")
def demo(*, keep: str | None) -> None:
    """Tell the story with real commands against a hub on this machine: no account, no network."""
    import os
    import tempfile
    import time

    # Read when the client is imported: the local hub stores by Git LFS, not by Xet.
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from hubpolicy.demo.story import tell

    started = time.monotonic()
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="hubpolicy-demo-") as folder:
            ended_well = tell(Path(folder).resolve(), click.echo)
    else:
        place = Path(keep).resolve()
        if place.exists() and any(place.iterdir()):
            message = f"{place} is not empty, and demo overwrites nothing"
            raise ConfigError(message, hint="hubpolicy demo --keep ANOTHER-FOLDER")
        ended_well = tell(place, click.echo)
    seconds = time.monotonic() - started
    if not ended_well:
        click.echo("the story did not end as it should: see the exit codes above", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"Everything ended as it should, in {seconds:.0f} seconds.")
    click.echo("Next: hubpolicy init" if keep is None else f"Next: {keep}/README.md")
