"""One hub and one process per client version for all tests of a worker; every test has its own repo."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from hubpolicy.demo.hub.process import HubProcess
from tests.hub.world import TOKENS, Client, Git, ask, calm, client_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as hub:
        yield hub
        errors = hub.root / "errors.log"
        assert not errors.exists(), errors.read_text()


@pytest.fixture
def hub(running_hub: HubProcess) -> Iterator[HubProcess]:
    """The hub, with its default configuration and tokens again after the test."""
    yield running_hub
    calm(running_hub)
    running_hub.allow(TOKENS)


@pytest.fixture(scope="session", params=["2.x", "1.x"])
def running_client(
    request: pytest.FixtureRequest,
    running_hub: HubProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("client")
    client = Client(client_python(request.param), home, running_hub.endpoint)
    yield client
    client.close()


@pytest.fixture
def client(running_client: Client, hub: HubProcess) -> Client:
    """The official client, once of each major version."""
    assert running_client.endpoint == hub.endpoint
    return running_client


@pytest.fixture
def repo_id() -> str:
    """A repo name that no other test uses, and no other one begins with."""
    return f"acme/m{next(_numbers):04}"


@pytest.fixture
def repo(client: Client, repo_id: str) -> str:
    """A public model repo that exists."""
    client.call("create_repo", repo_id=repo_id)
    return repo_id


@pytest.fixture
def git(tmp_path: Path) -> Git:
    home = tmp_path / "home"
    home.mkdir()
    return Git(home)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder: small and large files, an empty one, names that need quoting."""
    folder = tmp_path / "model"
    (folder / "sub dir" / "деep").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", encoding="utf-8")
    (folder / "model.onnx").write_bytes(bytes(range(256)) * 512)
    (folder / "weights.unknown").write_bytes(b"\0\1\2" * 700)
    (folder / "config.json").write_text('{"a": 1}', encoding="utf-8")
    (folder / "empty.bin").write_bytes(b"")
    (folder / "sub dir" / "деep" / "100% é+#?.txt").write_text("text", encoding="utf-8")
    return folder


@pytest.fixture
def api(hub: HubProcess, repo_id: str) -> str:
    """The API address of a public repo that exists."""
    body = {"name": repo_id.split("/")[1], "organization": "acme", "type": "model"}
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 200
    return f"{hub.endpoint}/api/models/{repo_id}"


@pytest.fixture(scope="module")
def strict_api(running_hub: HubProcess) -> str:
    """A repo that no request of this module changes."""
    body = {"name": "unchanged", "organization": "acme", "type": "model"}
    ask(f"{running_hub.endpoint}/api/repos/create", "POST", body=body)
    return f"{running_hub.endpoint}/api/models/acme/unchanged"
