# SPDX-License-Identifier: Apache-2.0
"""Every payload of ours is what in-toto's own library reads, without one field to spare."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import Any

import pytest

from hubpolicy.core import predicates
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.statement import VSA
from tests.golden import samples
from tests.oracles.tools import oracle_python

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Reads payloads from standard input; prints for each the message that its predicate parses as,
# or why it does not. ParseDict refuses unknown fields, as strict consumers do.
_CODE = """
import json, sys
from google.protobuf.json_format import ParseDict, ParseError
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
KNOWN = {
    "https://in-toto.io/attestation/test-result/v0.1": test_result_pb2.TestResult,
    "https://slsa.dev/verification_summary/v1": vsa_pb2.VerificationSummary,
}
for value in json.load(sys.stdin):
    try:
        statement = Statement.copy_from_pb(ParseDict(value, statement_pb2.Statement()))
        statement.validate()
        message = KNOWN.get(value["predicateType"])
        if message is None:
            print("Statement")
            continue
        predicate = ParseDict(value["predicate"], message())
        for one in getattr(predicate, "configuration", ()):
            ResourceDescriptor.copy_from_pb(one).validate()
        print(message.__name__ if predicate.ByteSize() else "empty")
    except (ParseError, ValueError) as error:
        print("refused:", " ".join(str(error).split())[:200])
"""

KINDS = {
    "applicability": "Statement",
    "approval": "Statement",
    "card": "TestResult",
    "evidence": "TestResult",
    "model-signature": "Statement",
    "release": "VerificationSummary",
    "toxicity": "Statement",
    "waiver": "Statement",
}
"""What each kind parses as: own predicates as a Struct within the Statement, foreign ones fully."""

PAYLOADS = {
    **samples.payloads(),
    "model-signature": oms_statement(samples.MANIFEST, "wizard-7b"),
}


def ask(*values: Any) -> list[str]:
    done = subprocess.run(
        [str(oracle_python()), "-c", _CODE],
        input=json.dumps(values), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def with_predicate(name: str, **changes: Any) -> dict[str, Any]:
    value = json.loads(PAYLOADS[name])
    return {**value, "predicate": {**value["predicate"], **changes}}


def as_their_message(release: dict[str, Any]) -> dict[str, Any]:
    """A release line without what SLSA's VSA v1 has and the message of version 0.9.3 does not.

    ``verifiedLevels`` is a string there (in-toto/attestation issue 425), a verifier has no
    ``version``, and inputs are no ResourceDescriptors. Consumers that follow in-toto's parsing
    rules ignore what they do not know.
    """
    predicate = copy.deepcopy(release["predicate"])
    (predicate["verifiedLevels"],) = predicate["verifiedLevels"]
    assert set(predicate["verifier"].pop("version")) == {"hubpolicy"}
    for item in predicate["inputAttestations"]:
        item.pop("annotations", None)
    return {**release, "predicate": predicate}


def test_every_kind_parses_strictly() -> None:
    assert set(PAYLOADS) == set(KINDS)
    values = {name: json.loads(payload) for name, payload in PAYLOADS.items()}
    values["release"] = as_their_message(values["release"])
    names = sorted(KINDS)
    answers = ask(*(values[name] for name in names))
    assert dict(zip(names, answers, strict=True)) == KINDS


def test_a_field_of_our_own_would_be_refused() -> None:
    """That is why ours stand in annotations: the oracle can tell."""
    card = json.loads(PAYLOADS["card"])
    answers = ask(
        with_predicate("card", bindingLevel=1),
        with_predicate("evidence", metrics=[]),
        with_predicate("evidence", result=1.5),
        as_their_message(with_predicate("release", firstReleased="2026-11-22T15:00:00Z")),
        {**card, "signer": "ci"},
        {**card, "subject": []},
        {**card, "_type": "https://in-toto.io/Statement/v0.1"},
    )
    assert all(answer.startswith("refused:") for answer in answers), answers
    assert len(answers) == 7


def test_annotated_inputs_are_slsas_and_read_by_those_who_ignore_what_they_do_not_know() -> None:
    value = json.loads(PAYLOADS["release"])
    value["predicate"]["inputAttestations"][0]["annotations"] = {
        "hubpolicy.firstReleased": "2026-11-22T14:00:00Z",
        "hubpolicy.firstRelease": "0" * 64,
    }
    assert predicates.parse_predicate(VSA, value["predicate"], where="x") is not None
    assert ask(as_their_message(value)) == ["VerificationSummary"]
    (strict,) = ask(value)
    assert strict.startswith("refused:")
