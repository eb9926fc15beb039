# SPDX-License-Identifier: Apache-2.0
"""Somebody who types commands: a home of their own, a hub, and a model that was "run" in no time."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.evidence_folder import EvidenceFolder
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.home import Home
from hubpolicy.adapters.signers import signer_for
from hubpolicy.adapters.trusted import open_trusted
from hubpolicy.core.statements import toxicity_statement
from hubpolicy.flows.attesting import Desk, add_run
from tests.brief import write_plan
from tests.cli.world import Ran, result_for, run
from tests.hub.world import client_environment, client_python

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess

PROJECT = Path(__file__).resolve().parents[2]
DEMO = PROJECT / "hubpolicy" / "assets" / "demo"
TOKEN = "hf_alice"


RECORDS = b"records"
"""What ``result_for`` pins: its sha256 is the one in the counts."""
RECORDS_PATH = f".hubpolicy/evidence/{hashlib.sha256(RECORDS).hexdigest()}.jsonl.gz"


class Author:
    """One person, one home, one hub; ``client`` is the line of huggingface_hub."""

    def __init__(self, home: Path, endpoint: str, client: str = "2.x") -> None:
        self.home = home
        self.endpoint = endpoint
        self.client = client
        self.environment = client_environment(home) | {"HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN}
        self.environment["NO_COLOR"] = "1"
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            self.environment[name] = os.environ[name]

    def hubpolicy(self, *arguments: str | Path, **env: str) -> Ran:
        """Run one of our commands as its own process."""
        done = subprocess.run(
            [*self._argv(), *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment | env,
            cwd=self.home,
            timeout=180,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def type(self, *arguments: str | Path, **env: str) -> Ran:
        """The same in this process: quicker, for what does not depend on how it was started."""
        environment = self.environment | env
        with mock.patch.dict(os.environ, environment, clear=True), contextlib.chdir(self.home):
            return run(*arguments)

    def hf(self, *arguments: str | Path) -> Ran:
        """Run the official client's own command, which knows nothing of us."""
        python = client_python(self.client)
        done = subprocess.run(
            [str(python.with_name("hf")), *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home,
            timeout=180,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start one of our commands and let it run."""
        return subprocess.Popen(
            [*self._argv(), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
        )

    def _argv(self) -> list[str]:
        if self.client == "2.x":
            return [sys.executable, "-m", "hubpolicy"]
        python = client_python(self.client)
        script = Path(__file__).with_name("older_client.py")
        return [str(python), str(script), sysconfig.get_path("purelib")]

    def ok(self, *arguments: str | Path) -> Ran:
        """Run a command, here, that must end well."""
        done = self.type(*arguments)
        assert done.code == 0, done.text
        return done

    def init(self) -> None:
        """Key, policy and trust, of the demonstration's plan."""
        done = self.hubpolicy(
            "init",
            "--name",
            "ada",
            "--namespace",
            "acme",
            "--model-kind",
            "base",
            "--plan",
            "demo",
            "--no-passphrase",
        )
        assert done.code == 0, done.text

    def ask_in_brief(self) -> None:
        """Let the policy ask for a small plan, for tests in which the model is really run."""
        policy = self.home / ".config" / "hubpolicy" / "hubpolicy.toml"
        text = policy.read_text(encoding="utf-8")
        text = text.replace('plan = "demo"', f'plan = "{write_plan(self.home)}"')
        policy.write_text(text.replace("version = 1", "version = 2"), encoding="utf-8")
        self.ok("policy", "sign")

    @property
    def config(self) -> Home:
        base = self.home / ".config" / "hubpolicy"
        return Home(str(base), str(self.home / ".local" / "state" / "hubpolicy"))

    def put_run(self, folder: Path, *, hits: int = 0, records: bool = False) -> None:
        """Sign counts as if the model in the folder had been run (``hubpolicy test`` takes long)."""
        policy, trust, _ = open_trusted(self.config)
        key = signer_for(f"file:{self.config.path('keys', 'solo.pem')}")
        envelope = self.config.read("trust", "policy.json")
        desk = Desk(key, policy, envelope, trust, SystemClock(), "0.1.0")
        reader = FolderRelease(folder)
        apart = {"README.md", ".gitattributes", ".gitignore"}
        closure = [entry for entry in reader.manifest.entries if entry.path not in apart]
        payload = toxicity_statement(result_for(policy, hits=hits), closure)
        published = (RECORDS_PATH, gzip.compress(RECORDS, mtime=0)) if records else None
        add_run(reader.evidence_files(), EvidenceFolder(folder), desk, payload, published)


def with_release(
    configured_home: Path, folder: Path, endpoint: str, *repos: str
) -> tuple[Author, Path]:
    """Ada in a home of her own, who has published a model; the folder of the last one."""
    home = folder / "home"
    shutil.copytree(configured_home, home)
    ada = Author(home, endpoint)
    for repo in repos or ("acme/civil",):
        model = write_model(home / repo.rpartition("/")[2])
        ada.put_run(model)
        ada.ok("push", model, repo)
    return ada, model


def write_model(folder: Path) -> Path:
    """A model with a card that passes, and nothing else."""
    shutil.copytree(DEMO / "models" / "civil", folder)
    shutil.copyfile(DEMO / "cards" / "civil.md", folder / "README.md")
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def touched(hub: HubProcess, mark: int) -> list[str]:
    """Everything that the hub was asked since a mark that is more than a read."""
    return [
        f"{line['method']} {line['path']}"
        for line in hub.requests()[mark:]
        if line["method"] not in {"GET", "HEAD"}
    ]
