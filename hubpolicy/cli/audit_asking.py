# SPDX-License-Identifier: Apache-2.0
"""Options of ``hubpolicy audit`` that say what is asked of what was found."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable

STATUSES = (
    "ATTESTED", "ATTESTED_WAIVED", "STALE", "BASELINE", "UNATTESTED", "MODIFIED", "REVOKED",
    "EXPOSED", "UNREADABLE",
)  # fmt: skip
"""As ``flows/auditing.py`` has them, which ``--help`` does not load."""


class Asking(NamedTuple):
    """Verdicts that are to fail beside those that always do, and whether to exit 0 all the same.

    ``logs``: exports of the organisation's audit log. ``since``: a day or a revision, as typed.
    """

    fail_on: tuple[str, ...]
    exit_zero: bool
    logs: tuple[str, ...]
    since: str


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one ``asking`` argument."""

    @wraps(command)
    def run(
        *,
        fail_on: tuple[str, ...],
        exit_zero: bool,
        logs: tuple[str, ...],
        since: str,
        **rest: Any,
    ) -> Any:
        return command(asking=Asking(fail_on, exit_zero, logs, since), **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


_OPTIONS = (
    click.option("--since", default="", metavar="DATE|REVISION",
                 help="With --all-revisions: of the commits before a tip only those made on DATE "
                 "(YYYY-MM-DD, UTC) or later, or that REVISION does not have. A date is the "
                 "committer's word, and who pushes can date back: REVISION is the sound form. "
                 "Tips always count."),
    click.option("--import-audit-log", "logs", multiple=True,
                 type=click.Path(exists=True, dir_okay=False), metavar="FILE",
                 help="The organisation's audit log as the Hub exports it (JSON): tells from when "
                 "to when what is wrong was public, as EXPOSED; repeatable."),
    click.option("--fail-on", type=click.Choice(STATUSES), multiple=True,
                 help="Also exit 1 on this verdict; repeatable. What fails anyway still does."),
    click.option("--exit-zero", is_flag=True,
                 help="Exit 0 whatever was found; the report says what it would have been."),
)  # fmt: skip
