# SPDX-License-Identifier: Apache-2.0
"""Where a CI job asks hubpolicy or uploads, whoever runs the job. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.ci_calls import covers
from hubpolicy.core.ci_shell import Deed, Shell, deeds_of
from hubpolicy.domain.surroundings import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIXES = {
    True: "let the command stand alone on its line, so that the step fails with it",
    False: "let the command stand alone on its line, where anybody can see that the step fails",
}

_LESS = "check, audit, test --estimate and the like do not"


class Point(NamedTuple):
    """A step that asks hubpolicy, or one that uploads; ``when``: its own condition.

    ``whole``: it asks for the toxicity test, and not for the card alone. ``folder``: which it asks
    about or uploads; empty where nobody can tell. ``maybe``: what only looks like an upload.
    """

    label: str
    uploads: bool
    when: str
    whole: bool = True
    folder: str = ""
    maybe: str = ""


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
    points = [
        Point(label, deed.uploads, when or _of_ours(deed), deed.whole, deed.folder, deed.maybe)
        for deed in deeds
    ]
    return points, gaps


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


def elsewhere(upload: Point, asked: Iterable[Point]) -> Iterator[Gap]:
    """An upload of a folder about which none of those that come before it asks."""
    folders = [point.folder for point in asked if point.whole and not point.uploads]
    if folders and not any(covers(folder, upload.folder) for folder in folders):
        said = f"asks about {folders[-1]}, uploads {upload.folder}"
        yield Gap(upload.label, said, f"hubpolicy verify {upload.folder}", certain=False)


def certain(points: Iterable[Point]) -> bool:
    """Whether any of them asks or uploads, and does not only look like it."""
    return any(not point.maybe for point in points)


def ungated(upload: Point, label: str, others: Iterable[str], *, part: bool = False) -> Gap:
    """An upload that nobody asked about; ``others``: jobs that ask, and that it waits for not.

    ``part``: it was asked for the card alone, say.
    """
    names = ", ".join(sorted(others))
    said = "uploads, and no hubpolicy step comes before it"
    if upload.maybe:
        said = f"may upload by `{upload.maybe}`, which cannot be read here: unknown, not judged"
        said += ", and no hubpolicy step comes before it"
    said += f" that says no without a toxicity test ({_LESS})" if part else ""
    said += f"; job {names} asks, and nothing waits for it" if names else ""
    fix = "upload by: hubpolicy push PATH NAMESPACE/NAME; or `needs:` the job that asks"
    return Gap(label, said, fix, certain=not upload.maybe)
