# SPDX-License-Identifier: Apache-2.0
"""A namespace that a machine reserves for a team, in its own file or in git's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.adapters.pins import PinPlaces
    from tests.flows.team_world import Team


def reserve(machine: PinPlaces, team: Team, more: str = "") -> None:
    """What an administrator writes."""
    Path(machine.file).write_text(f'[acme]\nroot = "{team.digest}"\n{more}')


def reserve_in_git(machine: PinPlaces, team: Team) -> None:
    """What a person writes once: git config --global hubpolicy.acme.pin."""
    Path(machine.home, ".gitconfig").write_text(f'[hubpolicy "acme"]\n\tpin = {team.digest}\n')


def spoken(said: str, team: Team) -> bool:
    """True if the refusal names the pin, and says what to type."""
    assert "Traceback" not in said
    return "'acme' is reserved" in said and f"--sha256 {team.digest}" in said
