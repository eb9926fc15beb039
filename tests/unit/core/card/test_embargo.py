# SPDX-License-Identifier: Apache-2.0
"""The licence of what waits: read as the card rules read it, and never guessed."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.embargo import is_embargoed

NAME = "license_name: pre-release-no-redistribution"

CASES = {
    f"license: other\n{NAME}": True,
    f"{NAME}\nlanguage: en\nlicense: other": True,
    f"license: [other]\n{NAME}": True,
    f"license: Other\n{NAME.replace('pre', 'Pre')}": True,
    "license: 'other'\nlicense_name: \" pre-release-no-redistribution \"": True,
    "license: other": False,
    NAME: False,
    f"license: apache-2.0\n{NAME}": False,
    "license: other\nlicense_name: acme-1.0": False,
    f"license: other\n# {NAME}": False,
    f"license: other\nlicense_name: [{NAME[14:]}]": False,
    f"nested:\n  license: other\n  {NAME}": False,
    f"license: other\n{NAME}\nbroken: [": False,
}


@pytest.mark.parametrize("front", CASES)
def test_both_keys_say_it_and_nothing_else(front: str) -> None:
    assert is_embargoed(f"---\n{front}\n---\n# Model\n".encode()) is CASES[front]


@pytest.mark.parametrize("readme", [None, b"", b"# Model\n", b"---\nlicense: other", b"\xff\xfe"])
def test_without_front_matter_there_is_no_licence(readme: bytes | None) -> None:
    assert not is_embargoed(readme)
