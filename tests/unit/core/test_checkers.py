# SPDX-License-Identifier: Apache-2.0
"""Whose key may seal and sign a run."""

from __future__ import annotations

import pytest

from hubpolicy.core.checkers import checker_pem
from hubpolicy.errors import VerificationError
from tests.golden.samples import TRUST, signer


def test_a_checkers_key_is_taken() -> None:
    key = signer("ci")
    assert checker_pem(TRUST, key.keyid, what="the run") == key.public_pem


@pytest.mark.parametrize(
    ("keyid", "words"),
    [
        ("", "nobody's key for the run"),
        (signer("mallory").keyid, "one of the trust root"),
        (signer("rita").keyid, "key of rita, who holds releaser"),
    ],
)
def test_any_other_is_refused(keyid: str, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        checker_pem(TRUST, keyid, what="the run")


def test_a_revoked_key_is_refused() -> None:
    key = signer("ci").keyid
    state = TRUST.state._replace(revoked_keys=frozenset({key}))
    with pytest.raises(VerificationError, match="revoked"):
        checker_pem(TRUST._replace(state=state), key, what="the run")
