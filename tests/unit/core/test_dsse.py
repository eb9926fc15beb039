# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import dsse
from hubpolicy.errors import MalformedError

TYPE = "application/vnd.in-toto+json"


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        # The vector of the DSSE specification (protocol.md).
        ("http://example.com/HelloWorld", b"hello world",
         b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
        ("", b"", b"DSSEv1 0  0 "),
        ("tÿpe/ü", b"x", b"DSSEv1 8 t\xc3\xbfpe/\xc3\xbc 1 x"),
        ("日本", "é".encode(), b"DSSEv1 6 \xe6\x97\xa5\xe6\x9c\xac 2 \xc3\xa9"),
        ("a 1 b", b"\x00\xff 9", b"DSSEv1 5 a 1 b 4 \x00\xff 9"),
    ],
)  # fmt: skip
def test_pre_authentication_encoding(kind: str, payload: bytes, expected: bytes) -> None:
    assert dsse.pae(kind, payload) == expected


@given(
    st.tuples(st.text(max_size=5), st.binary(max_size=5)),
    st.tuples(st.text(max_size=5), st.binary(max_size=5)),
)
def test_encoding_is_injective(one: tuple[str, bytes], two: tuple[str, bytes]) -> None:
    try:
        same = dsse.pae(*one) == dsse.pae(*two)
    except UnicodeEncodeError:
        return
    assert same == (one == two)


@given(st.binary(min_size=1, max_size=50))
def test_base64_round_trip(raw: bytes) -> None:
    text = dsse.encode_base64(raw)
    assert text == base64.b64encode(raw).decode()
    assert dsse.decode_base64(text, where="x") == raw


@given(st.text(alphabet="AQgw+/=-_ \n\t é", max_size=12) | st.text(max_size=8))
def test_base64_has_one_text_per_value(text: str) -> None:
    try:
        raw = dsse.decode_base64(text, where="x")
    except MalformedError:
        return
    assert base64.b64encode(raw).decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "QQ",
        "QR==",
        "QQ==\n",
        " QQ==",
        "QQ= =",
        "Q-_=",
        "QQ==QQ==",
        "Q",
        "====",
        None,
        7,
        ["QQ=="],
    ],
)
def test_base64_refuses(text: object) -> None:
    with pytest.raises(MalformedError, match="strict base64"):
        dsse.decode_base64(text, where="x")


def envelope() -> dict[str, Any]:
    return {
        "payload": "e30=",
        "payloadType": TYPE,
        "signatures": [{"keyid": "k", "sig": "AAAA"}],
    }


def test_envelope_round_trip() -> None:
    value = dsse.parse_envelope(envelope(), payload_type=TYPE, where="x")
    assert value == dsse.Envelope(b"{}", TYPE, (dsse.Signature("k", b"\0\0\0"),))
    assert dsse.make_envelope(value) == envelope()


def test_keyid_may_be_absent() -> None:
    value = envelope()
    del value["signatures"][0]["keyid"]
    assert dsse.parse_envelope(value, payload_type=TYPE, where="x").signatures[0].keyid == ""


CHANGES: dict[str, tuple[tuple[str | int, ...], object]] = {
    "other payload type": (("payloadType",), "application/vnd.in-toto"),
    "payload type in capitals": (("payloadType",), TYPE.upper()),
    "no payload type": (("payloadType",), None),
    "payload is a number": (("payload",), 1),
    "payload in url-safe base64": (("payload",), "_-8="),
    "no signatures": (("signatures",), []),
    "signatures are an object": (("signatures",), {"keyid": "k", "sig": "AAAA"}),
    "signature is text": (("signatures", 0), "AAAA"),
    "signature without sig": (("signatures", 0), {"keyid": "k"}),
    "keyid is a number": (("signatures", 0, "keyid"), 1),
    "unknown field": (("extra",), 1),
    "unknown field in a signature": (("signatures", 0, "cert"), "x"),
    "algorithm in a signature": (("signatures", 0, "alg"), "none"),
}


@pytest.mark.parametrize(("path", "value"), CHANGES.values(), ids=CHANGES.keys())
def test_envelope_refuses(path: tuple[str | int, ...], value: object) -> None:
    raw = envelope()
    place: Any = raw
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(MalformedError):
        dsse.parse_envelope(raw, payload_type=TYPE, where="x")


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_envelope_refuses_other_values(value: object) -> None:
    with pytest.raises(MalformedError):
        dsse.parse_envelope(value, payload_type=TYPE, where="x")
