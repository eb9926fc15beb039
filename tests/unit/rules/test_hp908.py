"""HP908: the CI."""

from __future__ import annotations

from hubpolicy.core.rules import hp908
from hubpolicy.domain.finding import Location
from hubpolicy.domain.surroundings import Gap, Workflow

FINE = Workflow(".github/workflows/release.yml", (), ())


def test_nobody_asked_or_all_is_well() -> None:
    assert hp908.check(None) == ()
    assert hp908.check((FINE,)) == ()


def test_no_workflow_is_a_warning() -> None:
    (finding,) = hp908.check(())
    assert (finding.severity.word, finding.effect) == ("warning", "inconclusive")


def test_loose_actions_block_and_open_jobs_warn() -> None:
    loose, open_ = hp908.check((FINE._replace(unpinned=("a/b@v1",), unprotected=("release",)),))
    assert (loose.severity.word, open_.severity.word) == ("error", "warning")
    assert "a/b@v1" in loose.message
    assert "release" in open_.message
    assert loose.location == Location(FINE.path)


def test_a_lost_no_blocks_and_what_nobody_can_tell_warns() -> None:
    gaps = (Gap("job a", "goes on", "mend it", True), Gap("job b", "unknown", "read it", False))
    lost, unknown = hp908.check((FINE._replace(gaps=gaps),))
    assert (lost.severity.word, unknown.severity.word) == ("error", "warning")
    assert (lost.effect, unknown.effect) == ("failed", "inconclusive")
    assert (lost.message, lost.fix, lost.location) == (
        "job a: goes on",
        "mend it",
        Location(FINE.path),
    )


def test_a_file_that_nobody_can_read_blocks_and_says_nothing_of_pins() -> None:
    (finding,) = hp908.check((FINE._replace(unreadable=True),))
    assert finding.severity.word == "error"
    assert "cannot be read as YAML" in finding.message
    assert finding.fix == "mend the file, or remove it"
