# SPDX-License-Identifier: Apache-2.0
"""A trust that is pinned from somewhere, and what is in force then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.trusted import open_trusted
from tests.cli.world import run

if TYPE_CHECKING:
    from tests.cli.world import Ran
    from tests.flows.team_world import Team


def pin(team: Team, source: str | Path = "", digest: str = "", **environment: str) -> Ran:
    """``trust pin`` of a team's folder, or of another source of it."""
    arguments = ("trust", "pin", source or team.folder, "--sha256", digest or team.digest)
    return run(*arguments, **environment)


def state_version() -> int:
    """Of the trust that is in force here."""
    return open_trusted(user_home()).trust.state.version


def memory() -> Path:
    """What this machine has seen."""
    return Path(user_home().state) / "trust-seen.json"
