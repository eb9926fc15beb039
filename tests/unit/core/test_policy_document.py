# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy.toml`` to the signed policy: each trick is refused with its place in a sentence."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.plan import suite_gates
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.policy_document import Catalogue, CatalogueProfile, CatalogueScorer, resolve
from hubpolicy.core.reference import Calibration
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import QuantizedPlan, Reference, ReferenceCounts
from hubpolicy.errors import ConfigError
from tests.golden.samples import sha
from tests.house.tree import PROJECT
from tests.unit.core.plan_values import make_plan, make_suite

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

SCHEMA = (PROJECT / "schemas" / "policy.v1.schema.json").read_bytes()
TINY = make_plan(make_suite("TX-1", 300, 300, 2), make_suite("TX-2", 300, 300, 5))
SMOKE = TINY._replace(id="smoke", opens_gate=False)
SMALL = make_plan(make_suite("TX-1", 150, 150, 2))._replace(id="small")
OTHER = SMALL._replace(id="other", canaries_sha256=sha("other"))
GPT2 = Calibration(
    "gpt2",
    Reference("gpt2", sha("gpt2.json"), sha("gpt2"), (ReferenceCounts("TX-1", 300, 9, 1),)),
    TINY.sha256,
    sha("screen"),
)
CARD_RULES = ("HP101", "HP102", "HP110", "HP113")
HERE = Catalogue(
    plans=(TINY, SMOKE, SMALL, OTHER),
    scorers=(
        CatalogueScorer("screen-en", "screen", sha("screen")),
        CatalogueScorer("detoxify-unbiased", "detoxify", sha("detoxify")),
    ),
    profiles=(CatalogueProfile("baseline", sha("schema"), CARD_RULES),),
    rules=tuple((entry.id, entry.severity) for entry in catalogue()),
    fixed=frozenset(("HP101", "HP102", "HP103")),
    references=(
        GPT2,
        GPT2._replace(name="stale", plan_sha256=sha("old")),
        GPT2._replace(name="other", scorer_sha256=sha("other")),
    ),
)
BASE = """
schema = "hubpolicy/policy/1"
id = "acme/release"
version = 7
expires = 2027-06-30
[toxicity]
plan = "tiny"
scorer = "screen-en"
require_tier = "screen"
[roles]
releaser = { threshold = 1 }
checker = { threshold = 1, distinct_from = "releaser" }
"""


def saying(line: str) -> str:
    """The policy with one more line about toxicity."""
    return BASE.replace("[toxicity]", f"[toxicity]\n{line}")


def made(text: str = BASE) -> Policy:
    """The policy that the text resolves to."""
    return parse_policy(resolve(text.encode(), SCHEMA, HERE, where="hubpolicy.toml"))


def refused(text: str) -> str:
    """Why it is refused; every message says where."""
    with pytest.raises(ConfigError) as raised:
        resolve(text.encode(), SCHEMA, HERE, where="hubpolicy.toml")
    assert "hubpolicy.toml" in raised.value.message
    return raised.value.message


def test_what_is_not_said_is_strict() -> None:
    policy = made()
    toxicity = policy.toxicity
    assert (policy.mode, policy.min_level, policy.rules) == ("enforce", 4, ())
    assert (toxicity.confidence, toxicity.max_age_days, toxicity.max_attempts) == ("0.95", 90, 2)
    assert (toxicity.plan_sha256, toxicity.canaries.sha256) == (TINY.sha256, TINY.canaries_sha256)
    assert toxicity.scorers == {sha("screen")}
    assert policy.card == ("baseline", sha("schema"), CARD_RULES)
    assert [(s.id, s.n, s.k, s.upper_bound_max) for s in toxicity.suites] == [
        ("TX-1", 300, 2, "0.5"),
        ("TX-2", 300, 5, "0.5"),
    ]
    assert policy.roles[1].distinct_from == "releaser"


def test_the_example_of_the_design_is_understood() -> None:
    text = (
        BASE.replace("[toxicity]", '[targets]\nnamespaces = ["acme"]\nworkspaces = ["acme-dev"]\n'
                     '[card]\nprofile = "baseline"\n[files]\nweights = ["safetensors", "gguf"]\n'
                     "[binding]\nmin_level = 3\n"
                     "[publish]\nhistory = 'tips'\n[toxicity]")
        + 'approver.safety = { threshold = 2, binds = "closure" }\n'
        + 'approver.legal = { threshold = 1, binds = "card", distinct_from = "checker" }\n'
        + "[rules.HP203]\nseverity = 'error'\nwaivable = true\n[rules.HP113]\nseverity = 'error'\n"
    )  # fmt: skip
    policy = made(text)
    assert policy.weights == ("gguf", "safetensors")
    assert policy.history == "tips"
    assert [(r.role, r.threshold, r.binds) for r in policy.roles[2:]] == [
        ("approver:legal", 1, "card"),
        ("approver:safety", 2, "closure"),
    ]
    assert [(r.rule, r.severity, r.waivable) for r in policy.rules] == [
        ("HP113", Severity.ERROR, False),
        ("HP203", Severity.ERROR, True),
    ]


def suite(limit: str, *, name: str = "TX-1", metric: str = "p_any@2") -> str:
    return (
        f'[[toxicity.suite]]\nid = "{name}"\n'
        f'gate = {{ metric = "{metric}", upper_bound_max = {limit} }}\n'
    )


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("0.02", "0.02"),
        ("0.020", "0.020"),
        ("2e-2", "0.02"),
        ("2E-7", "0.0000002"),
        ("0.0200000001", "0.0200000001"),
        ("0.1", "0.1"),
    ],
)
def test_a_bound_is_never_rounded(written: str, means: str) -> None:
    assert made(BASE + suite(written)).toxicity.suites[0].upper_bound_max == means


@pytest.mark.parametrize(
    "written",
    ["0", "0.0", "1", "1.0", "-0.02", "nan", "inf", "-inf", "2", "0.02000000000000001", '"0.02"',
     "true", "0.99999999999999999999", "1e-400"],
)  # fmt: skip
def test_a_bound_that_is_none_is_refused(written: str) -> None:
    refused(BASE + suite(written))


@pytest.mark.parametrize(
    ("written", "means"), [("0.95", "0.95"), ("0.9500000001", "0.9500000001"), ("9.9e-1", "0.99")]
)
def test_confidence_is_never_rounded(written: str, means: str) -> None:
    text = BASE.replace("[toxicity]", f"[toxicity]\nconfidence = {written}")
    assert made(text).toxicity.confidence == means


@pytest.mark.parametrize(
    "written", ["0.5", "0.49", "0", "1", "1.0", "95", "nan", "inf", "0.9999999999999", '"0.95"']
)
def test_a_confidence_that_is_none_is_refused(written: str) -> None:
    refused(BASE.replace("[toxicity]", f"[toxicity]\nconfidence = {written}"))


def test_a_smaller_plan_for_quantisations_is_pinned_with_its_suites() -> None:
    assert made().toxicity.quantized is None
    assert made(saying('quantized_plan = "none"')).toxicity.quantized is None
    small = made(saying('quantized_plan = "small"')).toxicity.quantized
    assert small == QuantizedPlan("small", SMALL.sha256, suite_gates(SMALL))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smoke", "a plan that may open the gate"),
        ("tiny", "fewer samples than the 2100 of 'tiny'"),
        ("nowhere", "expected one of tiny, smoke, small, other, or none"),
        ("other", "the control texts of 'tiny'"),
    ],
)
def test_a_plan_that_is_no_smaller_one_is_refused(name: str, words: str) -> None:
    assert words in refused(saying(f'quantized_plan = "{name}"'))
    refused(saying('quantized_plan = ""'))


LABELLED = "labelled = { toxic = 400, toxic_flagged = 300, benign = 400, benign_flagged = 10 }"


def test_what_the_scorer_misses_and_whom_to_compare_with_are_in_the_signed_policy() -> None:
    gate = '[[toxicity.suite]]\nid = "TX-1"\ngate = { metric = "p_any@2", upper_bound_max = 0.9, '
    text = saying(f'{LABELLED}\nreference = "gpt2"') + gate
    policy = made(text + "corrected_upper_bound_max = 5e-2, difference_to_reference_max = 0.1 }\n")
    first, second = policy.toxicity.suites
    assert (first.corrected_max, first.reference_max) == ("0.05", "0.1")
    assert (second.corrected_max, second.reference_max) == ("", "")
    assert policy.toxicity.labelled == (400, 300, 400, 10)
    assert policy.toxicity.reference == GPT2.reference


@pytest.mark.parametrize(
    ("extra", "gate", "words"),
    [
        ("", "corrected_upper_bound_max = 0.1", "without [toxicity.labelled]"),
        ("", "difference_to_reference_max = 0.1", "a reference that was not asked that suite"),
        (LABELLED, "corrected_upper_bound_max = 1.5", "1.5"),
        (LABELLED.replace("300", "401"), "", "counts of some texts"),
        (LABELLED.replace("toxic = 400", "toxic = 0", 1), "", "0 is less than the minimum"),
        (LABELLED.replace(", benign_flagged = 10", ""), "", "'benign_flagged' is a required"),
        ('reference = "nobody"', "", "expected one of gpt2, stale, other"),
        ('reference = "stale"', "", "got reference 'stale' of plan"),
        ('reference = "other"', "", "got reference 'other' of scorer"),
    ],
)
def test_a_second_bound_needs_what_it_is_taken_from(extra: str, gate: str, words: str) -> None:
    text = saying(extra)
    if gate:
        text += f'[[toxicity.suite]]\nid = "TX-2"\ngate = {{ metric = "p_any@5", upper_bound_max = 0.9, {gate} }}\n'
    assert words in refused(text)


def test_a_suite_is_set_once_and_by_its_own_metric() -> None:
    assert "two [[toxicity.suite]]" in refused(BASE + suite("0.02") + suite("0.9"))
    assert "got suite 'TX-9'" in refused(BASE + suite("0.02", name="TX-9"))
    assert "expected 'p_any@2'" in refused(BASE + suite("0.02", metric="p_any@5"))
    assert "p_any" in refused(BASE + suite("0.02", metric="p_any"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 7", "version = 7.0"),
        ("version = 7", "version = 0"),
        ("version = 7", "version = true"),
        ("version = 7", "version = 99999999999999999999"),
        ("threshold = 1 }", "threshold = 1.0 }"),
        ("threshold = 1 }", "threshold = 0 }"),
        ("threshold = 1 }", 'threshold = "1" }'),
        ("expires = 2027-06-30", 'expires = "2027-06-30"'),
        ("expires = 2027-06-30", "expires = 2027-06-30T00:00:00Z"),
        ("expires = 2027-06-30", "expires = 2027"),
        ("expires = 2027-06-30", 'expires = "never"'),
        ("expires = 2027-06-30", ""),
        ('distinct_from = "releaser"', 'distinct_from = "checker"'),
        ('distinct_from = "releaser"', 'distinct_from = "releasers"'),
        ('plan = "tiny"', 'plan = "standart"'),
        ('plan = "tiny"', 'plan = "smoke"'),
        ('plan = "tiny"', ""),
        ('scorer = "screen-en"', 'scorer = "zeros"'),
        ('require_tier = "screen"', 'require_tier = "detoxify"'),
        ('require_tier = "screen"', 'require_tier = "none"'),
        ('require_tier = "screen"', 'require_tier = "screen"\nmax_attempts = 0'),
        ('require_tier = "screen"', 'require_tier = "screen"\nmax_age_days = 1e9'),
        ('require_tier = "screen"', 'require_tier = "screen"\nreqire_tier = "detoxify"'),
        ("releaser = { threshold = 1 }", ""),
        ("[roles]", '[roles]\napprover.Safety = { threshold = 1, binds = "closure" }'),
        ("[roles]", "[roles]\napprover.safety = { threshold = 1 }"),
        ("[roles]", "[roles]\nauditor = { threshold = 1 }"),
        ("[roles]", '[card]\nprofile = "lax"\n[roles]'),
        ("[roles]", "[binding]\nmin_level = 5\n[roles]"),
        ("[roles]", "[files]\nweights = []\n[roles]"),
        ("[roles]", '[files]\nweights = ["pickle"]\n[roles]'),
        ("[roles]", "[rule.HP110]\nseverity = 'off'\n[roles]"),
        ("[roles]", "[toxicity]\n[roles]"),
        ('id = "acme/release"', 'id = "acme/release"\nid = "acme/other"'),
        ('id = "acme/release"', 'id = ""'),
        ('schema = "hubpolicy/policy/1"', 'schema = "hubpolicy/policy/2"'),
        ('id = "acme/release"', 'id = "acme/release"\nmode = "warn"'),
        ('id = "acme/release"', 'id = "acme/release"\ncomment = "unknown"'),
    ],
)
def test_typos_and_tricks_are_errors(old: str, new: str) -> None:
    assert old in BASE
    refused(BASE.replace(old, new, 1))


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"= 1", b"a = 1\x00", BASE.encode() + b"\xff"])
def test_bytes_that_are_no_policy_file_are_errors(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        resolve(raw, SCHEMA, HERE, where="hubpolicy.toml")


HOLD_THE_GATE = [e.id for e in catalogue() if not "HP101" <= e.id <= "HP119"]


@pytest.mark.parametrize("rule", [*HOLD_THE_GATE, "HP101", "HP102", "HP103"])
def test_what_holds_the_gate_cannot_be_lowered(rule: str) -> None:
    for severity in ("off", "info", "warning"):
        message = refused(BASE + f'[rules.{rule}]\nseverity = "{severity}"\n')
        assert rule in message
        assert "only card rules" in message
    assert made(BASE + f'[rules.{rule}]\nseverity = "error"\n').rules[0].rule == rule


@pytest.mark.parametrize("value", ["07:32:00", "1979-05-27T07:32:00", "'2027-06-30'", "2027"])
def test_the_last_day_is_a_date(value: str) -> None:
    assert "expires" in refused(BASE.replace("expires = 2027-06-30", f"expires = {value}"))


def test_another_bundle_than_the_locked_one_is_not_signed() -> None:
    lock = '[lock]\nscreen-en = "sha256:{}"\n'
    assert made(BASE + lock.format(sha("screen"))).toxicity.scorers == {sha("screen")}
    assert "expected " + sha("other")[:12] in refused(BASE + lock.format(sha("other")))


def test_who_observes_says_until_when() -> None:
    text = BASE.replace("version = 7", 'version = 7\nmode = "observe"\nobserve_until = 2027-01-31')
    assert (made(text).mode, made(text).observe_until) == ("observe", "2027-01-31")
    assert "observe_until" in refused(text.replace("observe_until = 2027-01-31", ""))
    refused(text.replace('mode = "observe"', ""))
    assert "date" in refused(text.replace("2027-01-31", "2027-01-31T00:00:00Z"))


def test_what_is_no_answer_cannot_be_waived() -> None:
    for rule in HOLD_THE_GATE:
        text = BASE + f"[rules.{rule}]\nwaivable = true\n"
        if rule in {"HP122", "HP203", "HP207", "HP214", "HP215", "HP219"}:
            assert made(text).rules[0].waivable
        else:
            assert rule in refused(text)


def test_a_rule_that_is_off_is_not_asked_of_the_card_line() -> None:
    """Otherwise no release could ever pass: what is off is not run."""
    policy = made(BASE + '[rules.HP110]\nseverity = "off"\n')
    assert policy.card.rules == ("HP101", "HP102", "HP113")
    lower = made(BASE + '[rules.HP110]\nseverity = "warning"\n')
    assert lower.card.rules == CARD_RULES


def test_unknown_rules_are_named() -> None:
    assert "got rule 'HP199'" in refused(BASE + '[rules.HP199]\nseverity = "error"\n')
    refused(BASE + '[rules.hp110]\nseverity = "error"\n')


@given(st.text())
def test_any_text_is_a_policy_or_a_sentence(text: str) -> None:
    with contextlib.suppress(ConfigError):
        resolve(text.encode("utf-8", "surrogatepass"), SCHEMA, HERE, where="hubpolicy.toml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 10) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
KEYS = ("version", "expires", "mode", "targets", "card", "files", "binding", "toxicity", "roles",
        "rules", "id", "schema")  # fmt: skip


@given(st.sampled_from(KEYS), VALUES)
def test_any_value_at_any_key_is_refused_by_a_sentence_or_taken(key: str, value: object) -> None:
    lines = [line for line in BASE.strip().splitlines() if not line.startswith(f"{key} =")]
    text = f"{key} = {_toml(value)}\n" + "\n".join(lines)
    with contextlib.suppress(ConfigError):
        resolve(text.encode("utf-8", "surrogatepass"), SCHEMA, HERE, where="hubpolicy.toml")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
