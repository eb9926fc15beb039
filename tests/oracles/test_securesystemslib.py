# SPDX-License-Identifier: Apache-2.0
"""Thresholds of our trust documents, counted by the library that TUF and in-toto use."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from hubpolicy.core import documents
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import oms_statement
from tests.golden import samples
from tests.oracles.tools import oracle_python

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Reads cases from standard input: envelope, keys (id to PEM), threshold. Prints who signed.
_CODE = """
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
for case in json.load(sys.stdin):
    keys = [SSlibKey.from_crypto(load_pem_public_key(p.encode()), keyid=k) for k, p in case["keys"].items()]
    try:
        print(len(Envelope.from_dict(case["envelope"]).verify(keys, case["threshold"])))
    except VerificationError:
        print("refused")
"""


def ask(*cases: tuple[bytes, tuple[str, ...], int]) -> list[str]:
    asked = [
        {
            "envelope": json.loads(raw),
            "keys": {samples.signer(who).keyid: samples.signer(who).public_pem for who in people},
            "threshold": threshold,
        }
        for raw, people, threshold in cases
    ]
    done = subprocess.run(
        [str(oracle_python()), "-c", _CODE],
        input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_counts_signers_of_documents_as_we_do() -> None:
    payload = documents.root_payload(samples.ROOT)
    people = ("olga", "omar", "oona")
    cases = []
    for who in (("olga",), ("olga", "omar"), ("olga", "omar", "oona"), ("olga", "mallory")):
        raw = documents.make_document(payload, documents.ROOT_TYPE, map(samples.signer, who))
        cases.append((raw, people, 2))
    assert ask(*cases) == ["refused", "2", "2", "refused"]  # it stops at the threshold


PAYLOADS = {
    **samples.payloads(),
    "model-signature": oms_statement(samples.MANIFEST, "wizard-7b"),
}


def test_accepts_the_envelope_within_a_bundle_of_every_kind_and_no_other() -> None:
    cases, expected = [], []
    for name, payload in sorted(PAYLOADS.items()):
        who = samples.SIGNERS.get(name, "rita")
        envelope = json.loads(make_bundle(payload, samples.signer(who)))["dsseEnvelope"]
        other = base64.b64encode(payload + b" ").decode()
        for changes, answer in (
            ({}, "1"),
            ({"payloadType": "application/json"}, "refused"),
            ({"payload": other}, "refused"),
            ({"signatures": []}, "refused"),
        ):
            cases.append((json.dumps({**envelope, **changes}).encode(), (who,), 1))
            expected.append(answer)
        cases.append((json.dumps(envelope).encode(), ("mallory",), 1))
        expected.append("refused")
    assert ask(*cases) == expected
    assert len(PAYLOADS) >= 8
