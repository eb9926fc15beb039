# SPDX-License-Identifier: Apache-2.0
"""A dry run names files that other people named: each stays on a line of its own."""

from __future__ import annotations

from hubpolicy.cli.would_go import change_row, change_text
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.differing import Difference

REPO = RepoId("acme", "m", "model", "https://hub.example")


def test_a_name_with_a_line_feed_in_it_says_nothing_of_its_own() -> None:
    change = Difference(
        (Outgoing("a\n  - b", "", "0" * 64, 1),), 1, ("x\nNothing would be removed.", "\x1b[2Jy")
    )
    assert change_text(change, REPO).split("\n")[1:] == [
        "  + a\\x0a  - b (1 bytes)",
        "  - x\\x0aNothing would be removed.",
        "  - \\x1b[2Jy",
    ]
    assert change_row(change).remove == change.removed
