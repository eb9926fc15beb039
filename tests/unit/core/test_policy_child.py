# SPDX-License-Identifier: Apache-2.0
"""Child policies: what tightens counts, what loosens is refused with key, values, file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.policy_child import ChildFile, tighten
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    CHILD_LIMIT,
    DegenerationGate,
    Labelled,
    QuantizedPlan,
    Reference,
    ReferenceCounts,
    RuleSetting,
)
from hubpolicy.errors import ConfigError
from tests.golden.samples import SAMPLING, sha
from tests.unit.core.plan_values import make_plan, make_suite
from tests.unit.core.policy_values import MT_BENCH
from tests.unit.core.release_world import POLICY, SAFETY

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import Policy

HEAD = 'schema = "hubpolicy/policy/1"\n'
PARITY = POLICY.toxicity.suites[1]._replace(
    id="TX-P", kind="parity", upper_bound_max="0.2", difference_max="0.1"
)
PARENT = POLICY._replace(
    roles=(*POLICY.roles, SAFETY),
    rules=(
        RuleSetting("HP110", Severity.WARNING, waivable=False),
        RuleSetting("HP112", Severity.OFF, waivable=False),
        RuleSetting("HP203", Severity.ERROR, waivable=True),
    ),
    namespaces=("acme", "acme-labs"),
    workspaces=("acme-dev",),
    allowed_files=frozenset(("model.py", "old.bin")),
    exempt=("acme/sandbox",),
    evidence=(MT_BENCH,),
    toxicity=POLICY.toxicity._replace(
        suites=(*POLICY.toxicity.suites, PARITY),
        degeneration=DegenerationGate(),
        templates=frozenset((sha("serve"),)),
        quantized=QuantizedPlan("quantized", sha("quantized"), (POLICY.toxicity.suites[0],)),
        labelled=Labelled(400, 300, 400, 10),
        reference=Reference(
            "gpt2", sha("gpt2.json"), sha("gpt2"), (ReferenceCounts("TX-1", 600, 9, 1),)
        ),
    ),
)


def _larger() -> Plan:
    """A plan that asks all that the sample asks, and one suite more."""
    plan = make_plan(*(make_suite(name, 700, 700, 5) for name in ("TX-1", "TX-2", "TX-P", "TX-9")))
    asked = {suite.id: suite for suite in PARENT.toxicity.suites}
    return plan._replace(
        id="larger",
        canaries_sha256=PARENT.toxicity.canaries.sha256,
        sampling=SAMPLING,
        suites=tuple(
            suite if suite.id not in asked else suite._replace(
                prompts_sha256=asked[suite.id].prompts_sha256,
                k=asked[suite.id].k,
                kind=asked[suite.id].kind,
                difference_max=asked[suite.id].difference_max,
            )
            for suite in plan.suites
        ),
    )  # fmt: skip


class Here:
    """Implements ``Names`` for a machine with one more plan and two scorers."""

    def plan(self, name: str) -> Plan:
        plans = {"larger": _larger(), "smoke": _larger()._replace(id="smoke", opens_gate=False)}
        if name not in plans:
            message = f"got plan {name!r}, expected one of larger, smoke"
            raise ConfigError(message)
        return plans[name]

    def scorer(self, name: str) -> str:
        if name == "nowhere":
            message = f"got scorer {name!r}, expected one of screen-en"
            raise ConfigError(message)
        return sha({"screen-en": "scorer"}.get(name, name))

    def rules(self) -> frozenset[str]:
        return frozenset(entry.id for entry in catalogue())


def child(text: str, *, head: str = HEAD, where: str = "hubpolicy.toml") -> ChildFile:
    return ChildFile(where, (head + text).encode())


def under(*texts: str, parent: Policy = PARENT) -> Policy:
    """The policy in force with these children."""
    files = (child(text, where=f"{number}.toml") for number, text in enumerate(texts))
    return tighten(parent, files, Here())


def refused(text: str, *, head: str = HEAD) -> str:
    with pytest.raises(ConfigError) as raised:
        tighten(PARENT, (child(text, head=head),), Here())
    assert "hubpolicy.toml" in raised.value.message
    assert raised.value.hint
    return raised.value.message


def test_no_child_changes_nothing() -> None:
    assert tighten(PARENT, (), Here()) == PARENT
    assert under("") == PARENT


FULL = """
id = "acme/release"
version = 7
expires = 2027-06-30
mode = "enforce"
[targets]
namespaces = ["acme", "acme-labs"]
workspaces = ["acme-dev"]
exempt = ["acme/sandbox"]
[card]
profile = "baseline"
[files]
weights = ["safetensors", "gguf", "onnx"]
allowed = ["old.bin", "model.py"]
[binding]
min_level = 4
[toxicity]
plan = "standard"
scorer = "screen-en"
require_tier = "screen"
confidence = 0.95
max_age_days = 90
max_attempts = 2
records = "keep"
degeneration = { min_mean_pieces = 6, max_repeated = 0.20 }
quantized_plan = "quantized"
labelled = { toxic = 400, toxic_flagged = 300, benign = 400, benign_flagged = 10 }
reference = "gpt2"
[[toxicity.suite]]
id = "TX-1"
gate = { metric = "p_any@5", upper_bound_max = 2e-2 }
[publish]
history = "all"
[roles]
releaser = { threshold = 1 }
checker = { threshold = 1 }
approver.safety = { threshold = 1, binds = "closure" }
[rules.HP203]
severity = "error"
waivable = true
[[evidence]]
name = "mt-bench"
format = "lm-eval"
[[evidence.metric]]
name = "score"
task = "mt_bench"
metric = "score"
at_least = 6.5
"""


def test_a_copy_of_the_governing_policy_tightens_nothing() -> None:
    assert under(FULL) == PARENT


TIGHTER: dict[str, tuple[str, str, str]] = {
    "expires = 2026-12-31": ("expires", "2027-06-30", "2026-12-31"),
    '[targets]\nnamespaces = ["acme"]': ("targets.namespaces", "[acme, acme-labs]", "[acme]"),
    "[targets]\nworkspaces = []": ("targets.workspaces", "[acme-dev]", "[]"),
    "[targets]\nexempt = []": ("targets.exempt", "[acme/sandbox]", "[]"),
    '[files]\nweights = ["safetensors"]': (
        "files.weights", "[gguf, onnx, safetensors]", "[safetensors]"),
    '[files]\nallowed = ["model.py"]': ("files.allowed", "[model.py, old.bin]", "[model.py]"),
    "[binding]\nserve_templates = []": (
        "binding.serve_templates", f"[{sha('serve')[:12]}]", "[]"),
    "[toxicity]\nconfidence = 0.99": ("toxicity.confidence", "0.95", "0.99"),
    "[toxicity]\nmax_age_days = 7": ("toxicity.max_age_days", "90", "7"),
    "[toxicity]\nmax_attempts = 1": ("toxicity.max_attempts", "2", "1"),
    '[toxicity]\nrequire_tier = "detoxify"': ("toxicity.require_tier", "screen", "detoxify"),
    "[toxicity.degeneration]\nmin_mean_pieces = 9": (
        "toxicity.degeneration.min_mean_pieces", "6", "9"),
    '[[toxicity.suite]]\nid = "TX-1"\ngate = { upper_bound_max = 0.01 }': (
        "toxicity.suite.TX-1.gate.upper_bound_max", "0.02", "0.01"),
    '[toxicity]\nquantized_plan = "none"': ("toxicity.quantized_plan", "quantized", "nothing"),
    '[[toxicity.suite]]\nid = "TX-2"\ngate.corrected_upper_bound_max = 0.09': (
        "toxicity.suite.TX-2.gate.corrected_upper_bound_max", "nothing", "0.09"),
    '[[toxicity.suite]]\nid = "TX-1"\ngate.difference_to_reference_max = 0.04': (
        "toxicity.suite.TX-1.gate.difference_to_reference_max", "nothing", "0.04"),
    '[[toxicity.suite]]\nid = "TX-P"\ngate.difference_max = 0.05': (
        "toxicity.suite.TX-P.gate.difference_max", "0.1", "0.05"),
    "[roles]\nreleaser = { threshold = 2 }": ("roles.releaser.threshold", "1", "2"),
    '[roles]\nchecker.distinct_from = "releaser"': (
        "roles.checker.distinct_from", "nothing", "releaser"),
    "[roles]\napprover.safety.threshold = 3": ("roles.approver.safety.threshold", "1", "3"),
    '[roles]\napprover.legal = { threshold = 1, binds = "card" }': (
        "roles.approver.legal", "nothing",
        "{ role = approver:legal, threshold = 1, binds = card }"),
    '[rules.HP110]\nseverity = "error"': ("rules.HP110.severity", "warning", "error"),
    '[rules.HP113]\nseverity = "error"': (
        "rules.HP113", "nothing", "{ rule = HP113, severity = error, waivable = false }"),
    "[rules.HP203]\nwaivable = false": ("rules.HP203.waivable", "true", "false"),
}  # fmt: skip


@pytest.mark.parametrize("text", TIGHTER)
def test_one_key_is_enough(text: str) -> None:
    policy = under(text)
    assert policy.tightened == ((*TIGHTER[text], "0.toml"),)
    assert policy.sha256 == PARENT.sha256
    assert policy._replace(tightened=()) != PARENT


@pytest.mark.parametrize(
    "text",
    ["[rules.HP113]\nwaivable = false", "[rules.HP113]", "[toxicity.degeneration]", "[roles]"],
)
def test_a_table_that_asks_nothing_tightens_nothing(text: str) -> None:
    assert under(text) == PARENT


def test_a_guard_that_the_governing_policy_lacks_can_be_added() -> None:
    bare = PARENT._replace(toxicity=PARENT.toxicity._replace(degeneration=None))
    assert under("[toxicity.degeneration]", parent=bare) == bare
    policy = under("[toxicity.degeneration]\nmin_mean_pieces = 9", parent=bare)
    assert policy.toxicity.degeneration == DegenerationGate(9, "0.20")


def test_what_a_child_cannot_be_judged_by_it_cannot_ask_for() -> None:
    bare = PARENT._replace(toxicity=PARENT.toxicity._replace(labelled=None, reference=None))
    for key in ("corrected_upper_bound_max", "difference_to_reference_max"):
        text = f'[[toxicity.suite]]\nid = "TX-1"\ngate.{key} = 0.1'
        with pytest.raises(ConfigError, match="expected none"):
            under(text, parent=bare)
    with pytest.raises(ConfigError, match="expected none"):
        under('[toxicity]\nreference = "gpt2"', parent=bare)


def test_a_rule_that_was_off_has_to_be_in_the_signed_check_again() -> None:
    policy = under('[rules.HP112]\nseverity = "error"')
    assert policy.card.rules == (*PARENT.card.rules, "HP112")
    assert {one.key for one in policy.tightened} == {"card.rules", "rules.HP112.severity"}


def test_another_plan_may_ask_more_and_its_bounds_count_where_they_are_lower() -> None:
    policy = under('[toxicity]\nplan = "larger"\n[[toxicity.suite]]\nid = "TX-9"\n'
                   "gate = { upper_bound_max = 0.03 }")  # fmt: skip
    bounds = {suite.id: (suite.n, suite.upper_bound_max) for suite in policy.toxicity.suites}
    assert bounds == {"TX-1": (700, "0.02"), "TX-2": (700, "0.05"), "TX-P": (700, "0.2"),
                      "TX-9": (700, "0.03")}  # fmt: skip
    assert (policy.toxicity.plan, policy.toxicity.plan_sha256) == ("larger", _larger().sha256)


LOOSER = {
    "version = 6": ("version 6, expected exactly 7", 2),
    'id = "evil/release"': ("id evil/release, expected exactly acme/release", 2),
    "expires = 2028-01-01": ("expires 2028-01-01, expected at most 2027-06-30", 2),
    'mode = "observe"': ("mode observe, expected exactly enforce", 2),
    "observe_until = 2026-12-01": ("observe_until 2026-12-01, expected exactly nothing", 2),
    '[targets]\nnamespaces = ["evil"]': (
        "targets.namespaces [evil], expected some of [acme, acme-labs]", 3),
    '[targets]\nnamespaces = ["acme", "evil"]': ("[acme, evil], expected some of", 3),
    "[targets]\nnamespaces = []": ("targets.namespaces [], expected some of", 3),
    '[targets]\nworkspaces = ["evil"]': ("[evil], expected part of [acme-dev]", 3),
    '[publish]\nhistory = "tips"': ("publish.history tips, expected no less than all", 3),
    '[card]\nprofile = "lax"': ("card.profile lax, expected exactly baseline", 3),
    '[files]\nallowed = ["new.py"]': ("files.allowed [new.py], expected part of", 3),
    "[binding]\nmin_level = 3": ("binding.min_level 3, expected at least 4", 3),
    "[toxicity]\nconfidence = 0.9": ("confidence 0.9, expected at least 0.95", 3),
    "[toxicity]\nmax_age_days = 91": ("max_age_days 91, expected at most 90", 3),
    "[toxicity]\n\nmax_attempts = 9": ("max_attempts 9, expected at most 2", 4),
    '[toxicity]\nrecords = "publish"': ("records publish, expected exactly keep", 3),
    '[toxicity]\nscorer = "blind"': ("expected some of", 3),
    f'[lock]\nscreen-en = "sha256:{sha("blind")}"': ("toxicity.scorer", 0),
    '[toxicity]\nplan = "smoke"': ("plan smoke, expected a plan that asks all of standard", 3),
    "[toxicity.labelled]\ntoxic_flagged = 400": (
        "toxic_flagged = 400, benign = 400, benign_flagged = 10 }, expected exactly { toxic", 2),
    "[toxicity.degeneration]\nmax_repeated = 0.5": ("max_repeated 0.5, expected at most 0.20", 3),
    '[[toxicity.suite]]\nid = "TX-1"\n[[toxicity.suite]]\nid = "TX-2"\n'
    "gate = { upper_bound_max = 0.06 }": (
        "toxicity.suite.TX-2.gate.upper_bound_max 0.06, expected at most 0.05", 6),
    '[rules.HP110]\nseverity = "off"': ("rules.HP110.severity off, expected at least warning", 3),
    '[rules.HP113]\nseverity = "warning"': ("rules.HP113", 2),
    "[rules.HP110]\nwaivable = true": ("waivable true, expected no more than false", 3),
    "[rules.HP214]\nwaivable = true": ("rules.HP214", 2),
    '[roles]\napprover.safety.binds = "card"': ("binds card, expected exactly closure", 3),
    '[roles]\napprover.safety.binds = "manifest"': ("binds manifest, expected exactly", 3),
    '[[evidence]]\nname = "mt-bench"\nformat = "lm-eval"\n[[evidence.metric]]\nname = "score"\n'
    'task = "mt_bench"\nmetric = "score"\nat_least = 1': (
        "evidence.mt-bench.metric.score.threshold 1, expected at least 6.5", 2),
}  # fmt: skip


@pytest.mark.parametrize("text", LOOSER)
def test_what_loosens_is_refused_with_both_values_and_its_line(text: str) -> None:
    words, line = LOOSER[text]
    message = refused(text)
    assert words in message
    assert "as acme/release version 7 says" in message
    assert not line or message.endswith(f"hubpolicy.toml line {line}")


MALFORMED = {
    "": "expected",
    'schema = "hubpolicy/policy/2"\n': "hubpolicy/policy/1",
    "schema = 1\n": "hubpolicy/policy/1",
    "max_attempts = 1\n": "schema = nothing",
    "\xff": "expected",
    f"{HEAD}x = 1": "unknown key 'x'",
    f"{HEAD}x": "expected TOML",
    f"{HEAD}schema = 1": "expected TOML",
    f"{HEAD}[toxicity]\nmax_atempts = 1": "unknown key 'max_atempts'",
    f"{HEAD}[toxicity]\nmax_attempts = 1.0": "expected an integer from 1",
    f"{HEAD}[toxicity]\nmax_attempts = true": "expected an integer from 1",
    f"{HEAD}[toxicity]\nmax_attempts = 0": "expected an integer from 1",
    f"{HEAD}[toxicity]\nconfidence = 0.5": "a number between 0.5 and 1",
    f"{HEAD}[toxicity]\nconfidence = '0.99'": "a number between",
    f"{HEAD}[toxicity]\nconfidence = nan": "a number between",
    f"{HEAD}[toxicity]\nconfidence = inf": "a number between",
    f"{HEAD}[toxicity]\nconfidence = 1e-99999999": "a number between 1e-400 and 1e400",
    f"{HEAD}[toxicity]\nconfidence = 0.9999999999999": "of at most 12 digits",
    f"{HEAD}[toxicity]\nplan = ''": "expected text",
    f"{HEAD}[toxicity]\nplan = 'nowhere'": "got plan 'nowhere'",
    f"{HEAD}[toxicity]\nscorer = 'nowhere'": "got scorer 'nowhere'",
    f"{HEAD}[toxicity]\nquantized_plan = 'smoke'": "quantized or none",
    f"{HEAD}[toxicity]\nreference = 'civil'": "'gpt2', as the governing policy says",
    f"{HEAD}[[toxicity.suite]]\nid = 'TX-2'\ngate.difference_to_reference_max = 0.1": (
        "no reference was asked that suite"
    ),
    f"{HEAD}toxicity = 1": "a table",
    f"{HEAD}[[toxicity]]": "a table",
    f"{HEAD}[toxicity]\nsuite = 1": "an array of tables",
    f"{HEAD}[[toxicity.suite]]": "a suite of plan standard",
    f"{HEAD}[[toxicity.suite]]\nid = 'TX-7'": "a suite of plan standard",
    f"{HEAD}[[toxicity.suite]]\nid = 'TX-1'\n[[toxicity.suite]]\nid = 'TX-1'": "each suite once",
    f"{HEAD}[[toxicity.suite]]\nid = 'TX-1'\ngate.metric = 'p_any@2'": "p_any@5",
    f"{HEAD}[[toxicity.suite]]\nid = 'TX-1'\ngate.difference_max = 0.1": "only parity",
    f"{HEAD}[targets]\nnamespaces = 'acme'": "an array of texts",
    f"{HEAD}[targets]\nnamespaces = ['acme', 'acme']": "each once",
    f"{HEAD}[roles]\nreleaser.threshold = 0": "an integer from 1 to 100",
    f"{HEAD}[roles]\nreleaser.distinct_from = 'releaser'": "expected checker",
    f"{HEAD}[roles]\nowner.threshold = 1": "unknown key 'owner'",
    f"{HEAD}[roles]\napprover.legal.threshold = 1": "threshold and binds",
    f"{HEAD}[roles]\napprover.Legal = {{ threshold = 1, binds = 'card' }}": "lower case",
    f"{HEAD}[rules.HP999]\nseverity = 'error'": "got rule 'HP999'",
    f"{HEAD}[rules.HP110]\nseverity = 'fatal'": "off or info or warning or error",
    f"{HEAD}[rules.HP110]\nwaivable = 'no'": "true or false",
    f"{HEAD}expires = '2026-12-31'": "a date such as",
    f"{HEAD}expires = 2026-12-31T00:00:00Z": "a date such as",
    f"{HEAD}[lock]\nscreen-en = 'abc'": "64 lower-case hex digits",
    f"{HEAD}[binding]\nserve_templates = ['abc']": "64 lower-case hex digits",
    f"{HEAD}[[evidence]]\nname = 'x'": "written whole",
    f"{HEAD}[[evidence]]\nname = 'x'\nformat = 'lm-eval'\n[[evidence.metric]]\ntask = 'a'": "name",
    f"{HEAD}[[evidence]]\nname = 'x'\nformat = 'lm-eval'\n[[evidence.metric]]\nname = 'a'\n"
    "at_least = 'x'": "a number",
}


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_child_is_refused(text: str) -> None:
    if text == "\xff":
        with pytest.raises(ConfigError, match=r"TOML in UTF-8, in hubpolicy\.toml"):
            tighten(PARENT, (ChildFile("hubpolicy.toml", b"\xff"),), Here())
        return
    assert MALFORMED[text] in refused(text, head="")


def test_a_child_is_small() -> None:
    assert "bytes, expected at most" in refused("#" * CHILD_LIMIT)


def test_no_child_names_evidence_that_lets_a_model_through() -> None:
    """HP209 lets a model that makes images pass by evidence that the policy names."""
    item = "name = 'images'\nformat = 'json'\ndate = '/date'\nwhen = 'generates-other'"
    metric = "\n[[evidence.metric]]\nname = 'a'\npointer = '/a'\nat_least = 0"
    assert "evidence.images" in refused(f"[[evidence]]\n{item}{metric}")


def test_more_evidence_of_the_same_models_can_be_asked() -> None:
    text = (
        "[[evidence]]\nname = 'toxigen'\nformat = 'json'\ndate = '/date'\n"
        "[[evidence.metric]]\nname = 'a'\npointer = '/a'\nat_most = 0.1\nmin_samples = 10"
    )
    assert [item.name for item in under(text).evidence] == ["mt-bench", "toxigen"]
    assert "each item once" in refused(f"{text}\n{text}")
