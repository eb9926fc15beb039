# SPDX-License-Identifier: Apache-2.0
"""Where a CI job asks hubpolicy or uploads, whoever runs the job. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.ci_shell import Deed, Shell, deeds_of
from hubpolicy.domain.surroundings import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIXES = {
    True: "let the command stand alone on its line, so that the step fails with it",
    False: "let the command stand alone on its line, where anybody can see that the step fails",
}


class Point(NamedTuple):
    """A step that asks hubpolicy, or one that uploads; ``when``: its own condition.

    ``whole``: it asks for the toxicity test, and not for the card alone.
    """

    label: str
    uploads: bool
    when: str
    whole: bool = True


def points_of(
    label: str, script: str, shell: Shell | None, when: str
) -> tuple[list[Point], list[Gap]]:
    """What a script does in order, and where a no is lost in it."""
    deeds = deeds_of(script, shell)
    gaps = [
        Gap(label, f"`{deed.said}`: {deed.loss}", _FIXES[deed.certain], deed.certain)
        for deed in deeds
        if deed.loss
    ]
    gaps += [_around(label, deed) for deed in deeds if deed.uploads and deed.only]
    return [Point(label, deed.uploads, when or _of_ours(deed), deed.whole) for deed in deeds], gaps


def _of_ours(deed: Deed) -> str:
    return "" if deed.uploads else deed.only


def _around(label: str, deed: Deed) -> Gap:
    said = f"uploads also where `{deed.only}` keeps hubpolicy from being asked"
    return Gap(label, said, "ask on a line of its own, outside of any condition", certain=False)


def asks(points: Iterable[Point]) -> bool:
    """Whether any of them asks hubpolicy."""
    return any(not point.uploads for point in points)


def judges(points: Iterable[Point]) -> bool:
    """Whether any of them asks for more than the card."""
    return any(not point.uploads and point.whole for point in points)


def unread(where: str, what: str) -> Gap:
    """What runs there and nobody can judge here."""
    said = f"runs {what}, which cannot be read here: unknown, not judged"
    return Gap(where, said, "read it yourself, or let the job run hubpolicy itself", certain=False)


def ungated(label: str, others: Iterable[str], *, part: bool = False) -> Gap:
    """An upload that nobody asked about; ``others``: jobs that ask, and that it waits for not.

    ``part``: it was asked for the card alone, say.
    """
    names = ", ".join(sorted(others))
    said = "uploads, and no hubpolicy step comes before it"
    said += " that says no without a toxicity test (check and audit do not)" if part else ""
    said += f"; job {names} asks, and nothing waits for it" if names else ""
    fix = "upload by: hubpolicy push PATH NAMESPACE/NAME; or `needs:` the job that asks"
    return Gap(label, said, fix, certain=True)
