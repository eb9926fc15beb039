# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.verify()`` raises one kind of error, whatever a child policy holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hubpolicy
from hubpolicy.errors import HubpolicyError
from tests.cli.world import run

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b'schema = "hubpolicy/policy/1"\n'
HOSTILE = {
    "large integer": HEAD + b"[binding]\nmin_level = 0x" + b"f" * 5000,
    "deep key": b"schema" + b".a" * 2000 + b" = 1\n",
    "large exponent": HEAD + b"[toxicity]\nconfidence = 1e9999999999999999999999",
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("child", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_child_is_refused_in_words(model: Path, child: bytes) -> None:
    (model / "hubpolicy.toml").write_bytes(child)
    with pytest.raises(HubpolicyError, match=r"in hubpolicy\.toml"):
        hubpolicy.verify(model)
    ran = run("verify", model)
    assert (ran.code, "in hubpolicy.toml" in ran.err) == (2, True)


@pytest.mark.usefixtures("home")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(child=st.binary(max_size=40) | st.sampled_from(["[", "a", ".a" * 99, "= 1"]).map(str.encode))
def test_any_child_is_judged_or_refused(model: Path, child: bytes) -> None:
    (model / "hubpolicy.toml").write_bytes(HEAD + child)
    try:
        verdict = hubpolicy.verify(model)
    except HubpolicyError:
        return
    assert not verdict
