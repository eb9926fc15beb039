# SPDX-License-Identifier: Apache-2.0
"""While somebody else's library loads a folder: the Hub's client answers that it is offline."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")


@contextmanager
def offline() -> Iterator[None]:
    """Until the end of the block, as before after it: ``push --test`` goes on to upload."""
    from huggingface_hub import constants

    before = {name: os.environ.get(name) for name in _VARIABLES}
    was = constants.HF_HUB_OFFLINE
    # The client reads the variable once, when it is imported; children read it again.
    constants.HF_HUB_OFFLINE = True
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = was
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
