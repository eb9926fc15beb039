# SPDX-License-Identifier: Apache-2.0
"""Card profiles by name: the shipped ``baseline``, or a schema of the user's own.

An own one is ``profiles/NAME.json`` in the user's configuration, never a file of the folder that
is judged. The signed policy pins it by digest, so an edit counts only after it was signed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters import assets
from hubpolicy.adapters.home import read_config
from hubpolicy.core.card.check import Profile
from hubpolicy.core.toml_table import read_toml
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.home import Home

_OWN = re.compile(r"profiles/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json")


def profile_named(home: Home, name: str) -> Profile:
    """The profile that a policy names. An own schema may refer to the shipped one by its ``$id``.

    Raises:
        ConfigError: the name is none of a profile, or there is no such file.
        ServiceError: the file cannot be read.

    """
    shipped = assets.baseline()
    if name == shipped.name:
        return shipped
    if not _OWN.fullmatch(name):
        message = f"got card profile {name!r}, expected 'baseline' or 'profiles/NAME.json'"
        raise ConfigError(message, hint=f"put your schema into {home.path('profiles')}")
    path = home.path(*name.split("/"))
    if not Path(path).is_file():
        message = f"there is no card profile at {path}"
        raise ConfigError(message, hint="copy your JSON Schema there, then: hubpolicy policy sign")
    return Profile(name, read_config(path), (shipped.schema,))


def profiles_of(home: Home, policy: bytes) -> tuple[Profile, ...]:
    """The own profile that a policy file (TOML) names, if it names one.

    Raises:
        ConfigError: it names one that is not there.

    """
    try:
        name = read_toml(policy, where="the policy")["card"]["profile"]
    except (ConfigError, KeyError, TypeError):
        return ()  # whoever resolves the policy says what is wrong with it
    if not isinstance(name, str) or name == assets.baseline().name:
        return ()
    return (profile_named(home, name),)
