# SPDX-License-Identifier: Apache-2.0
"""The tree of RFC 6962 §2.1, against the RFC's own recursion and published roots."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.merkle import merkle_root

# The inputs and roots that certificate-transparency's reference implementation tests with.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def by_the_rfc(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = by_the_rfc(leaves[:split]), by_the_rfc(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize(
    ("n", "root"),
    [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_published_roots(n: int, root: str) -> None:
    assert merkle_root(CT_LEAVES[:n]) == root


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_equals_the_rfcs_recursion(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == by_the_rfc(leaves).hex()


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=20), st.data())
def test_any_change_of_a_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:at], leaves[at] + b"x", *leaves[at + 1 :]]
    assert merkle_root(changed) != merkle_root(leaves)
    assert merkle_root([*leaves, b"x"]) != merkle_root(leaves)


def test_a_node_is_no_leaf() -> None:
    pair = [b"a", b"b"]
    inner = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in pair)
    assert merkle_root([inner]) != merkle_root(pair)
