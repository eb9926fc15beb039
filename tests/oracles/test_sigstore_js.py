# SPDX-License-Identifier: Apache-2.0
"""Every bundle of ours is one that @sigstore/verify accepts, and refuses after any change."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.bundle import add_timestamp, make_bundle, parse_bundle
from hubpolicy.core.oms import oms_statement
from tests.golden import samples
from tests.oracles.tools import sigstore_js
from tests.stamping import stamper

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SIGNER = samples.signer("rita")
PAYLOADS = {**samples.payloads(), "model": oms_statement(samples.MANIFEST, "wizard-7b")}


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_accepts_every_kind(tmp_path: Path) -> None:
    pem = write(tmp_path, "key.pub", SIGNER.public_pem.encode())
    files = [write(tmp_path, n, make_bundle(p, SIGNER)) for n, p in PAYLOADS.items()]
    assert sigstore_js(pem, files) == dict.fromkeys(PAYLOADS, True)


def test_refuses_changed_bundles(tmp_path: Path) -> None:
    pem = write(tmp_path, "key.pub", SIGNER.public_pem.encode())
    raw = make_bundle(PAYLOADS["release"], SIGNER)
    value = json.loads(raw)
    payload = value["dsseEnvelope"]["payload"]
    files = []
    for number, place in enumerate(range(0, len(payload), len(payload) // 40)):
        other = "A" if payload[place] != "A" else "B"
        value["dsseEnvelope"]["payload"] = payload[:place] + other + payload[place + 1 :]
        files.append(write(tmp_path, f"flip-{number}", json.dumps(value).encode()))
    foreign = make_bundle(PAYLOADS["release"], samples.signer("mallory"))
    files.append(write(tmp_path, "foreign", foreign))
    files.append(write(tmp_path, "truncated", raw[:-20]))
    answers = sigstore_js(pem, files)
    assert len(answers) == len(files) > 40
    assert not any(answers.values())


def test_accepts_our_timestamps_of_an_authority_that_it_knows(tmp_path: Path) -> None:
    pem = write(tmp_path, "key.pub", SIGNER.public_pem.encode())
    authority = stamper(tmp_path / "time")
    raw = make_bundle(PAYLOADS["release"], SIGNER)
    good = authority.stamp(parse_bundle(raw, where="x").signature)
    files = [
        write(tmp_path, "stamped", add_timestamp(raw, good, where="x")),
        write(tmp_path, "of another", add_timestamp(raw, authority.stamp(b"x"), where="x")),
    ]
    chain = [base64.b64encode(each.der).decode() for each in (authority.leaf, authority.root)]
    known = {
        "subject": {"organization": "acme", "commonName": "time"},
        "uri": "https://time.acme.example",
        "certChain": {"certificates": [{"rawBytes": each} for each in chain]},
        "validFor": {"start": "2020-01-01T00:00:00Z"},
    }
    answers = sigstore_js(pem, files, time_authorities=json.dumps([known]))
    assert answers == {"stamped": True, "of another": False}
    # A verifier that does not know the authority refuses what it cannot check.
    assert sigstore_js(pem, files) == {"stamped": False, "of another": False}
