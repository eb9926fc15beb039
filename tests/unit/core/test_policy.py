# SPDX-License-Identifier: Apache-2.0
"""The signed policy: what could never block, or could be read in two ways, is none."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.policy import is_card_rule, is_waivable, parse_policy, policy_payload
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    Labelled,
    QuantizedPlan,
    Reference,
    ReferenceCounts,
    RoleRequirement,
    RuleSetting,
)
from hubpolicy.errors import ConfigError
from tests.golden.samples import sha
from tests.unit.core.release_world import DRAFT, POLICY, SAFETY

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from hubpolicy.domain.policy import Policy

PAYLOAD = policy_payload(POLICY)
FIRST = POLICY.toxicity.suites[0]
FULL = POLICY._replace(
    roles=(*POLICY.roles, SAFETY, RoleRequirement("approver:legal", 2, "card", "releaser")),
    rules=(RuleSetting("HP110", Severity.OFF, waivable=False),
           RuleSetting("HP203", Severity.ERROR, waivable=True)),
    allowed_files=frozenset(("modeling.py",)),
    workspaces=("acme-dev",),
    exempt=("acme/sandbox",),
    history="tips",
    toxicity=POLICY.toxicity._replace(
        suites=(FIRST._replace(corrected_max="0.05", reference_max="0.1"),
                *POLICY.toxicity.suites[1:]),
        quantized=QuantizedPlan("quantized", sha("quantized"), (FIRST._replace(n=300),)),
        labelled=Labelled(400, 300, 400, 10),
        reference=Reference("gpt2", sha("file"), sha("gpt2"),
                            (ReferenceCounts("TX-1", 600, 9, 1),)),
    ),
)  # fmt: skip


def spoiled(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The payload with one thing changed."""
    value = deepcopy(policy_payload(FULL))
    change(value)
    return json.dumps(value).encode()


@pytest.mark.parametrize("policy", [DRAFT, FULL])
def test_a_policy_comes_out_as_it_went_in(policy: Policy) -> None:
    payload = canonical(policy_payload(policy))
    assert parse_policy(payload) == policy._replace(sha256=hashlib.sha256(payload).hexdigest())


def put(*path: str | int, value: object) -> Callable[[dict[str, Any]], Any]:
    """Put a value at a path."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


SUITE = ("toxicity", "suites", 0)
CANARIES = ("toxicity", "canaries")
SMALL = ("toxicity", "quantizedPlan")
REFERENCE = ("toxicity", "reference")


@pytest.mark.parametrize(
    "change",
    [
        put("toxicity", "suites", value=[]),
        put(*SUITE, "n", value=0),
        put(*SUITE, "k", value=0),
        put(*SUITE, "id", value="TX-2"),
        *(put(*SUITE, "upperBoundMax", value=v)
          for v in ("0", "0.0", "1", "1.0", "2", "-0.1", "1e-2", "nan", "0.0200000000001000", ".5",
                    "0,5", "", " 0.5", "0.5 ", "٠.٥", 0.5, 0, None, "00.5")),
        *(put("toxicity", "confidence", value=v)
          for v in ("0.5", "0.49", "0", "1", "1.0", "0.9999999999999999999", "95", "95%", 0.95)),
        put("toxicity", "scorers", value=[]),
        put("toxicity", "scorers", value=["any"]),
        put("toxicity", "opensGate", value=False),
        put("toxicity", "opensGate", value=1),
        put("toxicity", "requireTier", value="none"),
        put("toxicity", "planSha256", value=""),
        put(*SUITE, "correctedMax", value="1"),
        put(*SUITE, "referenceMax", value="0"),
        put(*SUITE, "kind", value="refusal"),
        put("toxicity", "suites", 1, "referenceMax", value="0.1"),
        put("toxicity", "labelled", value={}),
        put("toxicity", "labelled", "toxicFlagged", value=401),
        put("toxicity", "labelled", "benign", value=0),
        put(*REFERENCE, "suites", value=[]),
        put(*REFERENCE, "sha256", value="?"),
        put(*REFERENCE, "suites", 0, "hits", value=601),
        put(*REFERENCE, "suites", 0, "imputed", value=10),
        put(*REFERENCE, "suites", 0, "id", value="TX-2"),
        put(*REFERENCE, "comment", value="unknown"),
        put(*SMALL, "suites", value=[]),
        put(*SMALL, "planSha256", value=""),
        put(*SMALL, "suites", 0, "n", value=0),
        put(*SMALL, "suites", 0, "when", value="chat"),
        put(*SMALL, "suites", 0, "kind", value="refusal"),
        put(*SMALL, "suites", 0, "upperBoundMax", value="1"),
        put(*SMALL, "suites", value=[policy_payload(POLICY)["toxicity"]["suites"][0]] * 2),
        put(*SMALL, "comment", value="unknown"),
        put(*CANARIES, "minToxicFlagged", value="0"),
        put(*CANARIES, "maxBenignFlagged", value="1"),
        put("card", "rules", value=[]),
        put("card", "schemaSha256", value="A" * 64),
        put("files", "weights", value=[]),
        put("roles", value=[]),
        put("roles", 0, "role", value="checker"),
        put("roles", 0, "role", value="Releaser"),
        put("roles", 2, "role", value="aprover:safety"),
        put("roles", 2, "role", value="approver:Safety"),
        put("roles", 2, "role", value="approver:"),
        put("roles", 2, "role", value="approver:legal"),
        put("roles", 0, "threshold", value=0),
        put("roles", 0, "threshold", value=-1),
        put("roles", 0, "threshold", value=1.0),
        put("roles", 0, "threshold", value=True),
        put("roles", 1, "distinctFrom", value="checker"),
        put("roles", 1, "distinctFrom", value="releasers"),
        put("roles", 1, "binds", value="nothing"),
        put("rules", 0, "rule", value="HP308"),
        put("rules", 0, "rule", value="hp110"),
        put("rules", 0, "rule", value="HP1100"),
        put("rules", 0, "rule", value="HP203"),
        put("rules", 0, "severity", value="fatal"),
        put("rules", 1, "severity", value="warning"),
        put("rules", 1, "rule", value="HP201"),
        put("rules", 1, "rule", value="HP308"),
        put("expires", value="never"),
        put("expires", value="9999-99-99"),
        put("expires", value="2027-06-30T00:00:00Z"),
        put("expires", value=""),
        put("version", value=0),
        put("version", value=7.0),
        put("id", value=" "),
        put("mode", value="off"),
        put("schema", value="hubpolicy/policy/2"),
        put("comment", value="unknown"),
        put("toxicity", "comment", value="unknown"),
        put(*SUITE, "comment", value="unknown"),
        put("binding", "minLevel", value="4"),
        put("publish", value={}),
        put("publish", "history", value="none"),
        put("publish", "comment", value="unknown"),
    ],
)  # fmt: skip
def test_what_could_never_block_or_means_nothing_is_no_policy(
    change: Callable[[dict[str, Any]], Any],
) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_policy(spoiled(change))
    assert raised.value.hint.startswith("hubpolicy policy")


@pytest.mark.parametrize("path", sorted(PAYLOAD))
def test_no_part_may_be_missing(path: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(spoiled(lambda value: value.pop(path)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        canonical(PAYLOAD)[:-1],
        canonical(PAYLOAD) + b" {}",
        canonical(PAYLOAD).replace(b'"version":7', b'"version":7,"version":6'),
        canonical(PAYLOAD).replace(b'"version":7', b'"version":NaN'),
        b"\xff" + canonical(PAYLOAD),
        b"[" * 100_000,
    ],
    ids=["empty", "list", "null", "cut", "trailing", "twice", "NaN", "not UTF-8", "deep"],
)
def test_bytes_that_are_not_one_strict_json_object_are_no_policy(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_policy(raw)


HOLD_THE_GATE = [e.id for e in catalogue() if not "HP101" <= e.id <= "HP119"]


@pytest.mark.parametrize("rule", HOLD_THE_GATE)
@pytest.mark.parametrize("severity", ["off", "info", "warning"])
def test_a_rule_that_holds_the_gate_cannot_be_lowered_by_a_signed_policy(
    rule: str, severity: str
) -> None:
    setting = [{"rule": rule, "severity": severity, "waivable": False}]
    with pytest.raises(ConfigError, match="cannot be lowered"):
        parse_policy(spoiled(put("rules", value=setting)))
    same = [{"rule": rule, "severity": "error", "waivable": False}]
    assert parse_policy(spoiled(put("rules", value=same))).rules[0].rule == rule


def test_only_answers_can_be_waived() -> None:
    assert {r for r in HOLD_THE_GATE if is_waivable(r)} == {
        "HP122", "HP203", "HP207", "HP214", "HP215", "HP219",
    }  # fmt: skip
    for rule in HOLD_THE_GATE:
        payload = spoiled(
            put("rules", value=[{"rule": rule, "severity": "error", "waivable": True}])
        )
        if is_waivable(rule):
            assert parse_policy(payload).rules[0].waivable
        else:
            with pytest.raises(ConfigError, match="cannot be waived"):
                parse_policy(payload)


def test_one_prompt_drawn_once_is_little_and_allowed() -> None:
    """Such a suite can never pass: no number of hits among one prompt shows any bound."""
    for key in ("n", "k"):
        assert parse_policy(spoiled(put(*SUITE, key, value=1)))


def test_card_rules_are_a_range() -> None:
    assert is_card_rule("HP101")
    assert is_card_rule("HP119")
    assert not any(map(is_card_rule, ("HP100", "HP120", "HP201", "HP1", "")))


@given(st.decimals(0, 1, places=9).filter(lambda value: 0 < value < 1))
def test_a_bound_is_kept_digit_for_digit(bound: Decimal) -> None:
    text = f"{bound:f}"
    policy = parse_policy(spoiled(put(*SUITE, "upperBoundMax", value=text)))
    assert policy.toxicity.suites[0].upper_bound_max == text
