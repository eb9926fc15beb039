# SPDX-License-Identifier: Apache-2.0
"""``push --timestamp`` asks a time authority when it signs the release line, and only then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hubpolicy.core.line_files import RELEASE_FILE
from tests.stamping import serving, stamper

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.author import Author

NOBODY = "http://127.0.0.1:9/nobody"


def materials(folder: Path) -> list[dict[str, object]]:
    lines = (folder / RELEASE_FILE).read_text().splitlines()
    return [json.loads(line)["verificationMaterial"] for line in lines]


def test_push_timestamps_what_it_signs(ada: Author, model: Path, repo: str, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    ada.put_run(model)
    dry = ada.ok("push", model, repo, "--dry-run", "--timestamp", NOBODY)
    assert "no answer" not in dry.text
    with serving(authority.reply) as url:
        done = ada.ok("push", model, repo, "--timestamp", url)
    assert "the trust root pins no time authority" in done.err
    *others, release = materials(model)
    assert "timestampVerificationData" in release
    assert not any("timestampVerificationData" in other for other in others)
    assert "self-declared" in ada.ok("audit", repo).out
    # What is signed and stamped already is published again without anybody's help.
    ada.ok("push", model, repo, "--timestamp", NOBODY)
