# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit NAMESPACE``: weights that wait in private, by what the list itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

WEIGHTS = b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"weights" * 100
MIT, OTHER, NONE = (
    f"---\n{line}\n---\n" for line in ("license: mit", "license: 'other'", "tags: [a]")
)
REPOS = {  # name: card, private, weights
    "acme/mit": (MIT, True, True),
    "acme/unlicensed": (NONE, True, True),
    "acme/embargo": (OTHER, True, True),
    "acme/public": (MIT, False, True),
    "acme/words": (MIT, True, False),
}


def test_private_weights_under_no_embargo_are_told_without_another_request(
    own_hub: HubProcess, tmp_path: Path
) -> None:
    api = HfApi(endpoint=own_hub.endpoint, token=TOKEN)
    for name, (card, private, weights) in REPOS.items():
        api.create_repo(name, private=private)
        files = {"README.md": card.encode(), "model.safetensors": WEIGHTS}
        for path, content in list(files.items())[: 1 + weights]:
            api.upload_file(repo_id=name, path_in_repo=path, path_or_fileobj=content)
    ada = Author(tmp_path, own_hub.endpoint)
    ada.init()
    mark = len(own_hub.requests())
    done = ada.type("audit", "acme", "--format", "json")
    told = [row for row in done.document["findings"] if row["rule"] == "HP501"]
    assert [(row["severity"], row["message"].split()[0]) for row in told] == [
        ("warning", "acme/mit"),
        ("warning", "acme/unlicensed"),
    ]
    assert all("refs/heads/main" in row["message"] for row in told)
    asked = [line["path"] for line in own_hub.requests()[mark:]]
    assert sum(path.startswith("/api/models?") or path == "/api/models" for path in asked) == 1
    assert not [path for path in asked if "README.md" in path]
    named = ada.type("audit", "acme/mit", "--format", "json")
    assert not [row for row in named.document["findings"] if row["rule"] == "HP501"]
