"""HP401: a path is refused. All spellings are in tests/unit/core/test_paths.py."""

from __future__ import annotations

from hubpolicy.core.rules import hp401
from hubpolicy.domain.finding import Location, Severity


def test_one_finding_per_refused_path() -> None:
    (finding,) = hp401.check([b"README.md", b"a/../b"])
    assert finding.rule == hp401.ID == "HP401"
    assert finding.severity is Severity.ERROR
    assert finding.effect == "failed"
    assert finding.location == Location("a/../b")
    assert "got path 'a/../b', which has the part '..'" in finding.message
    assert finding.fix


def test_none_for_plain_paths() -> None:
    assert hp401.check([b"README.md", "Ünï cödé/x".encode()]) == ()


def test_printable_escapes_what_a_terminal_would_obey() -> None:
    assert hp401.printable(b"\x1b[31m\xff") == "\\x1b[31m\\xff"
    assert hp401.printable("naïve 模型".encode()) == "naïve 模型"
