# SPDX-License-Identifier: Apache-2.0
"""Saved audits as one: what counts, what is told, and that nothing is lost on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.errors import MalformedError
from hubpolicy.render.json_read import read_audit
from hubpolicy.render.json_v1 import render
from hubpolicy.render.merging import Source, merge
from hubpolicy.render.report import RefRow
from tests.unit.render.audits import CHANGED, MAIN, MIXED, UNTESTED, audit, exposed, ref, signed
from tests.unit.render.hostile import EXPOSURES, FINDINGS, SIGNINGS, TEXT, whole

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import ExposureRow, Report, Row, SigningRow

EARLY, LATE = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


def merged(*reports: Report) -> Report:
    return merge(
        [Source(f"{name}.json", each) for name, each in zip("abcdef", reports, strict=False)]
    )


def told(report: Report) -> list[Row]:
    return [row for row in report.rows if row.remark.startswith("differs")]


def test_what_is_written_is_what_is_read() -> None:
    assert read_audit(json.loads(render(MIXED)), where="x") == MIXED


@given(
    st.lists(FINDINGS, max_size=2),
    st.lists(SIGNINGS, max_size=2),
    st.lists(EXPOSURES, max_size=2),
    TEXT,
)
def test_no_text_is_lost_but_half_characters(
    findings: list[Finding],
    signings: list[SigningRow],
    exposures: list[ExposureRow],
    text: str,
) -> None:
    report = audit(
        [RefRow(text, text, text, "STALE", text, text, text, text)],
        findings=tuple(findings),
        signings=tuple(signings),
        exposures=tuple(exposures),
    )
    written = render(report)
    again = read_audit(json.loads(written), where="x")
    assert render(again) == written
    assert again.refs[0].repo == whole(text)


def test_a_ref_that_names_no_finding_is_refused() -> None:
    document = json.loads(render(MIXED))
    document["refs"][2]["findings"] = [2]
    with pytest.raises(MalformedError, match=r"got the finding 2 at acme/bad .*, in saved.json"):
        read_audit(document, where="saved.json")


def test_different_repositories_stand_beside_each_other() -> None:
    one = audit(
        [ref("acme/a", MAIN, "MODIFIED", 0)], findings=(CHANGED,), signings=(signed("acme/a"),)
    )
    two = audit(
        [ref("acme/b", MAIN, "UNATTESTED", 0)], findings=(UNTESTED,), exposures=(exposed("acme/b"),)
    )
    both = merged(one, two)
    assert [(row.repo, both.findings[row.findings[0]]) for row in both.refs] == [
        ("acme/a", CHANGED), ("acme/b", UNTESTED),
    ]  # fmt: skip
    assert both.signings == one.signings
    assert both.exposures == tuple(row._replace(made=two.made) for row in two.exposures)
    assert told(both) == []
    assert [row.name for row in both.rows] == ["a.json", "b.json"]


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_word_counts_in_whatever_order_and_the_older_is_told(turned: bool) -> None:
    old = audit([ref("acme/a", MAIN, "MODIFIED", 0)], findings=(CHANGED,), made=EARLY)
    new = audit([ref("acme/a", oid="b" * 40)], "passed", made=LATE)
    both = merged(*([new, old] if turned else [old, new]))
    (row,) = both.refs
    assert (row.status, row.oid, both.made) == ("ATTESTED", "b" * 40, LATE)
    assert both.findings == ()  # what was found is no more
    (note,) = told(both)
    assert note.name == f"acme/a {MAIN}"
    assert "ATTESTED" in note.text
    assert LATE in note.text
    assert "MODIFIED" in note.remark
    assert EARLY in note.remark


@pytest.mark.parametrize("turned", [False, True])
def test_of_one_moment_the_worst_word_counts(turned: bool) -> None:
    good, bad = audit([ref("acme/a")], "passed"), audit([ref("acme/a", MAIN, "REVOKED")])
    both = merged(*([good, bad] if turned else [bad, good]))
    assert [row.status for row in both.refs] == ["REVOKED"]
    assert len(told(both)) == 1


def test_an_audit_without_a_moment_is_older_than_any() -> None:
    both = merged(
        audit([ref("acme/a")], made=EARLY), audit([ref("acme/a", MAIN, "STALE")], made="")
    )
    assert [row.status for row in both.refs] == ["ATTESTED"]
    assert "at no stated time" in both.rows[1].remark


def test_what_says_the_same_twice_differs_in_nothing() -> None:
    both = merged(MIXED, MIXED._replace(made=LATE))
    assert {row.made for row in both.refs} == {MIXED.made}
    assert {row._replace(made=None) for row in both.refs} == set(MIXED.refs)
    assert (both.findings, told(both)) == (MIXED.findings, [])
    assert sorted(both.signings) == sorted(MIXED.signings)
    assert [row._replace(made=None) for row in both.exposures] == list(MIXED.exposures)


@pytest.mark.parametrize(("earlier", "later", "left"), [
    ("(all refs)", MAIN, [MAIN]),
    (MAIN, "(all refs)", [MAIN, "(all refs)"]),
])  # fmt: skip
def test_what_could_not_be_listed_is_known_where_somebody_could_later(
    earlier: str, later: str, left: list[str]
) -> None:
    status = {MAIN: "ATTESTED", "(all refs)": "UNREADABLE"}
    both = merged(*(
        audit([ref("acme/a", name, status[name])], made=made)
        for name, made in ((earlier, EARLY), (later, LATE))
    ))  # fmt: skip
    assert [row.ref for row in both.refs] == left


def test_commits_before_a_tip_are_each_their_own() -> None:
    past = f"{MAIN} (history)"
    rows = [ref("acme/a", past, "MODIFIED", oid=oid * 40) for oid in "123"]
    both = merged(audit(rows, made=EARLY), audit(rows[:1], made=LATE))
    assert sorted(row.oid[0] for row in both.refs) == ["1", "2", "3"]
    twins = [ref("acme/a", "(LFS storage)", "UNATTESTED", oid="", detail=d) for d in ("x", "y")]
    assert [row.detail for row in merged(audit(twins), audit(twins)).refs] == ["x", "y"]


def test_findings_of_no_ref_stay_and_the_least_trust_counts() -> None:
    one = audit([ref("acme/a")], findings=(UNTESTED,), waived=(CHANGED,))
    both = merged(one, audit([ref("acme/b")], findings=(UNTESTED,), solo=True))
    assert (both.findings, both.waived, both.solo) == ((UNTESTED,), (CHANGED,), True)
    assert merged(one, audit([], solo=None)).trust == "none"


def test_a_finding_is_one_per_repository() -> None:
    rows = [ref("acme/a", MAIN, "MODIFIED", 0), ref("acme/a", "refs/tags/v1", "MODIFIED", 0)]
    two = audit([ref("acme/b", MAIN, "MODIFIED", 0)], findings=(CHANGED,))
    both = merged(audit(rows, findings=(CHANGED,)), two)
    assert both.findings == (CHANGED, CHANGED)
    assert [row.findings for row in both.refs] == [(0,), (0,), (1,)]


def test_a_span_that_ended_since_is_told_once() -> None:
    both = merged(
        audit([], exposures=(exposed("acme/a", until=LATE),), made=LATE),
        audit([], exposures=(exposed("acme/a"),), made=EARLY),
    )
    assert [row.until for row in both.exposures] == [LATE]


def test_what_was_private_for_a_while_is_public_still() -> None:
    private = audit([], exposures=(exposed("acme/a", until=EARLY),), made=EARLY)
    again = audit([], exposures=(exposed("acme/a"),), made=LATE)
    for both in (merged(private, again), merged(merged(again, private), private)):
        assert [(row.until, row.made) for row in both.exposures] == [("", LATE)]


@given(st.permutations(range(4)))
def test_the_order_of_files_changes_no_verdict(order: list[int]) -> None:
    statuses = ("ATTESTED", "STALE", "MODIFIED", "UNREADABLE")
    audits = [
        audit(
            [ref("acme/a", MAIN, status), ref(f"acme/{status}")], made=f"2026-11-0{day}T00:00:00Z"
        )
        for day, status in enumerate(statuses, 1)
    ]
    plain = merged(*audits)
    mixed = merged(*(audits[at] for at in order))
    assert sorted(mixed.refs) == sorted(plain.refs)
    assert [row.status for row in plain.refs if row.repo == "acme/a"] == ["UNREADABLE"]


PAST = f"{MAIN} (history)"


def test_an_audit_that_looked_at_less_does_not_speak_of_the_rest() -> None:
    """One row of history each, as ``--since`` gives them: two commits are not one ref."""
    full = audit(
        [ref("acme/a"), ref("acme/a", PAST, "UNATTESTED", oid="1" * 40),
         ref("acme/a", "refs/tags/v1", "MODIFIED"), ref("acme/a", "lfs:0123", "UNATTESTED", oid=""),
         ref("acme/a", "(LFS storage)", "UNATTESTED", oid="", detail="5 more objects")],
        made=EARLY,
    )  # fmt: skip
    since = audit([ref("acme/a"), ref("acme/a", PAST, oid="2" * 40)], "passed", made=LATE)
    tips = audit([ref("acme/a")], "passed", made=LATE)
    red = {row.ref for row in full.refs if row.status != "ATTESTED"}
    for newer in (since, tips):
        both = merged(full, newer)
        assert {row.ref for row in both.refs if row.status != "ATTESTED"} == red
        assert told(both) == []


@pytest.mark.parametrize("ref_of_less", ["(LFS storage)", "lfs:0123", PAST])
def test_only_who_listed_the_refs_knows_what_could_not_be_listed(ref_of_less: str) -> None:
    unread = audit([ref("acme/a", "(all refs)", "UNREADABLE", oid="")], made=EARLY)
    both = merged(unread, audit([ref("acme/a", ref_of_less)], "passed", made=LATE))
    assert [row.ref for row in both.refs] == ["(all refs)", ref_of_less]


@pytest.mark.parametrize("other", ["clone ./a", "https://other.example", ""])
def test_no_source_speaks_for_another(other: str) -> None:
    hub = ref("acme/a", MAIN, "EXPOSED")._replace(source="https://hub.example")
    gone = ref("acme/a", "(all refs)", "UNREADABLE", oid="")._replace(source="https://hub.example")
    there = ref("acme/a", oid="b" * 40)._replace(source=other)
    both = merged(audit([hub, gone], made=EARLY), audit([there], "passed", made=LATE))
    assert {(row.source, row.status) for row in both.refs} == {
        ("https://hub.example", "EXPOSED"), ("https://hub.example", "UNREADABLE"),
        (other, "ATTESTED"),
    }  # fmt: skip
    newer = audit([there._replace(source=hub.source)], "passed", made=LATE)
    assert [r.status for r in merged(both, newer).refs if r.source == hub.source] == ["ATTESTED"]
    (note,) = told(merged(both, newer))
    assert note.name == f"acme/a {MAIN} in https://hub.example"


def test_merged_words_grow_no_younger() -> None:
    january, february, march = (
        audit([ref(name, MAIN, status)], made=f"2026-0{month}-01T00:00:00Z")
        for month, name, status in ((1, "acme/a", "ATTESTED"), (2, "acme/a", "UNATTESTED"),
                                    (3, "acme/b", "ATTESTED"))
    )  # fmt: skip
    first = read_audit(json.loads(render(merged(january, march))), where="x")
    both = merged(first, february)
    assert {row.repo: row.status for row in both.refs} == {
        "acme/a": "UNATTESTED", "acme/b": "ATTESTED",
    }  # fmt: skip


MOMENTS = ("", EARLY, "2026-11-01T01:00:00+01:00", LATE)
ROWS = st.builds(
    lambda repo, name, status, oid, at, source: ref(
        repo, name, status, *at, oid=oid * 40, detail=oid
    )._replace(source=source),
    st.sampled_from(["acme/a", "acme/b"]),
    st.sampled_from([MAIN, PAST, "(all refs)", "(LFS storage)", "lfs:0123"]),
    st.sampled_from(["ATTESTED", "MODIFIED", "UNREADABLE"]),
    st.sampled_from("12"),
    st.sampled_from([(), (0,), (1,), (0, 1)]),
    st.sampled_from(["", "clone ./a"]),
)
AUDITS = st.builds(
    lambda rows, made, solo, findings, until, refs: audit(
        rows, made=made, solo=solo, findings=findings, fail_on=("STALE",) if until else (),
        exposures=(exposed("acme/a", until=until),),
        signings=(signed("acme/a", refs=refs, remark=until),),
    ),
    st.lists(ROWS, max_size=4),
    st.sampled_from(MOMENTS),
    st.sampled_from([None, False, True]),
    st.permutations([CHANGED, UNTESTED]).map(tuple),
    st.sampled_from(["", EARLY, LATE]),
    st.sampled_from(["", MAIN, "refs/tags/v1"]),
)  # fmt: skip


def meant(report: Report) -> object:
    """All that a merged report says, but for what it says of its files, in no order."""
    placed = {place for row in report.refs for place in row.findings}
    return (
        {(*row._replace(findings=()), *(report.findings[at] for at in row.findings))
         for row in report.refs},
        {finding for at, finding in enumerate(report.findings) if at not in placed},
        set(report.signings), set(report.exposures), report.made, report.solo, report.fail_on,
    )  # fmt: skip


@given(st.lists(AUDITS, min_size=3, max_size=3), st.permutations(range(3)))
def test_a_merge_of_merges_is_the_merge_of_all(audits: list[Report], order: list[int]) -> None:
    def saved(*reports: Report) -> Report:
        return read_audit(json.loads(render(merged(*reports))), where="x")

    one, two, three = (audits[at] for at in order)
    whole = meant(merged(*audits))
    assert meant(merged(one, two, three)) == whole
    assert meant(merged(saved(one, two), three)) == whole
    assert meant(merged(one, saved(three, two))) == whole
    assert meant(merged(saved(one, two), saved(two, three), one)) == whole
