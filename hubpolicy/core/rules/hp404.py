# SPDX-License-Identifier: Apache-2.0
"""HP404: a Git LFS pointer whose content is not these bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP404"
TITLE = "every LFS pointer is canonical and its content is here"
SEVERITY = Severity.ERROR


def check(broken: Iterable[str], unfetched: Iterable[str] = ()) -> tuple[Finding, ...]:
    """``broken``: git-lfs takes it for a pointer, but it is not the canonical form.

    ``unfetched``: a canonical pointer in a folder, so that the content is not here to be judged.
    """
    return tuple(map(_broken, broken)) + tuple(map(_unfetched, unfetched))


def _broken(path: str) -> Finding:
    message = (
        f"{path} is not a canonical LFS pointer, but git-lfs would take it for one and send other "
        "bytes than these"
    )
    fix = f"git rm --cached {path!r} && git add {path!r}  writes the pointer anew"
    return Finding(ID, SEVERITY, message, Location(path), fix)


def _unfetched(path: str) -> Finding:
    message = f"{path} is an LFS pointer; its content is not here, so it cannot be judged"
    return Finding(ID, SEVERITY, message, Location(path), "git lfs pull", "inconclusive")
