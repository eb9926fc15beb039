# SPDX-License-Identifier: Apache-2.0
"""What nobody signed in a timestamp says what RFC 5652 has it say, or the token is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.cms import names_signer, unsigned_oddity
from hubpolicy.core.der import Part, parts, require_whole_octets
from tests import certificates as pki
from tests import tokens
from tests.attacks.mutation_signers import loose

VECTORS = Path(__file__).parents[2] / "oracles" / "vectors"
TOKEN = tokens.token(b"content")
ODD = {
    "version 05 of its message, expected 03": tokens.Odd(version="v5"),
    "version 03 of its signer, expected 01": tokens.Odd(signer_version="v3"),
    "a signature algorithm that is not the one of its digest": tokens.Odd(algorithm="sha512_ecdsa"),
    "attributes that nobody signed": tokens.Odd(unsigned=b"more"),
    "a part of it is not as RFC 5652 has it": tokens.Odd(signers=2),
}


@pytest.mark.parametrize(("said", "odd"), ODD.items())
def test_what_is_odd_is_said(said: str, odd: tokens.Odd) -> None:
    assert unsigned_oddity(tokens.token(b"content", odd=odd)) == said


@pytest.mark.parametrize("algorithm", ["sha256_ecdsa", "sha256_rsa", "rsassa_pkcs1v15"])
def test_names_of_a_signature_over_sha256(algorithm: str) -> None:
    assert unsigned_oddity(tokens.token(b"content", odd=tokens.Odd(algorithm=algorithm))) == ""


@pytest.mark.parametrize(
    "algorithm", ["sha384_ecdsa", "sha1_rsa", "sha512_rsa", "ed25519", "sha256_dsa"]
)
def test_names_of_other_signatures(algorithm: str) -> None:
    assert "algorithm" in unsigned_oddity(
        tokens.token(b"content", odd=tokens.Odd(algorithm=algorithm))
    )


@pytest.mark.parametrize(("old", "new", "odd"), [
    ("06082a8648ce3d040302", "06082a8648ce3d040303", True),
    ("06096086480165030402010500", "06096086480165030402030500", True),
    ("06096086480165030402010500", "06096086480165030402040500", True),
    ("300d06096086480165030402010500", "300d06096086480165030402010500", False),
])  # fmt: skip
def test_the_last_of_its_names_counts(old: str, new: str, odd: bool) -> None:
    """The signer's own digest and algorithm stand after every other of that name."""
    head, found, tail = TOKEN.rpartition(bytes.fromhex(old))
    assert found
    assert bool(unsigned_oddity(head + bytes.fromhex(new) + tail)) is odd


@pytest.mark.parametrize("vector", sorted(VECTORS.glob("*.json")), ids=lambda path: path.name)
def test_tokens_that_others_published(vector: Path) -> None:
    material = json.loads(vector.read_text())["verificationMaterial"]
    for each in material["timestampVerificationData"]["rfc3161Timestamps"]:
        assert unsigned_oddity(base64.b64decode(each["signedTimestamp"])) == ""


def test_words_and_more_certificates_are_not_odd() -> None:
    more = tokens.Odd(words="Operation Okay", more=(pki.leaf().der, pki.root().der))
    assert unsigned_oddity(tokens.token(b"content", odd=more)) == ""


def test_a_certificate_whose_signature_leaves_bits_unused_is_odd() -> None:
    by = loose("loose stamps", tokens.root(), purposes=None, extra=tokens.PURPOSE)
    made = tokens.token(b"content", by=by)
    assert unsigned_oddity(made) == ""
    assert unsigned_oddity(made.replace(by.der, pki.with_bits_unused(by)))
    (plain,), (other,) = parts(by.der), parts(pki.with_bits_unused(by))
    require_whole_octets(plain)
    with pytest.raises(ValueError, match="leave bits unused"):
        require_whole_octets(other)


def test_the_signer_is_named_as_its_certificate_says_it() -> None:
    leaf, other = tokens.stamper(), pki.leaf()
    assert names_signer(TOKEN, ())
    loose_name = tokens.token(b"content", odd=tokens.Odd(loosely=True))
    assert not names_signer(loose_name, (leaf.der, other.der))
    assert unsigned_oddity(loose_name) == ""
    bare = tokens.token(b"content", odd=tokens.Odd(bare=True))
    assert names_signer(bare, (other.der, leaf.der))
    assert not names_signer(bare, (other.der,))
    assert not names_signer(bare, ())


@given(st.binary(max_size=60))
def test_whatever_it_is_nothing_is_raised(raw: bytes) -> None:
    assert unsigned_oddity(raw)


@given(place=st.integers(0, len(TOKEN) - 1), value=st.integers(0, 255))
def test_whatever_was_changed_nothing_is_raised(place: int, value: int) -> None:
    assert isinstance(unsigned_oddity(TOKEN[:place] + bytes([value]) + TOKEN[place + 1 :]), str)
    assert unsigned_oddity(TOKEN[:place])


def test_elements() -> None:
    assert parts(b"") == []
    assert parts(b"\x02\x01\x07\x05\x00") == [
        Part(2, b"\7", b"\2\1\7"),
        Part(5, b"", b"\5\0"),
    ]
    long = bytes(range(200))
    for head in (b"\x04\x81\xc8", b"\x04\x82\x00\xc8"):
        assert parts(head + long) == [Part(4, long, head + long)]
    for cut in (b"\x04\x81\xc8" + long[1:], b"\x04\x02\x00"):
        with pytest.raises(ValueError):
            parts(cut)
    with pytest.raises(IndexError):
        parts(b"\x04")
