# SPDX-License-Identifier: Apache-2.0
"""Every planted defect is found, and none invented: ``bench/audit_confusion.py``, each case once."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bench.audit_confusion import LOG, LOGGED, LOOKS, NOTHING, compared, differences, look, table
from tests.e2e.author import Author
from tests.hub.case_table import CASES
from tests.hub.planting import MAIN, drawn, plant

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from bench.audit_confusion import Look
    from hubpolicy.demo.hub.process import HubProcess
    from tests.hub.planting import Organisation, Plot


@pytest.fixture(scope="module")
def planted(own_hub: HubProcess) -> Organisation:
    return plant(own_hub, CASES)


@pytest.fixture
def ada(planted: Organisation, tmp_path: Path) -> Author:
    planted.settle(tmp_path)
    return Author(tmp_path, planted.hub.endpoint)


def looked(planted: Organisation, ada: Author, *options: str) -> Look:
    def audit(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = ada.type("audit", *arguments)
        assert "Traceback" not in done.err
        return done.code, done.document

    return look(planted, audit, *options)


def test_in_all_revisions_by_both_engines(planted: Organisation, ada: Author) -> None:
    asked, cloned = (looked(planted, ada, *options) for options in LOOKS[1:])
    assert not asked.wrong, table(asked.pairs)
    assert not cloned.wrong, table(cloned.pairs)
    assert differences(asked, cloned) == []
    past = sum(len(plot.past) for plot in planted.plots)
    assert past > 5
    assert len(cloned.pairs) >= len(CASES) + past


def test_at_the_tips_and_what_of_it_was_public(planted: Organisation, ada: Author) -> None:
    """What is wrong and was public is EXPOSED, and says what it is besides; nothing else is."""
    (ada.home / LOG).write_text(json.dumps(planted.audit_log()))
    found = looked(planted, ada, *LOGGED)
    assert not found.wrong, table(found.pairs)
    assert found.code == 4, "one of them denies access"
    assert len(found.pairs) >= len(CASES)
    counts = Counter(pair.found for pair in found.pairs)
    assert counts["EXPOSED"] > 5
    assert counts["UNATTESTED"] + counts["MODIFIED"] + counts["REVOKED"] > 5
    rows = [
        row | {"status": row["detail"].partition(",")[0]} if row["status"] == "EXPOSED" else row
        for row in found.rows
    ]
    plain = compared(planted, rows, history=False)
    assert all(pair.planted == pair.found for pair in plain), table(plain)


def test_a_seed_plants_the_same_again_and_another_something_else() -> None:
    first = drawn(CASES, 300, 7)
    assert (len(first), set(first)) == (300, set(CASES))
    assert first == drawn(CASES, 300, 7)
    assert sorted(first) != sorted(drawn(CASES, 300, 8))


class TestTheMeasureItself:
    """A table whose diagonal cannot be left proves nothing."""

    @pytest.fixture
    def one(self, planted: Organisation) -> tuple[Organisation, Plot]:
        plot = next(plot for plot in planted.plots if plot.case == "replaced")
        return planted._replace(plots=(plot,), lives=planted.lives[:1]), plot

    def row(self, plot: Plot, **changes: str) -> dict[str, str]:
        oid, status = plot.tips[MAIN]
        return {"repo": plot.name, "ref": MAIN, "oid": oid, "status": status} | changes

    @pytest.mark.parametrize(
        ("changes", "pairs"),
        [
            ({}, {("MODIFIED", "MODIFIED")}),
            ({"status": "ATTESTED"}, {("MODIFIED", "ATTESTED")}),
            ({"oid": "0" * 40}, {("MODIFIED", NOTHING), (NOTHING, "MODIFIED")}),
            ({"ref": "refs/tags/v1"}, {("MODIFIED", NOTHING), (NOTHING, "MODIFIED")}),
            ({"repo": "acme/other"}, {("MODIFIED", NOTHING), (NOTHING, "MODIFIED")}),
        ],
    )
    def test_a_row_that_is_otherwise_is_off_the_diagonal(
        self,
        one: tuple[Organisation, Plot],
        changes: dict[str, str],
        pairs: set[tuple[str, str]],
    ) -> None:
        organisation, plot = one
        found = compared(organisation, [self.row(plot, **changes)], history=False)
        assert {(pair.planted, pair.found) for pair in found} == pairs

    def test_so_are_rows_that_are_missing_or_come_besides(
        self, one: tuple[Organisation, Plot]
    ) -> None:
        organisation, plot = one
        (missing,) = compared(organisation, [], history=False)
        assert (missing.planted, missing.found) == ("MODIFIED", NOTHING)
        history = self.row(plot, ref=f"{MAIN} (history)", oid="1" * 40, status="UNATTESTED")
        found = compared(organisation, [self.row(plot), history], history=True)
        wrong = {(pair.planted, pair.found) for pair in found if pair.planted != pair.found}
        assert wrong == {(NOTHING, "UNATTESTED"), ("ATTESTED", NOTHING)}
