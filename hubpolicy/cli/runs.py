# SPDX-License-Identifier: Apache-2.0
"""Ways of ``hubpolicy test`` that end without a verdict: a shard, an estimate."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.preparing import prepared
from hubpolicy.errors import ConfigError
from hubpolicy.render.escape import terminal

if TYPE_CHECKING:
    from hubpolicy.cli.options import Output
    from hubpolicy.cli.preparing import Wish
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.ports import Progress

NO_VERDICT = "No verdict, and nothing was signed as evidence."


def refuse_reports(output: Output, option: str) -> None:
    """There is no report without a verdict.

    Raises:
        ConfigError: another format than text was asked for.

    """
    if output.format != "text" or output.files:
        message = f"got a report format with {option}, which ends without a verdict"
        raise ConfigError(message, hint=f"hubpolicy test PATH {option} prints text")


def say(text: str) -> None:
    """Lines for people, on standard output."""
    click.echo("\n".join(terminal(line) for line in text.splitlines()))


def part(wish: Wish, text: str, place: Seat, progress: Progress) -> str:
    """``--shard I/N``: draw one part of the run; what to do with its folder."""
    from hubpolicy.core.shards import parse_shard
    from hubpolicy.flows.sharding import run_shard

    shard = parse_shard(text)
    with prepared(wish, place, progress) as ready:
        done = run_shard(ready.closures, shard, ready.demand, ready.bench)
    lines = [
        f"shard {one.shard.text} of closure {one.closure.digest[:12]}: {one.samples} samples in\n"
        f"  {one.folder}  (with what the model said: copy it privately)"
        for one in done
    ]
    merge = f"hubpolicy test {shlex.quote(wish.path)} --merge FOLDER_OF_ALL_SHARDS"
    return "\n".join([*lines, NO_VERDICT, f"next, where all {shard.parts} are: {merge}"])
