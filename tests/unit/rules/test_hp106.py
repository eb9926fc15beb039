# SPDX-License-Identifier: Apache-2.0
"""HP106: the licence is known."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.check import RepoFacts
from tests.unit.core.card.cards import TRANSFORMERS, found, judge, vocabularies, with_metadata

LICENSED = RepoFacts(("safetensors",), TRANSFORMERS.paths | {"LICENSE", "legal/terms.txt"}, True, 1)


@pytest.mark.parametrize("licence", sorted(vocabularies().licences - {"other", "unknown"}))
def test_every_licence_of_the_hub_passes(licence: str) -> None:
    assert found(with_metadata(license=f'"{licence}"'), "HP106") == []


@pytest.mark.parametrize(
    ("licence", "fix"),
    [
        ("MIT", "license: mit"),
        ("Apache-2.0", "license: apache-2.0"),
        ("apache 2", "license: apache-2.0"),
        ("GPLv3", "license: gpl-3.0"),
        ("my-own", "license: other, with license_name and license_link"),
    ],
)
def test_other_spellings_are_errors_with_the_right_one(licence: str, fix: str) -> None:
    (finding,) = judge(with_metadata(license=licence)).findings
    assert finding.message.startswith(f"the Hub does not know the licence `{licence}`")
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize(
    ("licence", "finding"),
    [
        (None, "1:1 error the metadata has no `license`, so nobody may use the model"),
        ("", "2:1 error `license` is empty, expected a licence id"),
        ("[]", "2:10 error `license` is a list, expected a licence id"),
        ("2.0", "2:10 error `license` is 2.0, expected a licence id"),
        ("[mit, 3]", "2:16 error `license` holds 3, expected a licence id"),
        ("unknown", "2:10 warning the licence is `unknown`, so nobody knows what they may do"),
    ],
)
def test_no_licence(licence: str | None, finding: str) -> None:
    assert found(with_metadata(license=licence), "HP106") == [finding]


def test_each_of_several_licences_is_judged() -> None:
    assert len(found(with_metadata(license="[mit, mitt, apache-2.0, x]"), "HP106")) == 2


OTHER = {
    "neither name nor text": ({}, TRANSFORMERS, 2),
    "name only": ({"license_name": "own"}, TRANSFORMERS, 1),
    "text only": ({}, LICENSED, 1),
    "name and file": ({"license_name": "own"}, LICENSED, 0),
    "name and web": ({"license_name": "own", "license_link": "https://a.org/l"}, TRANSFORMERS, 0),
    "name and path": ({"license_name": "own", "license_link": "legal/terms.txt"}, LICENSED, 0),
    "path to nothing": ({"license_name": "own", "license_link": "LICENCE"}, LICENSED, 1),
    "own machine": ({"license_name": "own", "license_link": "/home/anna/L"}, LICENSED, 1),
    "script": ({"license_name": "own", "license_link": "javascript:x"}, LICENSED, 1),
}


@pytest.mark.parametrize(("keys", "facts", "count"), OTHER.values(), ids=OTHER)
def test_other_licences_need_a_name_and_a_text(
    keys: dict[str, str], facts: RepoFacts, count: int
) -> None:
    assert len(found(with_metadata(license="other", **keys), "HP106", facts)) == count


def test_a_licence_link_is_judged_whatever_the_licence() -> None:
    assert len(found(with_metadata(license_link="nowhere.txt"), "HP106")) == 1
