# SPDX-License-Identifier: Apache-2.0
"""Other bytes than those that were released, judged from files and from a hub's listing."""

from __future__ import annotations

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import Manifest, make_manifest
from tests.golden.samples import (
    MANIFEST,
    entry,
    sha,
)
from tests.unit.core.release_world import (
    as_listing,
    card_line,
    changed,
    release,
    rules_of,
)

# --- other bytes -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [each.path for each in MANIFEST.entries])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_changed_file_blocks(path: str, listed: bool) -> None:
    good = release()
    evidence = as_listing(good) if listed else good
    if evidence.listing is not None:
        files = tuple(
            f._replace(sha256=f.sha256 and sha("other"), git_blob=f.git_blob and "0" * 40)
            if f.path == path
            else f
            for f in evidence.listing.files
        )
        evidence = evidence._replace(listing=evidence.listing._replace(files=files))
    else:
        evidence = good._replace(manifest=changed(MANIFEST, path))
    decision = judge(evidence)
    assert decision.verdict == "failed"
    assert "HP308" in rules_of(decision)


@pytest.mark.parametrize("path", [each.path for each in MANIFEST.entries])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_missing_file_blocks(path: str, listed: bool) -> None:
    rest = Manifest(tuple(e for e in MANIFEST.entries if e.path != path))
    evidence = release()._replace(manifest=rest)
    decision = judge(as_listing(evidence) if listed else evidence)
    assert "HP308" in rules_of(decision)


@pytest.mark.parametrize("path", ["a.md", "LICENSE", "second.safetensors", "zz.png", "x/.gitkeep"])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_added_file_blocks(path: str, listed: bool) -> None:
    more = make_manifest([*MANIFEST.entries, entry(path, b"")])
    evidence = release()._replace(manifest=more)
    assert "HP308" in rules_of(judge(as_listing(evidence) if listed else evidence))


def test_changed_bytes_say_so_once_and_hide_nothing_else() -> None:
    place = Location("model.sig")
    echo = Finding("HP302", Severity.ERROR, "model.sig is about other files", place)
    others = (
        Finding("HP701", Severity.ERROR, "by a revoked key", place),
        Finding("HP302", Severity.ERROR, "a bad line", Location(".hubpolicy/x", 1)),
        Finding("HP412", Severity.ERROR, "unknown", Location(".hubpolicy/y")),
    )
    for found in ((echo,), (echo, *others)):
        good = release()._replace(rejected=found)
        assert judge(good).findings == found
        bad = judge(good._replace(manifest=changed(MANIFEST, ".gitattributes")))
        assert bad.verdict == "failed"
        assert {f for f in bad.findings if f.rule not in {"HP308", "HP121"}} == set(found) - {echo}


def test_a_renamed_file_blocks() -> None:
    entries = [e._replace(path="model2.safetensors") if "model" in e.path else e
               for e in MANIFEST.entries]  # fmt: skip
    assert "HP308" in rules_of(judge(release()._replace(manifest=make_manifest(entries))))


def test_a_listing_that_tells_nothing_of_a_file_blocks() -> None:
    evidence = as_listing(release())
    assert evidence.listing is not None
    files = tuple(f._replace(sha256=None, git_blob=None) for f in evidence.listing.files)
    bare = evidence._replace(listing=evidence.listing._replace(files=files))
    assert judge(bare).verdict != "passed"


def test_a_git_blob_id_cannot_stand_in_where_a_sha256_is_known() -> None:
    """The line has the right blob id and another sha256: only a liar would sign that."""
    lying = [e._replace(sha256=sha("lie")) if e.path == "config.json" else e
             for e in MANIFEST.entries]  # fmt: skip
    evidence = release(manifest=make_manifest(lying), card=card_line())
    assert judge(evidence._replace(manifest=MANIFEST)).verdict == "failed"


def test_an_empty_release_is_never_judged_good() -> None:
    for evidence in (release()._replace(manifest=Manifest(())), release()._replace(manifest=None)):
        decision = judge(evidence)
        assert decision.verdict == "failed"
        assert "HP410" in rules_of(decision)
