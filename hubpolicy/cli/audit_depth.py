# SPDX-License-Identifier: Apache-2.0
"""Options of ``hubpolicy audit`` that say where to look, and how deep."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable


class Depth(NamedTuple):
    """``repo``: which repository a local clone is one of, where its remotes do not say.

    ``deep``: read small files, in place of the hub's word about them. ``members``: look for an
    organisation's weights with its members, too.
    """

    repo: str
    deep: bool
    members: bool


def depth_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one ``depth`` argument."""

    @wraps(command)
    def run(*, repo: str, deep: bool, members: bool, **rest: Any) -> Any:
        return command(depth=Depth(repo, deep, members), **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


_OPTIONS = (
    click.option("--repo", "--as", "repo", default="", metavar="NAMESPACE/NAME",
                 help="Which repository the clone among TARGETS is one of."),
    click.option("--deep", is_flag=True,
                 help="Download and hash files up to 10 MiB, in place of the hub's word about "
                 "them; in a clone here, every LFS object that is there."),
    click.option("--members", is_flag=True,
                 help="Also look for the organisation's weights in its members' own namespaces."),
)  # fmt: skip
