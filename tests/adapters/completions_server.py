# SPDX-License-Identifier: Apache-2.0
"""A strict OpenAI-compatible server in the place of llama.cpp's, and its bad relatives.

As a program it takes ``llama-server``'s arguments and no others; in a test it runs in a thread. What
it says is a function of the model's bytes, the prompt, the seed and the sampling, as with the real
thing. ``manner`` names what it does wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORDS = ("the", "morning", "sun", "warms", "our", "garden", "and", "we", "drink", "some", "tea")
FIELDS = {
    "model": str, "prompt": str, "messages": list, "max_tokens": int, "temperature": float,
    "top_p": float, "seed": int, "top_k": int, "min_p": float, "typical_p": float,
    "repeat_penalty": float, "presence_penalty": float, "frequency_penalty": float,
    "cache_prompt": bool,
}  # fmt: skip


class Standing(ThreadingHTTPServer):
    """The server: what it serves, how it behaves, and what it was asked.

    ``meanwhile``: what else happens in the world when it is asked for the so-manyth time.
    """

    daemon_threads = True

    def __init__(self, port: int, model: str, *, path: str = "", manner: str = "", key: str = ""):
        super().__init__(("127.0.0.1", port), Handler)
        self.model, self.path, self.manner, self.key = model, path, manner, key
        self.bytes = Path(path).read_bytes() if path else b""
        self.lock = threading.Lock()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.seen: dict[str, int] = {}
        self.at_once = self.most_at_once = 0
        self.patience = 2.0
        self.context = 4096
        self.meanwhile: dict[int, Callable[[], object]] = {}
        self.quiet = not path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no news."""


class Handler(BaseHTTPRequestHandler):
    server: Standing
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Standard error is the log."""
        if not self.server.quiet:
            sys.stderr.write(f"{args[0] % args[1:]}\n")

    def do_GET(self) -> None:
        manner = self.server.manner
        if self.path == "/health":
            self.reply(503 if manner == "sick" else 200, {"status": "ok"})
        elif self.path == "/props":
            other = self.server.path + ".other" if manner == "other-file" else self.server.path
            self.reply(200, {"model_path": other, "total_slots": 1})
        elif self.path == "/v1/models" and self.allowed():
            ids = [self.server.model] + (["second"] if manner == "two-models" else [])
            rows = {"object": "list", "data": [{"id": name, "object": "model"} for name in ids]}
            self.reply(200, [] if manner == "odd-list" else rows)
        elif not self.close_connection:
            self.reply(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            server.meanwhile.pop(len(server.asked), int)()
        try:
            if self.allowed():
                self.answer(body)
        finally:
            with server.lock:
                server.at_once -= 1

    def allowed(self) -> bool:
        if self.server.key and self.headers["Authorization"] != f"Bearer {self.server.key}":
            self.reply(401, {"error": "unauthorized"})
            return False
        return True

    def answer(self, body: dict[str, Any]) -> None:
        chat = self.path == "/v1/chat/completions"
        wrong = self.wrong(body, chat)
        if wrong:
            self.reply(400, {"error": wrong})
        elif not self.misbehave(body):
            self.reply(200, self.completion(body, chat))

    def wrong(self, body: dict[str, Any], chat: bool) -> str:
        if self.path not in {"/v1/completions", "/v1/chat/completions"}:
            return f"no such path {self.path}"
        if (
            set(body) - set(FIELDS)
            or ("messages" in body) is not chat
            or ("prompt" in body) is chat
        ):
            return f"unexpected fields {sorted(body)}"
        for key, value in body.items():
            if type(value) is not FIELDS[key]:
                return f"{key} is a {type(value).__name__}"
        if body["model"] != self.server.model:
            return f"no model {body['model']}"
        if self.headers["Content-Type"] != "application/json":
            return "not JSON"
        return ""

    def misbehave(self, body: dict[str, Any]) -> bool:  # noqa: C901 - a table
        """True if there is an answer already, or none."""
        server, key = self.server, json.dumps(body, sort_keys=True)
        with server.lock:
            times = server.seen[key] = server.seen.get(key, 0) + 1
            real = len(server.asked) > 9  # the probe asks nine times
        match server.manner:
            case "drops":
                self.close_connection = True
                return True
            case "drops-once" if times == 1:
                self.close_connection = True
                return True
            case "drops-later" if real:
                self.close_connection = True
                return True
            case "dies-later" if real:
                os._exit(7)
            case "busy" if times == 1:
                self.reply(429, {"error": "slow down"}, {"Retry-After": "7"})
                return True
            case "always-busy":
                self.reply(429, {"error": "slow down"}, {"Retry-After": "99999"})
                return True
            case "redirects":
                self.reply(307, {}, {"Location": "http://127.0.0.1:9/v1/completions"})
                return True
            case "huge":
                self.send_response(200)
                self.end_headers()
                try:
                    for _ in range(40):
                        self.wfile.write(b" " * 1024 * 1024)
                except OSError:
                    pass
                self.close_connection = True
                return True
            case "slow":
                time.sleep(0.7)
            case "html":
                self.raw(200, b"<html>It works!</html>")
                return True
            case "fails-one" if "Sunday" in key:
                self.reply(500, {"error": "out of memory"})
                return True
        return False

    def completion(self, body: dict[str, Any], chat: bool) -> dict[str, Any]:
        server, manner = self.server, self.server.manner
        asked = json.dumps(body["messages"]) if chat else body["prompt"]
        seed = (
            0
            if manner == "greedy" or not body["temperature"] or body.get("top_k") == 1
            else body["seed"]
        )
        if manner == "no-seed":
            seed = random.getrandbits(40)
        if manner == "one-stream":
            # On a busy machine requests that were sent at once arrive apart.
            until = time.monotonic() + server.patience
            while server.at_once < 2 and time.monotonic() < until:
                time.sleep(0.005)
            seed = seed * 1000 + (len(server.asked) if server.at_once > 1 else 0)
        digest = hashlib.sha256(
            server.bytes + f"{asked}\0{seed}\0{body['top_p']}".encode()
        ).digest()
        late = len(server.asked) > 9  # the probe asks nine times
        # Like llama.cpp's: what has no room in the context is cut, and called "length" as well.
        room = server.context - len(asked.split())
        count = min(body["max_tokens"], room) + (5 if manner == "long" and late else 0)
        text = " " + " ".join(WORDS[digest[at % 32] % len(WORDS)] for at in range(count))
        named = (
            "gpt-9"
            if manner == "other-model" or (manner == "other-later" and late)
            else server.model
        )
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        if chat:
            choice["message"] = {"role": "assistant", "content": text}
            if manner == "thinks":
                choice["message"] |= {"reasoning_content": "Hm.", "reasoning": "Hm."}
        else:
            choice["text"] = text
        if manner == "filtered":
            choice["finish_reason"] = "content_filter"
        usage = {"prompt_tokens": len(asked.split()), "completion_tokens": count}
        choices = [choice] * (2 if manner == "two-choices" else 1)
        return {"id": "c", "object": "x", "model": named, "choices": choices, "usage": usage}

    def reply(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(document).encode(), headers)

    def raw(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def standing(manner: str = "", *, model: str = "tiny", key: str = "") -> Iterator[Standing]:
    """The server in a thread of this process."""
    server = Standing(0, model, manner=manner, key=key)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def install(folder: Path, manner: str = "") -> Path:
    """A program ``llama-server`` in a folder for PATH; its children write their ids beside it."""
    folder.mkdir(exist_ok=True)
    program = folder / "llama-server"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" --manner "{manner}" '
        f'--notes "{folder}" "$@"\n'
    )
    program.chmod(0o755)
    return folder


def have_children(notes: Path) -> None:
    """One child in this group, one in a session of its own, one whose parent is gone."""
    sleep = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(300)"]
    orphaned = (
        "import subprocess, sys; "
        f"print(subprocess.Popen({sleep!r}, start_new_session=True, stdout=-3, stderr=-3).pid)"
    )
    pids = [
        subprocess.Popen(sleep).pid,
        subprocess.Popen(sleep, start_new_session=True).pid,
        int(
            subprocess.run([sys.executable, "-c", orphaned], capture_output=True, check=True).stdout
        ),
    ]
    (notes / "children").write_text(" ".join(map(str, pids)))


def main() -> None:
    parser = argparse.ArgumentParser("llama-server", allow_abbrev=False)
    parser.add_argument("--manner", default="")
    parser.add_argument("--notes", type=Path)
    parser.add_argument("--version", action="version", version="version: 9876 (stand-in)")
    for name in ("--model", "--alias", "--host", "--port", "--parallel", "--ctx-size"):
        parser.add_argument(name, required=True)
    for name in ("--jinja", "--no-webui"):
        parser.add_argument(name, action="store_true", required=True)
    for name in ("--lora", "--chat-template-file", "--slot-save-path"):
        parser.add_argument(name)
    options = parser.parse_args()
    assert options.host == "127.0.0.1"
    (options.notes / "environment").write_text(json.dumps(dict(os.environ)))
    (options.notes / "arguments").write_text(json.dumps(sys.argv[1:]))
    if options.manner == "crashes":
        sys.exit("error: failed to load model 'weights'")
    if options.manner == "forks":
        have_children(options.notes)
    name = "another" if options.manner == "other-alias" else options.alias
    server = Standing(int(options.port), name, path=options.model, manner=options.manner)
    server.context = int(options.ctx_size)
    (options.notes / "server").write_text(str(os.getpid()))
    server.serve_forever()


if __name__ == "__main__":
    main()
