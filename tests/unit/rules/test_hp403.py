"""HP403: two paths are twins."""

from __future__ import annotations

from hubpolicy.core.rules import hp403


def test_a_pair_names_both() -> None:
    (finding,) = hp403.check(["README.md", "x", "readme.md"])
    assert finding.rule == "HP403"
    assert "'README.md' and 'readme.md' are twins" in finding.message


def test_a_file_that_is_also_a_folder() -> None:
    (finding,) = hp403.check(["a", "a/b"])
    assert "a file and a folder at once" in finding.message


def test_none_without_twins() -> None:
    assert hp403.check(["a", "b/a", "c/a"]) == ()
