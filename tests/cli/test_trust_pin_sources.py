# SPDX-License-Identifier: Apache-2.0
"""Where a pinned trust is fetched from: a web server and a hub, and what they may answer."""

from __future__ import annotations

import functools
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import trust_source
from hubpolicy.demo.hub.process import HubProcess
from tests.cli.world import config, run
from tests.hub.world import TOKENS, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

from tests.cli.pin_world import pin, state_version
from tests.flows.team_world import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "trust")


# A web server --------------------------------------------------------------------------------


@contextmanager
def served(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


SEEN: list[dict[str, str]] = []


class Folder(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        SEEN.append(dict(self.headers.items()))


class Odd(BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        if kind == "moved":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
        elif kind == "endless":
            self.send_response(200)
            self.end_headers()
            with pytest.raises(OSError):
                self.wfile.write(b"{" * (1 << 26))
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            with pytest.raises(OSError):
                self._drip()
        elif kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"{")
        else:
            self.send_error(int(kind))

    def _drip(self) -> None:
        for _ in range(600):
            self.wfile.write(b"{")
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


def test_an_address_is_asked_without_any_login(team: Team) -> None:
    SEEN.clear()
    with served(functools.partial(Folder, directory=str(team.folder))) as address:
        ran = pin(team, f"{address}/", HF_TOKEN="hf_alice", HF_ENDPOINT=address)
        assert ran.code == 0, ran.err
        team.publish_state()
        ran = run("trust", "update", HF_TOKEN="hf_alice", HF_ENDPOINT=address)
        assert (ran.code, state_version()) == (0, 2)
    assert SEEN
    assert "hf_alice" not in str(SEEN)
    assert not [name for seen in SEEN for name in seen if name.lower() == "authorization"]
    gone = run("trust", "update")
    assert gone.code == 1
    assert "no answer from" in gone.err
    assert "State version 2 stays in force" in gone.err


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("404", 2, "there is no root/1.json"),
        ("410", 2, "there is no root/1.json"),
        ("401", 4, "may not be read (HTTP 401)"),
        ("403", 4, "may not be read (HTTP 403)"),
        ("429", 1, "got HTTP 429"),
        ("500", 1, "got HTTP 500"),
        ("moved", 1, "moved to http://127.0.0.1:9/"),
        ("endless", 1, "expected at most 4194304"),
        ("cut", 1, "no answer from"),
    ],
)
def test_what_a_server_may_answer(team: Team, kind: str, code: int, said: str) -> None:
    with served(Odd) as address:
        ran = pin(team, f"{address}/{kind}")
    assert ran.code == code, ran.err
    assert said in ran.err
    assert not config("gate.json").exists()


def test_a_server_that_drips_does_not_hold_us_for_ever(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_source, "_SECONDS", 1.5)
    begun = time.monotonic()
    with served(Odd) as address:
        ran = pin(team, f"{address}/drip")
    assert ran.code == 1
    assert "took longer than" in ran.err
    assert time.monotonic() - begun < 25


# A hub ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as hub:
        yield hub


def publish(hub: HubProcess, name: str, team: Team) -> str:
    """Put the trust folder into a private data set; the commit's id."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.endpoint, token="hf_alice")
    api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
    done = api.upload_folder(repo_id=name, repo_type="dataset", folder_path=team.folder)
    return str(done.oid)


def test_a_data_set_on_the_hub(team: Team, running: HubProcess) -> None:
    here = {"HF_ENDPOINT": running.endpoint, "HF_TOKEN": "hf_alice"}
    first = publish(running, "acme/trust", team)
    source = "hf://datasets/acme/trust"
    ran = pin(team, source, **here)
    assert ran.code == 0, ran.err
    team.publish_state()
    publish(running, "acme/trust", team)
    assert run("trust", "update", **here).code == 0
    assert state_version() == 2
    closed = run("trust", "update", **{**here, "HF_TOKEN": "hf_bob"})
    assert closed.code in {1, 4}
    assert "State version 2 stays in force" in closed.err
    back = pin(team, f"{source}@{first}", **here)
    assert back.code == 1
    assert "as seen before" in back.err
    assert pin(team, f"{source}@main", **here).code == 0
    assert pin(team, f"{source}@nowhere", **here).code == 1


def test_a_large_file_on_the_hub_is_not_fetched(team: Team, running: HubProcess) -> None:
    here = {"HF_ENDPOINT": running.endpoint, "HF_TOKEN": "hf_alice"}
    team.put("state.json", b"{" * (4 * 1024 * 1024 + 1))
    publish(running, "acme/large", team)
    before = len(running.requests())
    ran = pin(team, "hf://datasets/acme/large", **here)
    assert ran.code == 1
    assert "state.json of hf://datasets/acme/large" in ran.err
    asked = running.requests()[before:]
    assert not [line for line in asked if "resolve" in line["path"] and "state" in line["path"]]


def test_a_login_for_one_hub_is_not_sent_to_the_one_that_was_pinned(
    team: Team, running: HubProcess
) -> None:
    """HF_ENDPOINT says for which hub the token is; the source stays where it was pinned."""
    publish(running, "acme/open", team)
    path = f"{running.endpoint}/api/datasets/acme/open/settings"
    assert ask(path, "PUT", body={"private": False}).status == 200
    source = "hf://datasets/acme/open"
    assert pin(team, source, HF_ENDPOINT=running.endpoint, HF_TOKEN="hf_alice").code == 0
    before = len(running.requests())
    elsewhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_nobody"}
    assert run("trust", "update", **elsewhere).code == 0
    asked = running.requests()[before:]
    assert asked
    assert {line["status"] for line in asked} <= {200, 302, 307}
