# SPDX-License-Identifier: Apache-2.0
"""``python -m hubpolicy.demo.hub``: run a hub until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from hubpolicy.demo.hub.server import HubServer


def main(arguments: list[str] | None = None) -> int:
    """Serve; print one line of JSON with the endpoint when ready."""
    parser = argparse.ArgumentParser(prog="hubpolicy.demo.hub", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the hub's state")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--tokens", type=Path, help="JSON: token -> name, orgs, role, grants")
    parser.add_argument("--config", type=Path, help="JSON, read again at each request")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when standard input closes"
    )
    options = parser.parse_args(arguments)
    config = options.config.resolve() if options.config else None
    tokens = options.tokens.resolve() if options.tokens else None
    with HubServer(options.root.resolve(), options.port, tokens, config) as server:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if options.exit_with_parent:
            threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        sys.stdout.write(json.dumps({"endpoint": server.endpoint}) + "\n")
        sys.stdout.flush()
        stop.wait()
        server.shutdown()
    return 0


def _wait_for_end(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # unbuffered: a thread may be left in it at exit
        pass
    stop.set()


if __name__ == "__main__":
    raise SystemExit(main())
