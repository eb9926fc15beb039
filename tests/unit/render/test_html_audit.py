# SPDX-License-Identifier: Apache-2.0
"""The page of an audit: is it clean, and if not, where; every repository, however many."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.cli.audit_asking import STATUSES
from hubpolicy.render.html_audit import FEWEST_ROWS, FIRST, MEANINGS, MOST_ROWS, page
from hubpolicy.render.html_lanes import MOST_DOTS, Axis, axis, lane
from hubpolicy.render.html_page import render
from hubpolicy.render.repositories import elsewhere, places, repositories, tone, weight, where
from tests.unit.render.audits import (
    CHANGED,
    MAIN,
    MIXED,
    UNTESTED,
    audit,
    exposed,
    ref,
    signed,
    wide,
)
from tests.unit.render.pages import Page, assert_sound

if TYPE_CHECKING:
    from hubpolicy.render.report import RefRow, Report


def read(report: Report) -> Page:
    found = Page(render(report))
    assert_sound(found)
    return found


def test_every_verdict_has_a_meaning_a_weight_and_a_tone() -> None:
    assert set(MEANINGS) == set(STATUSES)
    assert all(weight(status) >= 0 for status in STATUSES)
    assert {s for s in STATUSES if tone(s) != "bad"} == {
        "ATTESTED", "ATTESTED_WAIVED", "STALE", "BASELINE",
    }  # fmt: skip
    assert (tone("FINE"), weight("FINE")) == ("bad", -1)  # unknown: worse than all that is known


ANSWERS: list[tuple[list[RefRow], str, str]] = [
    ([], "inconclusive", "No ref that holds weights was found: where nothing was judged, nothing is clean."),
    ([ref("a/b"), ref("a/b", "refs/pr/1")], "passed", "a/b is clean: 2 refs attested."),
    ([ref("a/b"), ref("a/c")], "passed", "All 2 repositories are clean: 2 refs attested."),
    ([ref("a/b"), ref("a/c", MAIN, "STALE"), ref("a/d", MAIN, "BASELINE")], "passed",
     "Nothing blocks in 3 repositories: 1 ref attested, 1 STALE, 1 BASELINE, never judged."),
    ([ref("a/b", MAIN, "STALE")], "failed",
     "a/b is clean: 1 STALE. But this audit was asked to fail on that."),
    ([ref("a/b", MAIN, "MODIFIED"), ref("a/b", "x")], "failed", "a/b is not clean: 1 of 2 refs."),
    ([ref("a/b", MAIN, "UNREADABLE")], "inconclusive", "a/b could not be read: 1 of 1 ref."),
    ([ref("a/b"), ref("a/c", MAIN, "REVOKED")], "failed", "Of 2 repositories 1 is not clean: a/c."),
    ([ref("a/b", MAIN, "UNREADABLE"), ref("a/c", MAIN, "UNATTESTED"), ref("a/d", MAIN, "EXPOSED")],
     "failed", "Of 3 repositories 2 are not clean and 1 could not be read: a/d, a/c, a/b."),
    ([ref(f"a/{n}", MAIN, "MODIFIED") for n in range(9)], "failed",
     "Of 9 repositories 9 are not clean: a/0, a/1, a/2 and 6 more."),
]  # fmt: skip


@pytest.mark.parametrize(("refs", "verdict", "said"), ANSWERS)
def test_the_first_sentence_says_whether_and_where(
    refs: list[RefRow], verdict: str, said: str
) -> None:
    found = read(audit(refs, verdict, fail_on=("STALE",)))
    assert said in [text.strip() for tag, text in found.texts if tag == "p"]
    assert verdict in [text.strip() for tag, text in found.texts if tag == "span"]


def test_nobody_is_said_to_have_asked_who_did_not() -> None:
    for code, more in ((4, {"other_codes": (4,)}), (1, {})):
        said = read(audit([ref("a/b")], "failed", exit_code=code, **more)).text
        assert "a/b is clean: 1 ref attested. But " in said
        assert "asked to fail" not in said
        assert ("for what no ref tells: exit code 4." in said) == bool(more)


def test_only_what_was_judged_is_counted_as_judged() -> None:
    report = audit([ref("a/b")], "passed", signings=(signed("a/b"), signed("gone/c")))
    found = read(report)
    assert "All" not in found.text.split("clean")[0]
    (row,) = [text for tag, text in found.texts if "something to judge" in text]
    assert row
    assert re.search(r"something to judge\s*1\b", found.text)
    assert "One in which it found nothing to judge is not among them." in found.text


def test_two_sources_are_told_apart() -> None:
    one, two = ref("a/b")._replace(source="https://hub"), ref("a/b")._replace(source="clone ./b")
    assert "in clone ./b" not in read(audit([two], "passed")).text
    assert {"in clone ./b", "in https://hub"} <= {
        text.strip() for _, text in read(audit([one, two], "passed")).texts
    }


def test_what_was_public_is_said_at_the_top_also_where_all_is_well_now() -> None:
    found = read(audit([ref("a/b")], "passed", exposures=(exposed("a/b"), exposed("gone/c"))))
    assert (
        "a/b is clean: 1 ref attested. Bytes without a release were public 2 times." in found.text
    )
    assert found.find("details", **{"class": "part is-open"})
    assert "gone/c" in found.text
    assert "not judged" in found.text


def test_everything_of_an_audit_is_on_its_page() -> None:
    text = " ".join(read(MIXED).text.split())
    for row in MIXED.refs:
        assert row.repo in text
        assert row.status in text
        assert row.detail in text
    for finding in MIXED.findings:
        assert finding.message in text
        assert finding.fix in text
    assert "config.json:3" in text  # a finding has its file and its line
    for said in ("another key", "DigiStamp", "self-declared", "2026-05-09T00:00:00Z",
                 "repo.visibility by mallory", "acme/release 7", "got 500 from the hub"):  # fmt: skip
        assert said in text, said
    assert MEANINGS["STALE"] in text
    assert MEANINGS["REVOKED"] not in text  # only what is there is explained


def test_what_is_not_clean_comes_first_and_is_unfolded() -> None:
    parts = page(MIXED).parts
    assert [part.repository.name for part in parts] == [
        "acme/bad", "acme/gone", "acme/old", "acme/first", "acme/good",
    ]  # fmt: skip
    assert [part.status for part in parts] == [
        "MODIFIED", "UNREADABLE", "STALE", "BASELINE", "ATTESTED",
    ]  # fmt: skip
    assert [part.unfolded for part in parts] == [True, True, False, False, False]
    assert [finding.rule for finding in parts[0].findings] == ["HP308", "HP201"]
    links = [tag.get("href") for tag in read(MIXED).find("a") if tag.get("class") == "name"]
    assert links == ["#r1", "#r2"]


def test_the_finding_at_the_top_is_the_one_that_made_the_verdict() -> None:
    row = ref("a/b", MAIN, "MODIFIED", 0, 1, rules="HP201 HP308", detail="HP308 config.json")
    report = audit([row, ref("a/c")], findings=(UNTESTED, CHANGED))
    assert [part.lead for part in page(report).parts] == [CHANGED, None]
    told = audit([row._replace(detail="changed"), ref("a/c")], findings=(UNTESTED, CHANGED))
    assert page(told).parts[0].lead == UNTESTED


def test_the_matrix_counts_the_refs_at_which_a_rule_found_something() -> None:
    rows = [ref("a/b", str(n), "MODIFIED", rules="HP308 HP201"[: 5 if n else 11]) for n in range(3)]
    rows += [ref("a/c", MAIN, "UNATTESTED", rules="HP201"), ref("a/d")]
    found = page(audit(rows))
    assert [rule for rule, title in found.rules if title] == ["HP201", "HP308"]
    source = render(audit(rows))
    cells = re.findall(
        r'<tr><th scope="row"><a href="#r\d">(.*?)</a>.*?</td>((?:<td class="hit">\d</td>|<td></td>)*)</tr>',
        source,
    )
    counts = {name: re.findall(r"<td(?: class=\"hit\")?>(\d?)</td>", row) for name, row in cells}
    assert counts == {"a/b": ["1", "3"], "a/c": ["1", ""], "a/d": ["", ""]}


def test_refs_that_say_the_same_stand_in_one_row() -> None:
    rows = [ref("a/b", f"refs/tags/v{n}", oid="1" * 40) for n in range(30)]
    source = render(audit([*rows, ref("a/b", MAIN, "MODIFIED")]))
    assert source.count("refs/tags/v3,") == 1
    assert "and 10 more" in source
    (part,) = page(audit([*rows, ref("a/b", MAIN, "MODIFIED")])).parts
    assert [len(group.names) for group in part.groups] == [1, 30]
    assert part.groups[0].tone == "bad"


def test_one_repository_has_no_lists_of_where() -> None:
    found = read(audit([ref("a/b", MAIN, "MODIFIED", 0)], findings=(CHANGED,)))
    assert "Where it is not clean" not in found.text
    assert len(found.find("li", **{"class": "error"})) == 1


def test_findings_of_no_ref_are_told_too() -> None:
    assert "not tested yet" in read(audit([ref("a/b")], findings=(UNTESTED,))).text


@pytest.mark.parametrize("number", [13, 300])
def test_no_repository_is_hidden(number: int) -> None:
    report = wide(number)
    found = read(report)
    names = {row.repo for row in report.refs}
    in_table = [data for tag, data in found.texts if tag == "a" and data in names]
    headed = [data for tag, data in found.texts if tag == "h3"]
    bad = sum(repository.tone == "bad" for repository in repositories(report))
    assert len(in_table) == number + min(bad, FIRST)
    assert sorted(headed) == sorted(names)
    assert (f"{bad - FIRST} repositories more" in found.text) == (bad - FIRST > 1)


def test_a_repository_with_a_long_history_is_bounded_and_counted() -> None:
    many = MOST_ROWS + 40
    refs = [ref("a/b", f"refs/heads/{n}", oid=f"{n:040x}") for n in range(many)]
    bad = ref("a/b", "refs/heads/last", "REVOKED")
    report = audit([*refs, bad], signings=tuple(signed("a/b") for _ in range(many)))
    (part,) = page(report).parts
    assert part.more == (41, 0, 40, 0)
    assert part.groups[0].row.status == "REVOKED"
    text = " ".join(read(report).text.split())
    assert "41 more rows in the JSON report" in text
    assert part.lane is not None
    assert len(part.lane.dots) == MOST_DOTS
    assert f"{many} releases" in part.lane.words


def test_the_wider_the_audit_the_less_of_each_but_never_nothing() -> None:
    refs = [ref(f"a/{r}", f"refs/heads/{n}", oid=f"{n:040x}") for r in range(9) for n in range(9)]
    report = audit(refs)
    assert {len(part.groups) for part in page(report).parts} == {9}
    many = audit([row._replace(repo=f"{row.repo}-{k}") for k in range(600) for row in refs[:9]])
    assert {len(part.groups) for part in page(many).parts} == {9}
    most = audit([row._replace(repo=f"{row.repo}-{k}") for k in range(4500) for row in refs[:9]])
    assert {len(part.groups) for part in page(most).parts} == {FEWEST_ROWS}


ON = Axis(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))


@given(st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), min_size=2))  # noqa: DTZ001
def test_what_came_first_stands_left(moments: list[datetime]) -> None:
    aware = sorted(moment.replace(tzinfo=UTC) for moment in moments)
    drawn = [ON.at(moment) for moment in aware]
    assert drawn == sorted(drawn)
    assert 0 < drawn[0] <= drawn[-1] < 100


@pytest.mark.parametrize("time", ["", "noon", "2026-13-01", "9999-12-31T23:59:59-23:59", "\x1b"])
def test_what_is_no_time_is_in_the_table_and_not_on_the_axis(time: str) -> None:
    report = audit([ref("a/b")], signings=(signed("a/b", time), signed("a/b")), made="")
    on = axis(report)
    (one,) = repositories(report)
    drawn = lane(one, on)
    assert drawn is not None
    assert len(drawn.dots) == 1
    assert drawn.words.startswith("2 releases")
    assert_sound(Page(render(report)))
    assert axis(audit([], signings=(signed("a/b", time),), made="")) is None


def test_lanes_tell_spans_keys_and_the_same_in_words() -> None:
    report = audit(
        [ref("a/b")],
        signings=(signed("a/b", "2026-01-01T00:00:00Z"),
                  signed("a/b", "2026-03-01T00:00:00Z", remark="another key")),
        exposures=(exposed("a/b", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"), exposed("a/b", "2026-11-01T00:00:00Z")),
    )  # fmt: skip
    on = axis(report)
    (one,) = repositories(report)
    drawn = lane(one, on)
    assert on is not None
    assert drawn is not None
    assert on.labels == ("2026-01-01", "2026-06-11", "2026-11-20")
    assert [dot.outstanding for dot in drawn.dots] == [False, True]
    closed, open_ = drawn.spans
    assert drawn.dots[0].x < closed.x < drawn.dots[1].x
    assert round(open_.x + open_.width, 1) == 98.5  # still public: to the end
    assert drawn.words == (
        "2 releases from 2026-01-01T00:00:00Z to 2026-03-01T00:00:00Z; 1 that stands out; "
        "2 times in public without a release"
    )
    labels = [tag.get("aria-label") for tag in read(report).find("svg", role="img")]
    assert labels == [drawn.words]


def test_a_finding_knows_its_refs_and_a_bad_ref_without_one_is_known() -> None:
    found = places(MIXED)
    assert {place: [row.ref for row in rows] for place, rows in found.items()} == {
        0: [MAIN], 1: ["refs/pr/1"],
    }  # fmt: skip
    assert [row.repo for row in elsewhere(MIXED)] == ["acme/gone"]
    assert where(found[0]) == f"acme/bad: {MAIN}"
    assert where(tuple(ref(f"a/{n}") for n in range(5))) == "a/0, a/1, a/2 and 2 more"
    assert where(()) == ""


def test_the_same_audit_is_the_same_page() -> None:
    assert render(MIXED) == render(MIXED)
