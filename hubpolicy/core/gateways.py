# SPDX-License-Identifier: Apache-2.0
"""Which hub is behind an address: what a person says of the gateways that they go through.

``~/.config/hubpolicy/gateways.toml``, beside the trust root and believed as it is::

    [gateways]
    "https://gate.acme.org" = "https://huggingface.co"

Requests go to the first address; evidence names the second. A small part of TOML, read line by
line: a TOML parser costs the hook 16 ms. On the hook's path, where there is such a file.
"""

from __future__ import annotations

import re

from hubpolicy.errors import ConfigError

LOGIN_HEADER = "X-Hubpolicy-Login"
"""``none`` in what our gateway answers: it asked its hub without a login, so private is unseen."""

FILE = "~/.config/hubpolicy/gateways.toml"
ITSELF = "ADDRESS OF THIS GATEWAY"
"""What a gateway says of an address that only those know who ask it; our client fills it in."""

_END = r"[ \t]*(?:#[^\x00-\x08\x0b-\x1f\x7f]*)?"
_ADDRESS = r'"(https?://[A-Za-z0-9._:/\[\]-]+)"'
_TABLE = re.compile(r"\[[ \t]*gateways[ \t]*\]" + _END)
_PAIR = re.compile(_ADDRESS + r"[ \t]*=[ \t]*" + _ADDRESS + _END)
_REST = re.compile(_END)
_HINT = '[gateways] and below it: "https://gate.example" = "https://huggingface.co"'


def line_for(address: str, hub: str) -> str:
    """What to write, as a hint: requests go to ``address``, evidence names ``hub``."""
    return f'put "{address}" = "{hub}" below a line [gateways] into {FILE} (docs/gateway.md)'


def parse_gateways(raw: bytes, where: str) -> dict[str, str]:
    """Addresses to the hubs that they stand for, without a slash at the end.

    Raises:
        ConfigError: anything but the lines above, naming the line; or a gateway before a gateway.

    """
    found: dict[str, str] = {}
    begun = False
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip(" \t")
        pair = _PAIR.fullmatch(bare)
        address = pair[1].rstrip("/") if pair is not None else ""
        if _REST.fullmatch(bare):
            continue
        if _TABLE.fullmatch(bare) and not begun:
            begun = True
        elif pair is not None and begun and address not in found:
            found[address] = pair[2].rstrip("/")
        else:
            shown = "a login" if "@" in line else repr(line[:80])  # which would be printed
            message = f"got {shown}, expected two addresses, in {where}:{number}"
            raise ConfigError(message, hint=_HINT)
    for address, hub in found.items():
        if hub in found:
            message = f"got {hub} as a hub and as a gateway ({address}), expected one, in {where}"
            raise ConfigError(message, hint="name the hub itself behind each gateway")
    return found
