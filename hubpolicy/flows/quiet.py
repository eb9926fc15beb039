# SPDX-License-Identifier: Apache-2.0
"""Progress that nobody watches: of programs that call us, and of many trips at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.ports import Advance


class Quiet:
    """Implements :class:`hubpolicy.ports.Progress` for nobody."""

    def start(self, title: str, total: int | None, unit: str) -> Advance:
        """Begin a step that nobody watches."""
        del title, total, unit
        return lambda _: None

    def note(self, text: str) -> None:
        """Say nothing."""

    def tell(self, text: str) -> None:
        """Say nothing."""
