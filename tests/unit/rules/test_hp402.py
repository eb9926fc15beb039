"""HP402: an entry is not a plain file."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp402


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("120000", "link is a symbolic link"),
        ("160000", "link is a submodule (gitlink)"),
        ("100600", "link has mode '100600'"),
    ],
)
def test_refused(mode: str, words: str) -> None:
    (finding,) = hp402.check([(b"ok", "100644"), (b"link", mode), (b"run", "100755")])
    assert finding.rule == "HP402"
    assert words in finding.message
    assert finding.effect == "failed"
    assert finding.fix


def test_what_git_modes_cannot_name() -> None:
    assert "pipe is a named pipe" in hp402.refusal(b"pipe", "is a named pipe").message
