# SPDX-License-Identifier: Apache-2.0
"""The user's own folders: where policy, trust and keys live, outside of what is judged.

Fixed places under the home directory. Nothing but HOME moves them: a variable that could point
the gate at another trust root would be a way around it (DESIGN.md §6). On the hook's path.
"""

from __future__ import annotations

import os

from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ConfigError, ServiceError

POLICY_FILE = "hubpolicy.toml"
_BEGIN = "hubpolicy init; to follow somebody's policy: hubpolicy trust pin SOURCE --sha256 HEX"
GATE_FILE = "gate.json"
_GATE_LIMIT = 4 * 1024 * 1024


class Home(NamedTuple):
    """Configuration (policy, trust, keys, scorers) and state (runs, ledger, logs)."""

    config: str
    state: str

    def path(self, *parts: str) -> str:
        """A path in the configuration folder."""
        return os.path.join(self.config, *parts)  # noqa: PTH118 - pathlib costs the hook 8 ms

    def read(self, *parts: str) -> bytes:
        """A file of the configuration folder.

        Raises:
            ConfigError: it is not there; ``hubpolicy init`` makes it.
            ServiceError: it cannot be read.

        """
        return read_config(self.path(*parts))


def user_home() -> Home:
    """``~/.config/hubpolicy`` and ``~/.local/state/hubpolicy``."""
    base = os.path.expanduser("~")  # noqa: PTH111
    if not os.path.isabs(base):  # noqa: PTH117
        # A relative one would take the policy from the folder that is judged.
        message = f"got home directory {base!r}, expected HOME to be an absolute path"
        raise ConfigError(message, hint="export HOME=/path/to/your/home")
    return Home(
        os.path.join(base, ".config", "hubpolicy"),  # noqa: PTH118
        os.path.join(base, ".local", "state", "hubpolicy"),  # noqa: PTH118
    )


def read_config(path: str, limit: int = _GATE_LIMIT) -> bytes:
    """Bytes of a configuration file of at most 4 MiB."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read(limit + 1)
    except FileNotFoundError:
        message = f"there is no {os.path.basename(path)} in {os.path.dirname(path)}"  # noqa: PTH119,PTH120
        raise ConfigError(message, hint=_BEGIN) from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error
    if len(content) > limit:
        message = f"got more than {limit} bytes, in {path}"
        raise ConfigError(message)
    return content
