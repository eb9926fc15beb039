# SPDX-License-Identifier: Apache-2.0
"""A digest written into a policy's text: one line changes, or nothing does."""

from __future__ import annotations

import pytest

from hubpolicy.core.policy_lock import lock_line, write_lock
from hubpolicy.errors import ConfigError

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("a = 1\n", f'a = 1\n\n[lock]\n"s" = "sha256:{DIGEST}"\n'),
        ("[lock]\n", f'[lock]\n"s" = "sha256:{DIGEST}"\n'),
        ("[lock] # pins\n# one\n[b]\nc = 1\n",
         f'[lock] # pins\n"s" = "sha256:{DIGEST}"\n# one\n[b]\nc = 1\n'),
        ('[lock]\nt = "x"\n"s" = "sha256:00"\n[b]\n',
         f'[lock]\nt = "x"\n"s" = "sha256:{DIGEST}"\n[b]\n'),
        ("[ lock ]\n s = 'old' # note\n", f'[ lock ]\n"s" = "sha256:{DIGEST}"\n'),
        ("[lock]\nst = 'x'\n", f"[lock]\n\"s\" = \"sha256:{DIGEST}\"\nst = 'x'\n"),
    ],
)  # fmt: skip
def test_only_the_line_changes(before: str, expected: str) -> None:
    assert write_lock(before, "s", DIGEST, where="here") == expected


@pytest.mark.parametrize(
    "text",
    [
        'lock = {s = "sha256:00"}\n',
        'lock.s = "x"\n',
        '[lock]\ns = """\nold\n"""\n',
        'a = """\n[lock]\n"""\n',
        "[lock.s]\nx = 1\n",
    ],
)
def test_what_cannot_be_edited_by_lines_is_not_edited_at_all(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        write_lock(text, "s", DIGEST, where="here")
    assert caught.value.hint in {
        f"write it by hand: {lock_line('s', DIGEST)}",
        "hubpolicy policy check",
    }


@pytest.mark.parametrize("text", ["id = ", "lock = 3\n", "lock = []\n"])
def test_what_is_no_policy_is_not_edited(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        write_lock(text, "s", DIGEST, where="here")
    assert caught.value.hint == "hubpolicy policy check"
