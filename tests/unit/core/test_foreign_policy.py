# SPDX-License-Identifier: Apache-2.0
"""``[[evidence]]`` in hubpolicy.toml, and in the policy that is signed."""

from __future__ import annotations

import copy
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core.foreign_policy import resolve_items
from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.policy_document import resolve
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.policy import EvidenceItem, EvidenceMetric
from hubpolicy.errors import ConfigError
from tests.house.tree import PROJECT
from tests.unit.core.foreign_world import ITEM, MAPPED, PROFANITY, asking_for
from tests.unit.core.test_policy_document import BASE, HERE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

TOML = """
[[evidence]]
name = "mt-bench"
format = "lm-eval"
[[evidence.metric]]
name = "score"
task = "mt_bench"
metric = "score"
at_least = 6.5

[[evidence]]
name = "profanity"
format = "garak"
binds = "closure"
max_age_days = 30
[[evidence.metric]]
name = "passed"
probe = "lmrc.Profanity"
detector = "lmrc.Profanity"
at_least = 0.95
min_samples = 100

[[evidence]]
name = "images"
format = "json"
when = "generates-other"
date = "/made"
[[evidence.metric]]
name = "nsfw"
pointer = "/nsfw"
samples = "/asked"
at_most = 1e-3
"""


def resolved(text: str) -> tuple[EvidenceItem, ...]:
    raw = (BASE + text).encode()
    return parse_policy(resolve(raw, SCHEMA, HERE, where="hubpolicy.toml")).evidence


def test_what_people_write_and_what_is_signed() -> None:
    images, bench, profanity = resolved(TOML)
    assert bench == ITEM
    assert profanity == EvidenceItem(
        "profanity",
        "garak",
        (
            EvidenceMetric(
                "passed",
                (("detector", "lmrc.Profanity"), ("probe", "lmrc.Profanity")),
                "at least",
                "0.95",
                100,
            ),
        ),
        max_age_days=30,
    )
    assert (images.when, images.date) == ("generates-other", "/made")
    assert images.metrics[0].threshold == "0.001"


def test_the_example_in_the_docs_is_a_policy() -> None:
    text = (PROJECT / "docs" / "formats.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(\[\[evidence\]\].*?)```", text, re.DOTALL)
    assert [item.name for item in resolved(example)] == ["mt-bench", "profanity"]


def test_a_policy_that_asks_for_none_is_signed_as_before() -> None:
    assert resolved("") == ()
    assert "evidence" not in policy_payload(asking_for())


def item(**changes: str) -> str:
    """One item, with lines exchanged or (empty) left out."""
    lines = {
        "name": 'name = "x"',
        "format": 'format = "lm-eval"',
        "head": "[[evidence.metric]]",
        "metric_name": 'name = "score"',
        "task": 'task = "t"',
        "metric": 'metric = "m"',
        "limit": "at_least = 1",
        **changes,
    }
    return "[[evidence]]\n" + "\n".join(lines.values())


def test_the_item_of_the_next_test_is_a_good_one() -> None:
    (found,) = resolved(item())
    assert found.metrics[0].threshold == "1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (item() + "\n" + item(), "two [[evidence]] of one name"),
        (item() + '\n[[evidence.metric]]\nname = "score"\ntask = "t"\nmetric = "m"\nat_most = 2',
         "two [[evidence.metric]] of one name"),
        (item(name='name = "MT"'), "does not match"),
        (item(name=""), "'name' is a required property"),
        (item(format='format = "helm"'), "'helm' is not one of"),
        (item(format='format = "garak"'), "expected for format garak: probe, detector (optional)"),
        (item(format='format = "json"\ndate = "/d"'), "for format json: pointer, samples (optional)"),
        (item(format='format = "json"', task='pointer = "/x"', metric=""), 'date = "/pointer"'),
        (item(format='format = "lm-eval"\ndate = "/d"'), "expected no date"),
        (item(format='format = "json"\ndate = "/d"', task='pointer = "/~2"', metric=""),
         "expected JSON pointers"),
        (item(format='format = "json"\ndate = "/~"', task='pointer = "/x"', metric=""),
         "expected a JSON pointer such as /date"),
        (item(format='format = "json"\ndate = "/d"', task='pointer = "x"', metric=""),
         "does not match"),
        (item(task=""), "for format lm-eval: metric, task, filter (optional)"),
        (item(task='task = "t"\nprobe = "p"'), "for format lm-eval"),
        (item(task='task = ""'), "should be non-empty"),
        (item(limit=""), "is not valid under any of the given schemas"),
        (item(limit="at_least = 1\nat_most = 2"), "is valid under each of"),
        (item(limit='at_least = "1"'), "is not of type 'number'"),
        (item(limit="at_least = nan"), "a number between 1e-400 and 1e400"),
        (item(limit="at_least = inf"), "a number between 1e-400 and 1e400"),
        (item(limit="at_least = 1e999"), "a number between 1e-400 and 1e400"),
        (item(limit="at_least = 1\nmin_samples = -1"), "less than the minimum"),
        (item(head='when = "never"\n[[evidence.metric]]'), "'never' is not one of"),
        (item(head="max_age_days = 0\n[[evidence.metric]]"), "less than the minimum"),
        (item(head='binds = "card"\n[[evidence.metric]]'), "'closure' was expected"),
        (item(head="optional = true\n[[evidence.metric]]"), "'optional' was unexpected"),
        ('[[evidence]]\nname = "x"\nformat = "garak"\nmetric = []', "should be non-empty"),
    ],
)  # fmt: skip
def test_what_is_not_an_item_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolved(text)
    assert message in refused.value.message
    assert "hubpolicy.toml" in refused.value.message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"at_most": 2}, "exactly one of at_least and at_most"),
        ({"at_least": None}, "exactly one of at_least and at_most"),
        ({"optional": "yes"}, "no other keys"),
        ({"name": "Score"}, "a name such as score"),
        ({"at_least": Decimal("NaN")}, "a decimal number as text"),
        ({"min_samples": -1}, "an integer from 0"),
    ],
)
def test_tables_that_no_schema_saw_are_held_to_the_same(
    changes: dict[str, object], expected: str
) -> None:
    """A child policy is read without the JSON Schema, which is not on the hook's path."""
    metric = {"name": "score", "task": "t", "metric": "m", "at_least": 1, **changes}
    metric = {key: value for key, value in metric.items() if value is not None}
    table = {"name": "x", "format": "lm-eval", "metric": [metric]}
    with pytest.raises(ConfigError, match=expected):
        resolve_items([table], "a child")
    with pytest.raises(ConfigError, match="a name such as mt-bench"):
        resolve_items([{**table, "name": "X", "metric": [METRIC]}], "a child")
    assert resolve_items([{**table, "metric": [METRIC]}], "a child")[0].name == "x"


METRIC = {"name": "score", "task": "t", "metric": "m", "at_least": 1}

SIGNED = policy_payload(asking_for(ITEM, PROFANITY, MAPPED))


def test_the_signed_form_is_read_back() -> None:
    assert parse_policy(canonical(SIGNED)).evidence == (ITEM, PROFANITY, MAPPED)


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items.append(items[0]),
        lambda items: items[0].update(format="helm"),
        lambda items: items[0].update(name="MT"),
        lambda items: items[0].update(when="never"),
        lambda items: items[0].update(maxAgeDays=0),
        lambda items: items[0].update(date="/d"),
        lambda items: items[0].update(extra=1),
        lambda items: items[0].update(metrics=[]),
        lambda items: items[0]["metrics"].append(items[0]["metrics"][0]),
        lambda items: items[0]["metrics"][0].update(threshold=6.5),
        lambda items: items[0]["metrics"][0].update(threshold="NaN"),
        lambda items: items[0]["metrics"][0].update(comparison="about"),
        lambda items: items[0]["metrics"][0].update(minSamples=-1),
        lambda items: items[0]["metrics"][0].update(name="S"),
        lambda items: items[0]["metrics"][0].update(extra=1),
        lambda items: items[0]["metrics"][0]["source"].pop("task"),
        lambda items: items[0]["metrics"][0]["source"].update(probe="x"),
        lambda items: items[0]["metrics"][0]["source"].update(column="x"),
        lambda items: items[0]["metrics"][0]["source"].update(task=""),
        lambda items: items[2].pop("date"),
        lambda items: items[2].update(date="made"),
        lambda items: items[2]["metrics"][0]["source"].update(pointer="breaches"),
        lambda items: items[2]["metrics"][0]["source"].update(samples=""),
    ],
)
def test_a_signed_policy_that_is_not_as_we_write_it_is_refused(
    change: Callable[[list[dict[str, Any]]], object],
) -> None:
    value = copy.deepcopy(SIGNED)
    change(value["evidence"])
    with pytest.raises(ConfigError):
        parse_policy(json.dumps(value).encode())
