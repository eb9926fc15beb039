# SPDX-License-Identifier: Apache-2.0
"""What a path, a mode and a set of paths must be, for every reader of a release.

One import for the readers: the predicates live in the rules that report them. Not responsible for
what a file holds; that is ``filetypes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules import hp401, hp402, hp403
from hubpolicy.core.rules.hp401 import refuse_path, refused_paths
from hubpolicy.core.rules.hp402 import refuse_mode
from hubpolicy.core.rules.hp403 import twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubpolicy.domain.finding import Finding

__all__ = [
    "path_findings",
    "refuse_mode",
    "refuse_path",
    "refused_paths",
    "tree_findings",
    "twins",
]


def path_findings(entries: Iterable[tuple[bytes, str]]) -> tuple[Finding, ...]:
    """HP401, HP402 and HP403 over (path as bytes, mode as six octal digits) of a whole tree.

    Evidence files belong in here too: a symbolic link under ``.hubpolicy/`` is refused like any.
    """
    listed = tuple(entries)
    # What is refused may have more folders than there is memory for.
    plain = (path for path, _ in listed if refuse_path(path) is None)
    names = (path.decode("utf-8") for path in plain)
    return hp401.check(path for path, _ in listed) + hp402.check(listed) + hp403.check(names)


def tree_findings(
    paths: Sequence[str], modes: Sequence[str], refused: frozenset[str]
) -> tuple[Finding, ...]:
    """The same over the columns of a git tree; ``refused`` are :func:`refused_paths` of them."""
    if not refused and not set(modes).difference(hp402.PLAIN_MODES) and not twins(paths):
        return ()
    raw = (path.encode("utf-8", "surrogateescape") for path in paths)
    return path_findings(zip(raw, modes, strict=True))
