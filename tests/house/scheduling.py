# SPDX-License-Identifier: Apache-2.0
"""In which order files go to the workers of ``make test``: those with slow tests first.

xdist gives whole files away (``--dist loadfile``): what a file sets up for its tests is set up
once, and files come in the order of collection (``--no-loadscope-reorder``). What takes long comes
first, so that in the end no worker waits for another that has just begun with it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def slow_files_first(items: list[pytest.Item]) -> None:
    """Sort in place by how many slow tests a file has; otherwise the order stays as it was."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
