# SPDX-License-Identifier: Apache-2.0
"""Some files of a release: which are taken from its word, and that no other one ever is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.judge import judge
from hubpolicy.core.partial import coverage_of, fill_up
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT, Entry, Manifest, make_manifest
from tests.golden.samples import MANIFEST, entry
from tests.unit.core.release_world import (
    POLICY,
    card_line,
    changed,
    judged_by,
    release,
    rules_of,
    run_line,
)

RELEASE = release()
PATHS = tuple(entry.path for entry in MANIFEST.entries)
SOME = st.lists(st.sampled_from(MANIFEST.entries), unique=True, min_size=1)


def filled(*entries: Entry) -> Manifest:
    return fill_up(make_manifest([*entries]), RELEASE.lines)


def verdict(manifest: Manifest) -> tuple[str, set[str]]:
    decision = judge(RELEASE._replace(manifest=manifest))
    return decision.verdict, rules_of(decision)


@given(SOME)
def test_any_part_of_a_release_is_judged_as_the_whole(some: list[Entry]) -> None:
    whole = filled(*some)
    assert [e.path for e in whole.entries] == [e.path for e in MANIFEST.entries]
    assert whole.dir_hash == MANIFEST.dir_hash
    assert verdict(whole)[0] == "passed"


@given(SOME, st.data())
def test_a_changed_file_in_any_part_blocks(some: list[Entry], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([entry.path for entry in some]))
    part = changed(make_manifest(some), path)
    found, rules = verdict(fill_up(part, RELEASE.lines))
    assert (found == "passed", "HP308" in rules) == (False, True)


@given(
    SOME,
    st.text("abc", min_size=1, max_size=5),
    st.sampled_from(["md", "bin", "py", "safetensors"]),
)
def test_an_added_file_in_any_part_blocks(some: list[Entry], stem: str, suffix: str) -> None:
    added = entry(f"{stem}.{suffix}", b"hello")
    found, rules = verdict(filled(*some, added))
    assert (found == "passed", "HP308" in rules) == (False, True)


def test_a_file_under_another_name_is_added_and_its_own_is_absent() -> None:
    readme = next(entry for entry in MANIFEST.entries if entry.path == "README.md")
    found, rules = verdict(filled(readme._replace(path="readme.txt")))
    assert (found, "HP308" in rules) == ("failed", True)


def test_without_a_release_line_nothing_is_filled_up() -> None:
    part = Manifest(MANIFEST.entries[:1])
    lines = (card_line(), run_line())
    assert fill_up(part, lines) == part
    assert judge(judged_by(POLICY, lines, fill_up(part, lines))).verdict != "passed"


def test_where_nothing_is_here_nothing_is_judged() -> None:
    empty = Manifest(())
    assert fill_up(empty, RELEASE.lines) == empty
    assert verdict(empty)[0] != "passed"


def test_what_is_here_stays_as_it_is() -> None:
    own = changed(MANIFEST, "config.json")
    assert fill_up(own, RELEASE.lines) == own


def test_sizes_of_what_is_not_here_are_what_a_blob_id_says_of_them() -> None:
    sizes = {e.path: e.size for e in filled(MANIFEST.entries[0]).entries}
    assert sizes["model.safetensors"] == GIT_BLOB_LIMIT + 1
    assert sizes["tokenizer.json"] == 0


@given(SOME)
def test_coverage_counts_and_names(some: list[Entry]) -> None:
    here = tuple(entry.path for entry in some)
    found = coverage_of(here, RELEASE.lines)
    assert (found.here, found.total) == (len(here), len(PATHS))
    assert set(found.absent) == set(PATHS) - set(here)


def test_coverage_without_a_release_line_is_what_is_here() -> None:
    assert coverage_of(("a", "b"), ()) == (2, 2, ())
    assert coverage_of((), ()) == (0, 0, ())


def test_a_file_beyond_the_release_covers_none_of_it() -> None:
    found = coverage_of(("not-in-it", "config.json"), RELEASE.lines)
    assert (found.here, found.total) == (1, len(PATHS))
