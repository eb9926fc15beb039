# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import lines
from hubpolicy.core.statements import subject_manifest
from hubpolicy.domain.manifest import ListedFile, Listing, Manifest
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.statement import CardResult, ReleaseSummary
from tests.golden.samples import CLOSURE, MANIFEST, entry, sha
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    asking,
    changed,
    judged_by,
    release,
    release_line,
    run_line,
)


def test_lines_are_picked_by_what_they_say() -> None:
    evidence = release()
    assert [type(p) for _, p in lines.select(evidence.lines, CardResult)] == [CardResult]
    assert len(lines.select(evidence.lines, ReleaseSummary)) == 1
    assert lines.select((), ReleaseSummary) == ()


def test_what_is_left_out_of_a_manifest_is_left_out_of_a_listing() -> None:
    listing = Listing(
        tuple(
            ListedFile(path, 1, sha(path), None)
            for path in (".hubpolicy/release.intoto.jsonl", "a.md", "model.sig", "x/model.sig")
        )
    )
    evidence = release()._replace(manifest=None, listing=listing)
    assert set(lines.sizes(evidence)) == {"a.md", "x/model.sig"}
    assert set(lines.digests(evidence)) == {"a.md", "x/model.sig"}
    nothing = release()._replace(manifest=None)
    assert (lines.sizes(nothing), lines.digests(nothing)) == ({}, {})


HEX = st.one_of(st.none(), st.sampled_from(["a" * 64, "b" * 64]))
BLOB = st.one_of(st.none(), st.sampled_from(["c" * 40, "d" * 40]))


@given(HEX, BLOB, HEX, BLOB)
def test_contents_are_equal_by_sha256_or_where_there_is_none_by_blob_id(
    sha256: str | None, blob: str | None, have_sha256: str | None, have_blob: str | None
) -> None:
    same = lines.same_content(sha256, blob, (have_sha256, have_blob))
    if have_sha256 is not None:
        assert same == (sha256 == have_sha256)
    else:
        assert same == (blob is not None and blob == have_blob)


def test_differing_names_what_changed_and_what_is_absent() -> None:
    statement = run_line(closure=(*CLOSURE, entry("gone.json", b"{}"))).statement
    have = lines.digests(release()._replace(manifest=changed(MANIFEST, "config.json")))
    assert lines.differing(statement, have) == ("config.json", "gone.json")
    assert lines.differing(release_line(()).statement, lines.digests(release())) == ()


def test_the_whole_is_recomputed_from_the_files_that_are_named() -> None:
    statement = release_line(()).statement
    assert lines.whole(statement) == MANIFEST.dir_hash == lines.subjects_dir_hash(statement)
    assert lines.whole(run_line().statement) is None
    assert subject_manifest(statement)[1] == MANIFEST.dir_hash


def test_what_stands_here_has_a_dir_hash_only_if_a_release_line_names_all_of_it() -> None:
    listed = as_listing(release())
    assert lines.at_hand(release()) == lines.at_hand(listed) == MANIFEST.dir_hash
    assert lines.at_hand(listed._replace(lines=listed.lines[:2])) == ""
    less = as_listing(release()._replace(manifest=Manifest(MANIFEST.entries[1:])))
    more = as_listing(
        release()._replace(manifest=Manifest((*MANIFEST.entries, entry("z.md", b""))))
    )
    other = as_listing(release()._replace(manifest=changed(MANIFEST, "config.json")))
    assert [lines.at_hand(each) for each in (less, more, other)] == ["", "", ""]
    assert lines.at_hand(listed._replace(listing=Listing(()))) == ""


def test_runs_are_about_files_that_all_stand_here() -> None:
    evidence = release(run_line(closure=(entry("config.json", b"[]"),)))
    (run,) = lines.runs(evidence)
    assert lines.closure_paths(run) == tuple(e.path for e in CLOSURE)
    assert lines.runs(evidence._replace(manifest=Manifest(()))) == ()


def test_a_threshold_is_the_stricter_of_policy_and_root() -> None:
    assert lines.threshold(release(), "releaser") == 1
    more = judged_by(asking(RoleRequirement("releaser", 3)), ())
    assert lines.threshold(more, "releaser") == 3
    assert lines.threshold(judged_by(POLICY, ()), "approver:safety") == 2  # the root's
    assert lines.threshold(release(), "approver:nobody") == 1


@pytest.mark.parametrize(
    ("paths", "text"),
    [((), ""), (("a",), "a"), (("a", "b", "c"), "a, b, c"), (tuple("abcd"), "a, b, c and 1 more")],
)
def test_names_for_a_sentence(paths: tuple[str, ...], text: str) -> None:
    assert lines.named(paths) == text


def test_short_digests_are_for_the_eyes() -> None:
    assert lines.short("0123456789abcdef") == "0123…ef"
    assert lines.short("none") == "none"
