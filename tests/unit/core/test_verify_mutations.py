# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core import verify
from hubpolicy.errors import MalformedError, VerificationError
from tests.golden import samples
from tests.golden.samples import NOW, TRUST

if TYPE_CHECKING:
    from hubpolicy.domain.trust import Trust

PAYLOADS = samples.payloads()
BUNDLES = samples.bundles()


def proven(raw: bytes, trust: Trust = TRUST, now: str = NOW) -> verify.VerifiedStatement:
    return verify.verify_bundle(raw, trust, now=now, where="line 1")


def _still(raw: bytes, original: verify.VerifiedStatement) -> bool:
    """Whether changed bytes verify; if so, they must say exactly what was signed."""
    try:
        result = proven(raw)
    except (MalformedError, VerificationError):
        return False
    assert result == original
    return True


@pytest.mark.parametrize("name", ["waiver", "card"])
def test_no_bit_of_a_bundle_can_be_flipped(name: str) -> None:
    raw, original = BUNDLES[name], proven(BUNDLES[name])
    held = 0
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            held += _still(bytes(changed), original)
    assert held == 0


@pytest.mark.parametrize("name", ["release", "approval"])
def test_no_bundle_can_be_cut_or_extended(name: str) -> None:
    raw, original = BUNDLES[name], proven(BUNDLES[name])
    assert not any(_still(raw[:end], original) for end in range(len(raw)))
    assert not any(_still(raw[start:], original) for start in range(1, len(raw)))
    for space in (b" ", b"\t", b"\r", b"\n"):
        assert _still(raw + space, original)
    for byte in set(range(256)) - set(b" \t\r\n"):
        assert not _still(raw + bytes([byte]), original)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_edited_bundles_say_what_was_signed_or_nothing(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BUNDLES)))
    raw, original = BUNDLES[name], proven(BUNDLES[name])
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed)))
        cut = data.draw(st.integers(0, 4))
        changed[place : place + cut] = data.draw(st.binary(max_size=4))
    _still(bytes(changed), original)


def test_members_of_two_bundles_do_not_mix() -> None:
    """Every recombination of the parts of two good bundles is refused."""
    parts = [json.loads(BUNDLES["card"]), json.loads(BUNDLES["release"])]
    for choice in range(1, 7):
        payload, sig, hint = (parts[choice >> i & 1] for i in range(3))
        keyid = hint["verificationMaterial"]["publicKey"]["hint"]
        value = copy.deepcopy(parts[0])
        value["verificationMaterial"]["publicKey"]["hint"] = keyid
        value["dsseEnvelope"]["payload"] = payload["dsseEnvelope"]["payload"]
        value["dsseEnvelope"]["signatures"] = [
            {"keyid": keyid, "sig": sig["dsseEnvelope"]["signatures"][0]["sig"]}
        ]
        with pytest.raises(VerificationError):
            proven(json.dumps(value).encode())
