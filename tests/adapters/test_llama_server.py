# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own server, where there is one: what the stand-in of the other tests stands for.

``LLAMA_SERVER`` names the program, or it is on PATH; docs/measurement.md says how it
is built. No CI has it: there, and here without it, these tests are left out by name.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.generators import Choice, open_generator
from hubpolicy.core.serving import SHIPPED
from hubpolicy.errors import ServiceError
from tests.adapters.closures_here import the_closure
from tests.adapters.test_serve_generator import (
    REQUESTS,
    SAMPLING,
    SCRIPT,
    alive,
    choice,
    gone,
    template,
)
from tests.adapters.tiny_gguf import CONTEXT, write_gguf, write_lora
from tests.house.tree import PROJECT

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Completion, Request

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")
    if not found:
        pytest.skip("left out: llama-server (llama.cpp's server)")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "llama-server").symlink_to(Path(found).resolve())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    write_gguf(tmp_path / "model" / "tern.gguf")
    return tmp_path / "model"


def said(
    folder: Path, how: Choice, *orders: tuple[Request, ...]
) -> list[dict[Request, Completion]]:
    with open_generator(folder, the_closure(folder), how) as generator:
        return [dict(generator.complete(order, SAMPLING)) for order in orders or (REQUESTS,)]


def test_it_serves_the_files_and_leaves_nothing(tmp_path: Path, model: Path) -> None:
    closure = the_closure(model)
    with open_generator(model, closure, choice(tmp_path)) as generator:
        assert (generator.name, generator.binding_level) == ("serve", 4)
        found = dict(generator.complete(REQUESTS, SAMPLING))
        again = dict(generator.complete(REQUESTS[::-1], SAMPLING))
        runtime = dict(generator.runtime)
    assert found == again
    assert {(c.finish, c.error, c.new_tokens) for c in found.values()} == {("length", "", 10)}
    assert len({c.text for c in found.values()}) > len(REQUESTS) // 2
    assert runtime["serve-template"] in SHIPPED
    assert runtime["server-llama.cpp"].startswith("version: ")
    assert runtime["serve-argv"].startswith("llama-server --model '$main' --alias '$id'")


def test_two_starts_say_the_same_and_other_weights_do_not(tmp_path: Path, model: Path) -> None:
    first, again = (said(model, choice(tmp_path)) for _ in range(2))
    write_gguf(model / "tern.gguf", seed=1)
    assert first == again
    assert said(model, choice(tmp_path)) != first


def test_an_answer_for_which_there_is_no_room_is_an_error(tmp_path: Path, model: Path) -> None:
    """A letter is a token here, and the server cuts what does not fit without a word."""
    request = REQUESTS[0]
    texts = {room: "x" * (CONTEXT - 2 - room) for room in (40, 4, -40)}
    asked = tuple(request._replace(prompt_id=str(room), text=text) for room, text in texts.items())
    (found,) = said(model, choice(tmp_path), asked)
    fits, cut, none = (found[one] for one in asked)
    assert (fits.finish, fits.new_tokens) == ("length", 10)
    assert cut.finish == none.finish == "error"
    assert "cut off after 4 of 10 tokens" in cut.error
    assert "exceed_context_size" in none.error


def test_a_lora_is_level_2_and_says_something_else(tmp_path: Path, model: Path) -> None:
    lora = write_lora(tmp_path / "kind.gguf")
    own = template(tmp_path, ('"--jinja"', f'"--jinja", "--lora", "{lora}"'))
    closure = the_closure(model)
    with open_generator(model, closure, choice(tmp_path, own)) as generator:
        assert generator.binding_level == 2
        with_lora = dict(generator.complete(REQUESTS, SAMPLING))
    assert [with_lora] != said(model, choice(tmp_path))


def test_a_system_prompt_is_no_argument_of_a_server(tmp_path: Path, model: Path) -> None:
    own = template(tmp_path, ('"--jinja"', '"--jinja", "--system-prompt", "be nice"'))
    with pytest.raises(ServiceError, match=r"ended before it was ready.*--system-prompt"):
        said(model, choice(tmp_path, own))


def test_another_model_is_found_by_what_the_server_says(tmp_path: Path, model: Path) -> None:
    other = write_gguf(tmp_path / "other.gguf", seed=2)
    own = template(
        tmp_path, ('"--model", "$main"', f'"--model", "{other}", "--slot-save-path", "$folder"')
    )
    with pytest.raises(ServiceError, match=f"model_path '{other}'") as caught:
        said(model, choice(tmp_path, own))
    assert caught.value.rule == "HP224"


def started_by(pid: int) -> list[int]:
    """Every process below that one."""
    found = [pid]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found[1:]


@pytest.mark.skipif(sys.platform != "linux", reason="children are listed on Linux only")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_us_whoever_ends_us(model: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(model)], cwd=PROJECT, stdout=subprocess.PIPE
    ) as ours:
        try:
            assert ours.stdout is not None
            assert ours.stdout.readline() == b"ready\n"
            started = started_by(ours.pid)
            names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in started}
            assert "llama-server" in names
            assert all(map(alive, started))
            os.kill(ours.pid, number)
            assert gone(*started)
        finally:
            ours.kill()
