# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy report merge``: files in, one report out; what is no audit is refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubpolicy.flows import historic, storing
from hubpolicy.render import merging
from hubpolicy.render.json_v1 import render
from hubpolicy.render.registry import FORMATS
from tests.cli.world import run
from tests.unit.render.audits import CHANGED, MAIN, MIXED, NOON, audit, ref
from tests.unit.render.hostile import TEXT, VALIDATOR, assert_harmless, whole
from tests.unit.render.pages import Page, assert_sound

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.render.report import Report

EARLY = "2026-11-01T00:00:00Z"
CLEAN = audit([ref("acme/a"), ref("acme/a", "refs/tags/v1")], "passed")
BAD = audit([ref("acme/b", MAIN, "MODIFIED", 0)], findings=(CHANGED,))
UNREAD = audit([ref("acme/c", "(all refs)", "UNREADABLE", oid="")], "inconclusive")
STALE = audit([ref("acme/d", MAIN, "STALE")], "passed")
NOTHING = audit([], "inconclusive")
NEW = "2026-11-21T00:00:00Z"
BOTH = audit(
    [ref("acme/d", MAIN, "MODIFIED"), ref("acme/d", "refs/tags/v1", "STALE")], fail_on=("STALE",)
)
MENDED = audit([ref("acme/d")], "passed", made=NEW)
REFUSED = UNREAD._replace(
    refs=(UNREAD.refs[0]._replace(refused=True),), verdict="failed", exit_code=4
)


def saved(folder: Path, *reports: Report) -> list[Path]:
    """The reports as files."""
    paths = []
    for number, report in enumerate(reports):
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(render(report), encoding="utf-8")
    return paths


CODES = [
    ((CLEAN,), (), 0, "passed"),
    ((CLEAN, STALE), (), 0, "passed"),
    ((CLEAN, STALE), ("--fail-on", "STALE"), 1, "failed"),
    ((CLEAN, BAD), (), 1, "failed"),
    ((CLEAN, UNREAD), (), 3, "inconclusive"),
    ((BAD, UNREAD), (), 1, "failed"),
    ((CLEAN, BAD), ("--exit-zero",), 0, "failed"),
    # A file without refs says that something was asked and nothing judged: nobody takes it back.
    ((CLEAN, NOTHING), (), 3, "inconclusive"),
    ((NOTHING, NOTHING._replace(title="other")), (), 3, "inconclusive"),
    # What made a file not pass beside its refs still does: --fail-on, a login that may not read.
    ((CLEAN, STALE._replace(verdict="failed", exit_code=1)), (), 1, "failed"),
    ((CLEAN, UNREAD._replace(verdict="failed", exit_code=4)), (), 4, "failed"),
    ((CLEAN, STALE._replace(verdict="failed", exit_code=0)), (), 1, "failed"),
    ((CLEAN, CLEAN._replace(verdict="failed", exit_code=130)), (), 1, "failed"),
    # A file that says better than its refs is not believed.
    ((BAD._replace(verdict="passed", exit_code=0),), (), 1, "failed"),
    # --fail-on of any file is asked of all that counts, though the file failed for more than it.
    ((BOTH, MENDED), (), 1, "failed"),
    ((BOTH._replace(fail_on=()), MENDED), (), 0, "passed"),
    # --exit-zero keeps the code from whoever asked, not from whoever merges.
    ((BOTH._replace(exit_code=0), MENDED), (), 1, "failed"),
    ((REFUSED._replace(exit_code=0), CLEAN), (), 4, "failed"),
    # What a login could not list is known once another one could; a code of no ref never is.
    ((REFUSED, audit([ref("acme/c")], "passed", made=NEW)), (), 0, "passed"),
    ((REFUSED, audit([ref("acme/c", "(LFS storage)")], "passed", made=NEW)), (), 4, "failed"),
    ((UNREAD._replace(verdict="failed", exit_code=4), audit([ref("acme/c")], "passed", made=NEW)),
     (), 4, "failed"),
    # What was mended since is no more.
    ((BAD._replace(made=EARLY), audit([ref("acme/b")], "passed")), (), 0, "passed"),
    ((BAD, audit([ref("acme/b")], "passed", made=EARLY)), (), 1, "failed"),
]  # fmt: skip


@pytest.mark.parametrize(("reports", "options", "code", "verdict"), CODES)
def test_the_whole_is_as_one_audit_of_all_of_it(
    tmp_path: Path, reports: tuple[Report, ...], options: tuple[str, ...], code: int, verdict: str
) -> None:
    ran = run("report", "merge", *saved(tmp_path, *reports), *options, "--format", "json")
    VALIDATOR.validate(ran.document)
    assert (ran.code, ran.document["verdict"], ran.document["exit_code"]) == (code, verdict, code)
    if options == ("--exit-zero",):
        assert "would block: exit code 1 without --exit-zero" in ran.document["closing"]


def test_a_merged_report_can_be_merged_and_shown_in_every_format(tmp_path: Path) -> None:
    files = saved(tmp_path, MIXED, BAD, CLEAN)
    first = tmp_path / "first.json"
    assert run("report", "merge", *files[:2], "-q", "-o", first).code == 1
    forms = [f"{form}={tmp_path / form}" for form in FORMATS]
    ran = run("report", "merge", first, files[2], *(x for form in forms for x in ("-o", form)))
    assert ran.code == 1
    for form in FORMATS:
        text = (tmp_path / form).read_text("utf-8")
        assert_harmless(text)
        for name in ("acme/good", "acme/b", "acme/a"):
            shown = Page(text).text if form == "html" else text
            assert name in shown.replace("\\", ""), form
    assert_sound(Page((tmp_path / "html").read_text("utf-8")))
    document = json.loads((tmp_path / "json").read_bytes())
    assert len(document["refs"]) == len(MIXED.refs) + 3
    assert document["signings"] == json.loads(render(MIXED))["signings"]


def test_the_code_of_a_merge_of_merges_is_that_of_the_merge_of_all(tmp_path: Path) -> None:
    reports = (CLEAN, NOTHING, BAD, BOTH, MENDED, REFUSED, audit([ref("acme/b")], made=NEW))
    files = saved(tmp_path, *reports)
    for size in range(1, len(files)):
        part, spared = tmp_path / f"{size}-part.json", tmp_path / f"{size}-spared.json"
        run("report", "merge", *files[:size], "-q", "-o", part)
        run("report", "merge", *files[:size], "-q", "-o", spared, "--exit-zero")
        plain = run("report", "merge", *files, "--format", "json").document
        for first in (part, spared):
            steps = run("report", "merge", *files[size:], first, "--format", "json").document
            for key in ("exit_code", "verdict", "made", "fail_on", "other_codes"):
                assert steps[key] == plain[key], (size, key)


def test_rows_are_called_in_a_merge_what_an_audit_calls_them() -> None:
    """Renderers know no flow, so that these words stand twice."""
    assert (merging.BEFORE_A_TIP, merging.STORAGE) == (historic.BEFORE_A_TIP, storing.PLACE)


def test_one_file_by_two_names_is_one(tmp_path: Path) -> None:
    (path,) = saved(tmp_path, BAD)
    (tmp_path / "again.json").write_bytes(path.read_bytes())
    ran = run("report", "merge", path, tmp_path / "again.json", path, "--format", "json")
    assert [row["name"] for row in ran.document["rows"]] == [str(path)]


def test_where_two_machines_differ_both_are_told(tmp_path: Path) -> None:
    old, new = saved(tmp_path, BAD._replace(made=EARLY), audit([ref("acme/b")], "passed"))
    ran = run("report", "merge", old, new)
    assert ran.code == 0
    (line,) = [line for line in ran.out.splitlines() if "differs" in line]
    assert "counts: ATTESTED" in line
    assert str(new) in line.partition("differs: ")[0]
    assert "MODIFIED" in line.partition("differs: ")[2]
    assert f"({old}, {EARLY})" in line


def changed(**more: Any) -> bytes:
    return json.dumps({**json.loads(render(BAD)), **more}).encode()


REF = json.loads(render(BAD))["refs"][0]
FINDING = json.loads(render(BAD))["findings"][0]
SPAN = {"repo": "acme/b", "ref": "", "oid": "", "since": EARLY, "until": "", "source": "x"}

FOREIGN = {
    "nothing": (b"", "expected strict JSON"),
    "half": (render(BAD).encode()[:300], "expected strict JSON"),
    "no object": (b"[]", "got no such key for schema_version"),
    "another format": (b'{"version": "2.1.0", "runs": []}', "got no such key for schema_version"),
    "another version": (changed(schema_version="2"), 'got "2" for schema_version, expected "1"'),
    "another command": (changed(command="verify"), 'got "verify" for command, expected "audit"'),
    "a key twice": (b'{"command": "audit", "command": "audit"}', "twice in one object"),
    "a number": (changed(refs=[1]), "1 is not of type 'object', at refs.0"),
    "an unknown verdict": (
        changed(refs=[{**REF, "status": "FINE"}]), "at refs.0.status"
    ),
    "a finding that is not there": (changed(findings=[]), "got the finding 0 at acme/b"),
    "the future": (changed(made="2999-01-01T00:00:00Z"), "expected a time in the past"),
    "a row of the future": (
        changed(refs=[{**REF, "made": "2999-01-01T00:00:00Z"}]), "expected a time in the past"
    ),
    "a time in public of the future": (
        changed(exposures=[{**SPAN, "made": "2999-01-01T00:00:00Z"}]), "expected a time in the past"
    ),
    "no time of a row": (changed(refs=[{**REF, "made": "noon"}]), "got 'noon' for made"),
    "no time": (changed(made="noon"), "got 'noon' for made"),
    "a number that is no integer": (changed(refs=[{**REF, "findings": [0.0]}]), "0.0 is not of"),
    "a code that is no integer": (changed(exit_code=1.0), "1.0 is not of type 'integer'"),
    "a line of a fraction": (
        changed(findings=[{**FINDING, "location": {"path": "a", "line": 3.0, "column": 1}}]), "3.0"
    ),
    "an unknown trust": (changed(trust="all"), "at trust"),
    "depth": (b"[" * 1000 + b"]" * 1000, "nesting"),
    "half a character": (render(BAD).replace("acme/b", "\\ud800").encode(), "lone surrogate"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_audit_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (good,) = saved(tmp_path, CLEAN)
    raw, said = FOREIGN[name]
    bad = tmp_path / "bad.json"
    bad.write_bytes(raw)
    ran = run("report", "merge", good, bad, "-o", tmp_path / "all.html")
    assert (ran.code, ran.out) == (2, "")
    error, hint = ran.err.splitlines()
    assert error.startswith("error: ")
    assert said in error
    assert error.endswith(f"in {bad}")
    assert hint.startswith("  hint: ")
    assert not (tmp_path / "all.html").exists()


def places_in(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a document, itself aside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, each in inside:
        found.append((*at, key))
        if isinstance(each, dict | list):
            found += places_in(each, (*at, key))
    return found


WHOLE = json.loads(render(merging.merge([merging.Source("a", MIXED), merging.Source("b", BOTH)])))
STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([
        None, True, False, 0, 1, -1, 7, 10**30, -(10**30), 0.0, 1.0, 1.5, 1e308, "", "0", [], {},
        [0], [0.0], [-1], [[]], [None], ["HP201"], {"path": "", "line": 1.0, "column": 0},
        NOON, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "\x00", "(all refs)",
        "UNREADABLE", "STALE", "passed", "none",
    ]),
    TEXT.map(whole),
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(places_in(WHOLE)), STRANGE | st.just(...)), max_size=3),
    st.sampled_from(FORMATS),
)
@example([(("refs", 2, "findings"), [0.0])], "json")
@example([(("refs", 2, "findings"), [True])], "html")
@example([(("findings", 1, "location", "line"), 3.0)], "text")
@settings(max_examples=60)
def test_no_file_whatever_is_wrong_in_it_is_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, wrong: list[tuple[tuple[Any, ...], Any]], form: str
) -> None:
    document = json.loads(json.dumps(WHOLE))
    for (*way, last), value in wrong:
        try:
            inner = document
            for key in way:
                inner = inner[key]
            inner.pop(last) if value is ... else inner.__setitem__(last, value)
        except (AttributeError, IndexError, KeyError, TypeError):
            continue  # another change took its place away
    path = tmp_path_factory.getbasetemp() / "wrong.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    (good,) = saved(tmp_path_factory.getbasetemp(), CLEAN)
    ran = run("report", "merge", path, good, "--format", form)
    assert ran.code in range(5), ran.err
    assert ran.code != 2 or ran.err.startswith("error: ")


def test_a_file_that_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = saved(tmp_path, BAD)
    monkeypatch.setattr("hubpolicy.cli.report_merge.LIMIT", 100)
    ran = run("report", "merge", path)
    assert (ran.code, ran.out) == (2, "")
    error, hint = ran.err.splitlines()
    assert error == f"error: got more than 100 bytes, in {path}"
    assert hint.startswith("  hint: ")


def test_no_file_and_a_missing_one_are_usage_errors(tmp_path: Path) -> None:
    assert run("report", "merge").code == 2
    ran = run("report", "merge", tmp_path / "none.json")
    assert ran.code == 2
    assert "does not exist" in ran.err


def test_merge_is_a_word_only_where_a_command_may_stand(home: Path, tmp_path: Path) -> None:
    said = run("report", "./merge").err
    assert "merge" in said
    assert "FILE" not in said
    assert run("report", "--help").out.startswith("Usage: hubpolicy report [OPTIONS] RUN")
    assert run("report", "merge", "--help").out.startswith("Usage: hubpolicy report merge")
    assert NOON in run("report", "merge", *saved(tmp_path, CLEAN)).out
