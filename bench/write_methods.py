# SPDX-License-Identifier: Apache-2.0
"""Which public methods of an installed huggingface_hub can write: read from its source, not listed.

A sink is a call that sends something else than GET or HEAD: ``get_session().post(...)``,
``http_backoff("PUT", ...)``, ``client.stream("POST", ...)``, ``new_upload_commit``. A method is
found if a sink can be reached from it by names: its own methods, HfApi's, the package's functions,
and the inside of the classes that it makes. Too many are found rather than too few.
"""

from __future__ import annotations

import ast
import io
import os
from concurrent.futures import Future
from http.client import HTTPConnection
from logging import Logger
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import NamedTuple

WRITING = frozenset({"post", "put", "delete", "patch"})
BACKOFF = frozenset({"http_backoff", "http_stream_backoff"})
READS = frozenset({"GET", "HEAD"})
XET = "new_upload_commit"
NO_WRITES = ("paths-info", "validate-yaml")
"""Sinks that change nothing: a question with a body. Known by their addresses."""

ELSEWHERE = (
    "inference/",  # models that answer, at providers
    "cli/",  # the command line: it calls the methods
    "utils/_oauth_device.py",  # a login
    "_oidc.py",  # a token for a trusted publisher
    "_webhooks_server.py",  # a server, here
    "_sandbox.py",  # a machine that a job started; the job is found
    "_hot_reload/",  # a running Space's own process
)
"""Files whose sinks talk to others than a hub's repositories, and why."""


_EVERYDAY = frozenset(
    name
    for kind in (
        *(dict, list, str, bytes, set, io.BytesIO, Path, Thread, Queue, Future, Logger),
        *(os, os.path, HTTPConnection),
    )
    for name in dir(kind)
) | {"delete", "load", "stream", "wait"}
"""Names of everybody's methods: ``x.update(...)`` says nothing about x."""


class Method(NamedTuple):
    """A public function or method (``HfApi.create_repo``), the file, and the sinks it reaches."""

    name: str
    file: str
    sinks: tuple[str, ...]


class _Function(NamedTuple):
    """``owner``: the class, or empty. ``calls``: (receiver is self, name) pairs."""

    owner: str
    name: str
    file: str
    calls: frozenset[tuple[str, str]]
    sinks: tuple[str, ...]


class Found(NamedTuple):
    """What inspection gives. ``elsewhere``: methods that only reach other machines than a hub."""

    methods: tuple[Method, ...]
    elsewhere: tuple[str, ...]
    sinks: int


def find(package: Path) -> Found:
    """Inspect the source of an installed huggingface_hub."""
    functions: list[_Function] = []
    bases: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        if file.startswith("cli/"):
            continue
        _collect(ast.parse(path.read_text(encoding="utf-8")), file, functions, bases)
    by_class: dict[str, dict[str, _Function]] = {}
    by_name: dict[str, list[_Function]] = {}
    for each in functions:
        if each.owner:
            by_class.setdefault(each.owner, {})[each.name] = each
        else:
            by_name.setdefault(each.name, []).append(each)
    foreign = {name for name, those in bases.items() if any(b not in bases for b in those)}
    exported = _exported(package / "__init__.py")
    reached = {
        f: _reach(f, by_class, by_name, bases) for f in functions if _public(f, foreign, exported)
    }
    methods = tuple(
        Method(f"{f.owner}.{f.name}" if f.owner else f.name, f.file, sinks)
        for f, sinks in sorted(reached.items(), key=lambda item: (item[0].file, item[0].name))
        if sinks and not all(sink.startswith(ELSEWHERE) for sink in sinks)
    )
    others = tuple(f.name for f, sinks in reached.items() if sinks and all(
        sink.startswith(ELSEWHERE) for sink in sinks))  # fmt: skip
    return Found(methods, others, sum(len(f.sinks) for f in functions))


def _exported(init: Path) -> frozenset[str]:
    """Every string of the package's ``__init__``: what it hands out stands there by name."""
    tree = ast.parse(init.read_text(encoding="utf-8"))
    nodes = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return frozenset(value for value in nodes if isinstance(value, str))


def _public(function: _Function, foreign: set[str], exported: frozenset[str]) -> bool:
    """Public, or what an inherited public method of somebody else's (fsspec) calls."""
    name, owner = function.name, function.owner
    if owner in foreign or (name.startswith("__") and name.endswith("__")):
        name = name.strip("_")
    if name.startswith("_") or owner.startswith("_"):
        return False
    if function.file.startswith(("utils/", "inference/", "cli/")):
        return False
    return not function.file.startswith("_") or (owner or name) in exported


def _collect(
    tree: ast.Module, file: str, functions: list[_Function], bases: dict[str, list[str]]
) -> None:
    for node in tree.body:
        for inner in _unwrapped(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append(_function("", inner, file))
            elif isinstance(inner, ast.ClassDef):
                bases[inner.name] = [ast.unparse(base) for base in inner.bases]
                functions += [
                    _function(inner.name, method, file)
                    for method in inner.body
                    if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
                ]


def _unwrapped(node: ast.stmt) -> list[ast.stmt]:
    """What stands at the top, also below ``if`` and ``try``."""
    if isinstance(node, ast.If | ast.Try):
        return [inner for child in node.body + node.orelse for inner in _unwrapped(child)]
    return [node]


def _function(owner: str, node: ast.FunctionDef | ast.AsyncFunctionDef, file: str) -> _Function:
    calls, sinks = set(), []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            sink = _sink(inner)
            if sink is not None:
                sinks.append(f"{file}:{inner.lineno} {sink}")
            name = _called(inner.func)
            if name is not None:
                calls.add(name)
        if isinstance(inner, ast.Call):
            # Passed on to be called elsewhere: executor.submit(self.upload, ...)
            for value in (*inner.args, *(keyword.value for keyword in inner.keywords)):
                passed = _called(value) if isinstance(value, ast.Attribute) else None
                if passed is not None:
                    calls.add(passed)
    if len(sinks) == 1 and any(word in ast.unparse(node) for word in NO_WRITES):
        sinks = []
    return _Function(owner, node.name, file, frozenset(calls), tuple(sinks))


def _called(node: ast.expr) -> tuple[str, str] | None:
    if isinstance(node, ast.Name):
        return ("", node.id)
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        return ("self" if own else "other", node.attr)
    return None


def _sink(call: ast.Call) -> str | None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == XET:
        return XET
    first = call.args[0] if call.args else _keyword(call, "method")
    verb = first.value if isinstance(first, ast.Constant) else None
    if name in BACKOFF or name in {"stream", "request"}:
        return f"{verb}" if isinstance(verb, str) and verb.isupper() and verb not in READS else None
    if name in WRITING and isinstance(function, ast.Attribute) and _is_client(function.value):
        return name.upper()
    return None


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_client(node: ast.expr) -> bool:
    text = ast.unparse(node)
    return "session" in text or "client" in text.lower() or "httpx" in text


def _reach(
    start: _Function,
    by_class: dict[str, dict[str, _Function]],
    by_name: dict[str, list[_Function]],
    bases: dict[str, list[str]],
) -> tuple[str, ...]:
    seen, todo = {start}, [start]
    sinks: list[str] = []
    while todo:
        function = todo.pop()
        sinks += function.sinks
        for own, name in function.calls:
            for target in _targets(own, name, function, by_class, by_name, bases):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
    return tuple(sorted(set(sinks)))


def _targets(
    own: str,
    name: str,
    function: _Function,
    by_class: dict[str, dict[str, _Function]],
    by_name: dict[str, list[_Function]],
    bases: dict[str, list[str]],
) -> list[_Function]:
    if own == "self":
        found = _method(function.owner, name, by_class, bases)
        return [found] if found else []
    if own == "other":
        # Somebody's api.create_commit(...): HfApi's names are its own.
        api = by_class.get("HfApi", {}).get(name)
        if api is not None and not name.startswith("_"):
            return [api]
        if name in _EVERYDAY:
            return []
        return [methods[name] for methods in by_class.values() if name in methods]
    if name in by_class:
        methods = by_class[name]
        inside = name.startswith("_")
        return [
            m
            for m in methods.values()
            if inside or m.file.startswith("_") or m.name in {"__init__", "__post_init__"}
        ]
    api = by_class.get("HfApi", {}).get(name)  # upload_file = api.upload_file
    return [*by_name.get(name, []), *([api] if api is not None else [])]


def _method(
    owner: str, name: str, by_class: dict[str, dict[str, _Function]], bases: dict[str, list[str]]
) -> _Function | None:
    methods = by_class.get(owner, {})
    if name in methods:
        return methods[name]
    for base in bases.get(owner, []):
        found = _method(base, name, by_class, bases)
        if found is not None:
            return found
    return None
