# SPDX-License-Identifier: Apache-2.0
"""What ends a run before its last sample, and what is somebody else's finding."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp223
from hubpolicy.errors import (
    AccessError,
    ConfigError,
    HubpolicyError,
    MalformedError,
    ServiceError,
    UnsupportedError,
    VerificationError,
)


@pytest.mark.parametrize(
    ("error", "own"),
    [
        (ServiceError("the scorer's runtime died"), True),
        (MalformedError("full.onnx is no graph"), True),
        (UnsupportedError("no such provider"), True),
        (ConfigError("the launch template asks for nothing"), True),
        (ServiceError("answered by model 'gpt-9'", rule="HP224"), False),
        (VerificationError("3 files changed", rule="HP416"), False),
        (VerificationError("got scorer bundle aa, expected bb"), False),
        (AccessError("the server refuses the key (401)"), False),
    ],
)
def test_what_broke_down_is_its_own(error: HubpolicyError, own: bool) -> None:
    assert hp223.applies(error) is own
