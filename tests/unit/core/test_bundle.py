# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest

from hubpolicy.core.bundle import make_bundle, parse_bundle
from hubpolicy.core.dsse import pae
from hubpolicy.core.keys import verify_signature
from hubpolicy.errors import MalformedError
from tests.golden import samples

SIGNER = samples.signer("rita")


def bundle() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(make_bundle(b'{"a":1}', SIGNER))
    return value


def test_form_is_sigstore_bundle_v0_3() -> None:
    value = bundle()
    sig = value["dsseEnvelope"]["signatures"][0].pop("sig")
    assert sig
    assert value == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": SIGNER.keyid}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": "eyJhIjoxfQ==",
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"keyid": SIGNER.keyid}],
        },
    }


def test_bundle_is_one_line() -> None:
    assert b"\n" not in make_bundle(b"a\nb", SIGNER)


def test_parts() -> None:
    parts = parse_bundle(make_bundle(b"payload", SIGNER), where="x")
    assert (parts.payload, parts.hint) == (b"payload", SIGNER.keyid)
    message = pae("application/vnd.in-toto+json", b"payload")
    assert verify_signature(SIGNER.public_pem, parts.signature, message, where="x")


@pytest.mark.parametrize("keyid", ["", None])
def test_foreign_bundles_may_leave_the_keyid_out(keyid: str | None) -> None:
    value = bundle()
    signature = value["dsseEnvelope"]["signatures"][0]
    del signature["keyid"]
    if keyid is not None:
        signature["keyid"] = keyid
    assert parse_bundle(json.dumps(value, indent=2).encode(), where="x").hint == SIGNER.keyid


def _two_signatures(value: dict[str, Any]) -> None:
    value["dsseEnvelope"]["signatures"] *= 2


def _certificate(value: dict[str, Any]) -> None:
    value["verificationMaterial"] = {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}


CHANGES: dict[str, Any] = {
    "bundle v0.2": lambda v: v.update(
        mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"
    ),
    "no media type": lambda v: v.pop("mediaType"),
    "unknown field": lambda v: v.update(extra=1),
    "no material": lambda v: v.pop("verificationMaterial"),
    "certificate": _certificate,
    "certificate beside the key": lambda v: v["verificationMaterial"].update(certificate={}),
    "no list of log entries": lambda v: v["verificationMaterial"].pop("tlogEntries"),
    "log entry": lambda v: v["verificationMaterial"].update(tlogEntries=[{}]),
    "log entries of another type": lambda v: v["verificationMaterial"].update(tlogEntries={}),
    "empty hint": lambda v: v["verificationMaterial"]["publicKey"].update(hint=""),
    "hint is a number": lambda v: v["verificationMaterial"]["publicKey"].update(hint=1),
    "key beside the hint": lambda v: v["verificationMaterial"]["publicKey"].update(rawBytes="AA=="),
    "keyid is not the hint": lambda v: v["dsseEnvelope"]["signatures"][0].update(keyid="0" * 64),
    "two signatures": _two_signatures,
    "no signature": lambda v: v["dsseEnvelope"].update(signatures=[]),
    "message signature": lambda v: v.update(messageSignature=v.pop("dsseEnvelope")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_refuses_other_forms(change: Any) -> None:
    value = bundle()
    change(value)
    with pytest.raises(MalformedError, match=r"line 3$"):
        parse_bundle(json.dumps(value).encode(), where="line 3")


def test_refuses_duplicate_keys_and_trailing_data() -> None:
    raw = make_bundle(b"x", SIGNER)
    for bad in (raw.replace(b'{"dsse', b'{"mediaType":"x","dsse', 1), raw + raw, b"[" + raw + b"]"):
        with pytest.raises(MalformedError):
            parse_bundle(bad, where="x")
