# SPDX-License-Identifier: Apache-2.0
"""Who answers a run's batches: processes on this machine, or Ray actors anywhere.

What comes out must not depend on it: every worker runs ``core/answering.py`` on the same files
with the same seeds, and records are sorted by key in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.executors.worker import Recipe
    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Executor

NAMES = ("local", "ray")
MAX_WORKERS = 1024


def open_executor(
    name: str, workers: int, deadline_s: float, recipe_of: Callable[[Closure], Recipe]
) -> Executor | None:
    """The executor of that name; None for one worker in this very process.

    ``deadline_s``: so long may pass without any batch coming back.

    Raises:
        ConfigError: an unknown name, or no number of workers.
        UnsupportedError: what it takes is not installed.

    """
    if name not in NAMES or not 1 <= workers <= MAX_WORKERS:
        wanted = f"{' or '.join(NAMES)} with 1 to {MAX_WORKERS}"
        message = f"got executor {name!r} with {workers} workers, expected {wanted}"
        raise ConfigError(message, hint="hubpolicy test --help")
    if name == "ray":
        from hubpolicy.adapters.executors.ray_actors import RayActors

        return RayActors(workers, deadline_s, recipe_of)
    if workers == 1:
        return None
    from hubpolicy.adapters.executors.processes import Processes

    return Processes(workers, deadline_s, recipe_of)
