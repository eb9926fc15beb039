# SPDX-License-Identifier: Apache-2.0
"""One hub and one gateway for all tests of a worker; every test has its own repository."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from typing import TYPE_CHECKING

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi

from hubpolicy.demo.hub.process import HubProcess
from tests.e2e.author import TOKEN, Author, write_model
from tests.gateway.world import GatewayProcess, address, issue, person
from tests.hub.world import TOKENS, Git, calm, leave_out

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
def hub(running_hub: HubProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    yield running_hub
    calm(running_hub)


@pytest.fixture(scope="session")
def ada(running_hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Author:
    """Who runs the gateway: policy, trust and keys are hers."""
    made = Author(tmp_path_factory.mktemp("ada"), running_hub.endpoint)
    made.init()
    return made


@pytest.fixture(scope="session")
def running_gateway(ada: Author, running_hub: HubProcess) -> Iterator[GatewayProcess]:
    with GatewayProcess(ada, running_hub.endpoint) as gateway:
        yield gateway


@pytest.fixture
def gateway(running_gateway: GatewayProcess, hub: HubProcess) -> GatewayProcess:
    assert hub.endpoint
    return running_gateway


@pytest.fixture(scope="session")
def token(ada: Author) -> str:
    """For everything of acme's."""
    return issue(ada, "bob", "acme/*")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Of localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture
def bob(ada: Author, gateway: GatewayProcess, token: str, tmp_path: Path) -> Author:
    """Somebody with a token of the gateway's, and the newest client."""
    return person(ada, tmp_path / "bob", gateway.endpoint, token)


@pytest.fixture(scope="session")
def _attested(ada: Author, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_model(tmp_path_factory.mktemp("models") / "civil")
    ada.put_run(folder, records=True)
    return folder


@pytest.fixture
def repo() -> str:
    """A repository that no other test uses, and whose name no other one begins with."""
    return f"acme/gated{next(_numbers):04}"


@pytest.fixture
def release(ada: Author, _attested: Path, repo: str, tmp_path: Path) -> Path:
    """A folder that is attested for the test's repository."""
    folder = tmp_path / "civil"
    shutil.copytree(_attested, folder)
    ada.ok("attest", folder, "--repo", repo)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A model without any evidence."""
    return write_model(tmp_path / "bare")


@pytest.fixture
def there(hub: HubProcess, repo: str) -> str:
    """A private repository that the hub made."""
    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(repo, private=True)
    return repo


@pytest.fixture
def git(tmp_path: Path) -> Git:
    home = tmp_path / "git"
    home.mkdir()
    made = Git(home)
    if subprocess.run(["git", "lfs", "version"], capture_output=True, check=False).returncode:
        leave_out("git-lfs")
    made("lfs", "install", "--skip-repo", cwd=home)
    return made


@pytest.fixture
def work(git: Git, gateway: GatewayProcess, there: str, token: str, tmp_path: Path) -> Path:
    """A clone, by the gateway."""
    git("clone", "-q", address(gateway, token, there), "work", cwd=tmp_path)
    return tmp_path / "work"
