# SPDX-License-Identifier: Apache-2.0
"""What tests of real pushes share: an attested commit, the remote's refs, the rules on screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hook.gate_world import ENDPOINT, MODEL, person, sign

if TYPE_CHECKING:
    from tests.git.repos import Repo
    from tests.hook.hooked import Pushed

URL = f"{ENDPOINT}/acme/wizard"
WEIGHTS = MODEL["model.safetensors"]


def attested(repo: Repo, files: dict[str, bytes] = MODEL) -> str:
    """Commit a model together with its evidence."""
    repo.write(files)
    repo.git("add", "-A")
    sign(repo.path, person())
    return repo.commit()


def refs(remote: Repo) -> list[str]:
    return remote.git("for-each-ref", "--format=%(refname)").split()


def refused(pushed: Pushed, *, closing: str = "Nothing was pushed.") -> set[str]:
    """The rules named on the screen of a refused push."""
    assert pushed.code != 0, pushed.said
    assert closing in pushed.said
    assert "Traceback" not in pushed.said
    words = pushed.said.split()
    return {word for word in words if word.startswith("HP") and word[2:5].isdigit()}
