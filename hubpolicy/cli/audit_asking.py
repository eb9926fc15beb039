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
    """Verdicts that are to fail beside those that always do, and whether to exit 0 all the same."""

    fail_on: tuple[str, ...]
    exit_zero: bool


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one ``asking`` argument."""

    @wraps(command)
    def run(*, fail_on: tuple[str, ...], exit_zero: bool, **rest: Any) -> Any:
        return command(asking=Asking(fail_on, exit_zero), **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


_OPTIONS = (
    click.option("--fail-on", type=click.Choice(STATUSES), multiple=True,
                 help="Also exit 1 on this verdict; repeatable. What fails anyway still does."),
    click.option("--exit-zero", is_flag=True,
                 help="Exit 0 whatever was found; the report says what it would have been."),
)  # fmt: skip
