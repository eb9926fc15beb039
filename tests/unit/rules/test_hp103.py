# SPDX-License-Identifier: Apache-2.0
"""HP103: no key is given twice."""

from __future__ import annotations

from tests.unit.core.card.cards import found, judge, with_metadata


def test_a_repeated_key_is_found_at_its_second_place() -> None:
    card = with_metadata().replace("license: mit\n", "license: mit\nlicense: gpl-3.0\n")
    assert found(card, "HP103") == [
        (
            "3:1 error the key `license` stands twice, first in line 2;"
            " readers disagree which one counts"
        )
    ]
    assert judge(card).findings[0].fix == "remove line 3 or line 2"


def test_quotes_make_no_other_key() -> None:
    assert len(found(with_metadata(tags='[a]\n"tags": [b]'), "HP103")) == 1


def test_keys_of_different_mappings_may_be_the_same() -> None:
    assert found(with_metadata(widget="[{text: a}, {text: b}]"), "HP103") == []
