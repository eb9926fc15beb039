# SPDX-License-Identifier: Apache-2.0
"""A hub as a child process, for tests and the demonstration."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hubpolicy.demo.hub.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

START_SECONDS = 60.0


class HubProcess:
    """Starts a hub on a free loopback port and stops it; what it holds stays under `root`.

    >>> tokens = {"hf_a": {"name": "alice", "orgs": ["acme"], "role": "write"}}
    >>> with HubProcess(root, tokens) as hub:
    ...     HfApi(endpoint=hub.endpoint, token="hf_a").create_repo("acme/m")
    """

    def __init__(
        self,
        root: Path,
        tokens: Mapping[str, Mapping[str, object]] | None = None,
        config: Mapping[str, object] | None = None,
        *,
        port: int = 0,
    ) -> None:
        """Write `tokens` and `config` beside the state; what is not given stays as it is."""
        self.root = root
        self.tokens_file = root / "tokens.json"
        self.config_file = root / "config.json"
        self.endpoint = ""
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        root.mkdir(parents=True, exist_ok=True)
        if tokens is not None:
            self.allow(tokens)
        elif not self.tokens_file.exists():
            self.allow({})
        if config is not None:
            self.configure(config)

    def allow(self, tokens: Mapping[str, Mapping[str, object]]) -> None:
        """Replace the tokens file; the running hub follows."""
        write_atomic(self.tokens_file, json.dumps(tokens, indent=1).encode())
        self.tokens_file.chmod(0o600)

    def configure(self, config: Mapping[str, object]) -> None:
        """Replace the configuration (see `settings`); the running hub follows."""
        write_atomic(self.config_file, json.dumps(config, indent=1).encode())

    def faults(self, *faults: Mapping[str, object]) -> None:
        """Replace the faults in the configuration and keep the rest of it."""
        present = json.loads(self.config_file.read_bytes()) if self.config_file.exists() else {}
        self.configure(present | {"faults": list(faults)})

    def start(self) -> Self:
        """Start the process and wait until it answers.

        Raises:
            RuntimeError: if it does not come up.
        """
        package_root = str(Path(__file__).resolve().parents[3])
        command: Sequence[str] = (
            *(sys.executable, "-P", "-m", "hubpolicy.demo.hub", "--exit-with-parent"),
            *("--root", str(self.root), "--port", str(self._port)),
            *("--tokens", str(self.tokens_file), "--config", str(self.config_file)),
        )
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": package_root},
        )
        self.endpoint = self._ready(self._process)
        return self

    def _ready(self, process: subprocess.Popen[bytes]) -> str:
        if process.stdout is None:
            msg = "no pipe from the hub"
            raise RuntimeError(msg)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(START_SECONDS)
        line = process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            msg = f"the hub did not start within {START_SECONDS:.0f} s"
            raise RuntimeError(msg)
        return str(json.loads(line)["endpoint"])

    def stop(self) -> None:
        """Stop the process, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def requests(self, about: str = "") -> list[dict[str, Any]]:
        """Return the request log so far, oldest first; of the paths that hold `about` alone.

        A hub that many share still answers what others gave up waiting for.
        """
        lines = map(json.loads, self._lines("requests.jsonl"))
        return [line for line in lines if about in line["path"]]

    def delayed(self) -> list[str]:
        """Return method and path of every request that was delayed, from when its delay began."""
        return self._lines("delayed")

    def _lines(self, name: str) -> list[str]:
        """Whole lines: the running hub may be writing the next."""
        path = self.root / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return text.rpartition("\n")[0].splitlines()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
