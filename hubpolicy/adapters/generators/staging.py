# SPDX-License-Identifier: Apache-2.0
"""A folder that holds the files of one closure and nothing else, as links.

What loads it can reach no other file of the release by name: no adapter, template or second set
of weights that nobody counted. Not responsible for hashing: the files stay where they are, and
are hashed there before and after.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.closure import Closure


@contextmanager
def staged(root: Path, closure: Closure) -> Iterator[Path]:
    """The folder of the closure's main file, in a temporary place that goes away again.

    Raises:
        ServiceError: it cannot be made.

    """
    with tempfile.TemporaryDirectory(prefix="hubpolicy-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        try:
            for entry in closure.files:
                target = place / "model" / entry.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to((root / entry.path).resolve(strict=True))
        except OSError as error:
            message = f"cannot stage {closure.main} in {place}: {error.strerror}"
            raise ServiceError(message) from error
        yield (place / "model" / closure.main).parent
