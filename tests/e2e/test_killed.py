# SPDX-License-Identifier: Apache-2.0
"""``kill -9`` in the middle of ``hubpolicy test``, again and again: the same root in the end."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from bench.kill import Place, found, keys_in, same_start, sealed, trial
from tests.brief import EACH, write_plan

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PROMPTS = 60


def asked(home: Path) -> str:
    """Enough samples for half a dozen seals, and no more."""
    return write_plan(home, PROMPTS)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, float]:
    """A run in peace, and how long it took."""
    place = found(tmp_path_factory.mktemp("unbroken"), asked)
    began = time.perf_counter()
    place.finish("test", str(place.model))
    return place, time.perf_counter() - began


def test_killed_at_random_moments(unbroken: tuple[Place, float], tmp_path: Path) -> None:
    """Two kills on the way through one run; ``python -m bench.kill`` does fifty longer runs."""
    first, whole = unbroken
    moments = [random.uniform(0.3, 0.6) * whole for _ in range(2)]
    # As long as it takes now: beside other work the unbroken run may have taken much longer.
    tried = (trial(first, tmp_path / str(n), *(at / n for at in moments)) for n in (1, 3, 10))
    done = next((each for each in tried if each is not None), None)
    assert done is not None
    assert done.root == first.root()
    assert (done.intact, done.repeated) == (True, 0)


def test_what_was_planted_beforehand_is_not_signed(
    unbroken: tuple[Place, float], tmp_path: Path
) -> None:
    """All of a good run's log, sealed by somebody else's key."""
    first, _ = unbroken
    stranger = found(tmp_path / "stranger", asked)
    place = same_start(first, tmp_path / "mine")
    log = first.log.read_bytes()
    assert len(keys_in(log)) == PROMPTS * EACH
    place.log.write_bytes(log)
    place.finish("test", str(place.model))
    place.model.joinpath(".hubpolicy", "release.intoto.jsonl").unlink()
    # The same files under the configuration, and so the key, of the stranger.
    moved = stranger.home / place.log.relative_to(place.home)
    moved.parent.mkdir(parents=True)
    moved.with_name("run.json").write_bytes(place.log.with_name("run.json").read_bytes())
    moved.write_bytes(log)
    with stranger.command("test", str(place.model)) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert b"expected it signed by key" in said
    assert b"move the run's folder away" in said
    assert not place.model.joinpath(".hubpolicy", "release.intoto.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b'{"record":1}\n', b""),
        (b'{"record":1}\n{"seal":2}', b""),
        (b'{"record":1}\n{"seal":2}\n', b'{"record":1}\n{"seal":2}\n'),
        (b'{"record":1}\n{"seal":2}\n{"reco', b'{"record":1}\n{"seal":2}\n'),
        (b'{"seal":1}\n{"record":1}\n{"seal":2}', b'{"seal":1}\n'),
    ],
)
def test_the_measure_itself_sees_what_is_whole(content: bytes, kept: bytes) -> None:
    assert sealed(content) == kept
