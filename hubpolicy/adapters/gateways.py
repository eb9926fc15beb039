# SPDX-License-Identifier: Apache-2.0
"""Reads for which hubs this person's gateways stand (``core/gateways.py``). On the hook's path.

Like the trust root it is moved by nothing but HOME: whoever could name a hub for an address could
have evidence of one place count for another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hubpolicy.adapters.home import read_config, user_home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.release import RepoId

FILE = "gateways.toml"


def known_gateways() -> Mapping[str, str]:
    """Addresses to the hubs behind them; none where there is no such file.

    Raises:
        ConfigError: it is malformed.
        ServiceError: it is there and cannot be read.

    """
    path = user_home().path(FILE)
    if not os.path.lexists(path):
        return {}
    from hubpolicy.core.gateways import parse_gateways

    return parse_gateways(read_config(path), path)


def standing_for(repo: RepoId) -> RepoId:
    """The repository, with the hub that its endpoint stands for. Raises as above."""
    return behind(repo, known_gateways())


def behind(repo: RepoId, gateways: Mapping[str, str]) -> RepoId:
    """The same by what was read before."""
    hub = gateways.get(repo.endpoint)
    return repo if hub is None else repo._replace(hub=hub)
