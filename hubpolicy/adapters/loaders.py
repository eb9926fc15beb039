# SPDX-License-Identifier: Apache-2.0
"""Looks into a closure's files, and loads those that generate no text (port ``ClosureLoader``).

Reads names of tensors, graph inputs and outputs and ``config.json``; never the card. Loading runs
the very files once, offline, on made-up input. Not responsible for the decision: that is
:mod:`hubpolicy.core.applicability`'s table.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.generators.adapter_base import (
    base_closure,
    brings_tokenizer,
    is_adapter,
)
from hubpolicy.adapters.onnx_file import onnx_references
from hubpolicy.core import strictjson
from hubpolicy.core.applicability import ClosureFacts
from hubpolicy.core.config_json import parse_config
from hubpolicy.core.filetypes import kind_of_name
from hubpolicy.core.safetensors_format import LENGTH_BYTES, header_length, parse_header
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubpolicy.core.applicability import Applies
    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Probe

GGUF_TEMPLATE = b"tokenizer.chat_template"
TOKENIZER_SETTINGS = "tokenizer_config.json"
CHUNK = 16 * 1024 * 1024
CONFIG, PIPELINE, TOKENIZER = "config.json", "model_index.json", "tokenizer.json"
SINGLE = "model.safetensors"
MAX_JSON = 256 * 1024 * 1024
_DECODER_KEYS = ("is_decoder", "is_encoder_decoder", "add_cross_attention")


class FolderLoader:
    """Closures of one folder."""

    def __init__(self, root: str | os.PathLike[str], base: Path | None = None) -> None:
        """Take the folder that the closures' paths are relative to, and that of adapters' base."""
        self._root = Path(root)
        self._base = base

    def facts(self, closure: Closure) -> ClosureFacts:
        """What the files say; of kinds that always generate text only if they can chat."""
        return self._facts(closure)._replace(chat_template=self._can_chat(closure))

    def _can_chat(self, closure: Closure) -> bool:
        """An adapter without a tokenizer of its own has its base's, and that one's template."""
        if self._base is not None and is_adapter(closure) and not brings_tokenizer(closure):
            under = base_closure(self._root, closure, self._base)
            return has_chat_template(self._base, under)
        return has_chat_template(self._root, closure)

    def _facts(self, closure: Closure) -> ClosureFacts:
        if is_adapter(closure):  # what it makes is what its base makes; no config.json is read
            return ClosureFacts(closure.kind)
        if closure.kind == "safetensors":
            return self._config(closure)._replace(tensor_names=self._tensors(closure))
        if closure.kind == "diffusers" and _all_safetensors(closure):
            name = self._json(closure.main).get("_class_name")
            pipeline = (name,) if isinstance(name, str) else ()
            return ClosureFacts("diffusers", pipeline, self._tensors(closure))
        graphs = [path for path in closure.paths if path.endswith(".onnx")]
        if closure.kind == "onnx" and len(graphs) == 1:
            from hubpolicy.adapters import onnx_probe

            path = self._graph(graphs[0])
            names = onnx_references(path).tensor_names
            inputs, outputs = onnx_probe.signature(path)
            facts = self._config(closure)
            return facts._replace(inputs=inputs, outputs=outputs, tensor_names=names)
        return ClosureFacts(closure.kind)

    def probe(self, closure: Closure, applies: Applies) -> Probe:
        """Load and run the files once."""
        if closure.kind == "onnx":
            from hubpolicy.adapters import onnx_probe

            (graph,) = [path for path in closure.paths if path.endswith(".onnx")]
            above = graph.rpartition("/")[0]
            data = onnx_references(self._graph(graph)).external
            refuse_unopened(closure, (graph, *(f"{above}/{p}" if above else p for p in data)))
            return onnx_probe.probe(self._graph(graph), self._config(closure).vocab_size)
        if closure.kind == "safetensors":
            refuse_unopened(closure, self._beside_main(closure))
            try:
                from hubpolicy.adapters import torch_probe
            except ImportError as error:
                message = f"got no {error.name}, expected it for loading {closure.main}"
                raise UnsupportedError(message, hint="pip install 'hubpolicy[local]'") from error
            return torch_probe.probe(self._root / closure.main, applies.architecture)
        message = f"got a closure of kind {closure.kind}, expected onnx or safetensors"
        raise UnsupportedError(message, hint="export it to ONNX or safetensors")

    def _beside_main(self, closure: Closure) -> set[str]:
        """The weights that loading the main file's folder opens: itself, or what it lists."""
        folder, _, name = closure.main.rpartition("/")
        single = self._root / folder / SINGLE
        if name != SINGLE and single.exists():
            message = f"got {SINGLE} beside {closure.main}, expected one of both: loaders take one"
            raise UnsupportedError(message, hint=f"remove {SINGLE} or {name}")
        return {
            path
            for path in closure.paths
            if path.rpartition("/")[0] == folder and path.endswith(".safetensors")
        }

    def _config(self, closure: Closure) -> ClosureFacts:
        path = next((p for p in _beside(closure.main, CONFIG) if p in closure.paths), "")
        config = self._json(path) if path else {}
        named = config.get("architectures")
        architectures = named if isinstance(named, list) else []
        return ClosureFacts(
            kind=closure.kind,
            architectures=tuple(str(name) for name in architectures),
            vocab_size=self._vocabulary(closure, config),
            decoder=any(config.get(key) for key in _DECODER_KEYS),
            model_type=str(config.get("model_type") or ""),
        )

    def _vocabulary(self, closure: Closure, config: dict[str, Any]) -> int:
        """The smaller of what configuration and tokenizer say: a lie can only be stricter."""
        sizes = [config.get("vocab_size")]
        path = next((p for p in _beside(closure.main, TOKENIZER) if p in closure.paths), "")
        if path:
            model = self._json(path).get("model")
            vocabulary = model.get("vocab") if isinstance(model, dict) else None
            sizes.append(len(vocabulary) if isinstance(vocabulary, (dict, list)) else None)
        return min((size for size in sizes if type(size) is int and size > 0), default=0)

    def _tensors(self, closure: Closure) -> frozenset[str]:
        folder = closure.main.rpartition("/")[0]
        names: set[str] = set()
        for path in sorted(closure.paths):
            if path.endswith(".safetensors"):
                there = path.rpartition("/")[0]
                prefix = "" if there == folder else f"{there.removeprefix(f'{folder}/')}/"
                names |= {prefix + name for name in read_tensor_names(self._root / path)}
        return frozenset(names)

    def _graph(self, name: str) -> Path:
        path = self._root / name
        for location in onnx_references(path).external:
            if "\\" in location or any(part in {"", ".", ".."} for part in location.split("/")):
                message = f"got external data {location!r}, expected it in the folder, in {name}"
                raise MalformedError(message)
        return path

    def _json(self, name: str) -> dict[str, Any]:
        path = self._root / name
        try:
            with path.open("rb") as file:
                content = file.read(MAX_JSON + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
        value = strictjson.parse(content, what=name, limit=MAX_JSON)
        if not isinstance(value, dict):
            message = f"got {type(value).__name__}, expected an object, in {name}"
            raise MalformedError(message)
        return value


def external_data(root: Path, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Per ONNX file the locations of its external data, as written.

    Raises:
        ServiceError: one cannot be read.
        MalformedError: one is no ONNX file.

    """
    return {path: onnx_references(root / path).external for path in paths if path.endswith(".onnx")}


def refuse_unopened(closure: Closure, opened: Iterable[str]) -> None:
    """What is loaded and what counts as tested are the same files, whatever the author named.

    Raises:
        UnsupportedError: naming files of the closure that are no configuration and are not
            opened, or opened files that are not in the closure.

    """
    known = frozenset(opened)
    foreign = sorted(known - closure.paths)
    if foreign:
        message = f"{foreign[0]} is loaded with {closure.main}, but would not count as tested"
        raise UnsupportedError(message, hint="export the model again: its files are not told apart")
    idle = [
        entry.path
        for entry in closure.files
        if entry.path not in known and kind_of_name(entry.path, entry.size) != "config"
    ]
    if idle:
        message = (
            f"{', '.join(idle[:3])} would count as tested with {closure.main}, but nothing opens "
            f"{'it' if len(idle) == 1 else 'them'}"
        )
        raise UnsupportedError(message, hint="remove it, or publish it as a model of its own")


def read_tensor_names(path: Path) -> frozenset[str]:
    """Names of the tensors of a safetensors file, from its header alone.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: it is not exactly a safetensors file.

    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = header_length(file.read(LENGTH_BYTES), size, path.name)
            header = file.read(length)
    except OSError as error:
        raise _unreadable(path, error) from error
    return parse_header(header, size, path.name)


def _all_safetensors(closure: Closure) -> bool:
    """Whether no weights of the closure are of a kind whose tensors nobody looked at."""
    return all(
        entry.path.endswith(".safetensors") or kind_of_name(entry.path, entry.size) == "config"
        for entry in closure.files
    )


def _beside(main: str, name: str) -> Iterator[str]:
    """Candidates for a companion: in the same folder, and above a folder called ``onnx``."""
    folder = main.rpartition("/")[0]
    yield f"{folder}/{name}" if folder else name
    above, _, last = folder.rpartition("/")
    if last == "onnx":
        yield f"{above}/{name}" if above else name


def _unreadable(path: Path, error: OSError) -> ServiceError:
    return ServiceError(f"cannot read {path}: {error.strerror}")


def has_chat_template(root: Path, closure: Closure) -> bool:
    """True if the files that are loaded bring a template for conversations.

    Looked for where transformers and llama.cpp look: Jinja files, the tokenizer's configuration
    (parsed, as loaders do), all of a GGUF. What cannot be parsed counts as a template: finding one
    where there is none asks too much of a model, the other way round would ask too little.
    """
    for path in sorted(closure.paths):
        name = path.rpartition("/")[2].lower()
        if name.endswith((".jinja", ".jinja2")) or name.startswith("chat_template"):
            return True
        if name == TOKENIZER_SETTINGS and _names_template(root / path):
            return True
        if name.endswith(".gguf") and _mentions(root / path, GGUF_TEMPLATE):
            return True
    return False


def _names_template(path: Path) -> bool:
    keys: set[str] = set()

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys.update(key for key, value in pairs if value)
        return dict(pairs)

    try:
        parse_config(_read(path), pairs_hook=look)
    except MalformedError:
        return True
    return "chat_template" in keys


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_JSON)
    except OSError as error:
        raise _unreadable(path, error) from error


def _mentions(path: Path, words: bytes) -> bool:
    """True if these bytes are anywhere in the file: nothing in front of them can hide them."""
    tail = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                if words in tail + piece:
                    return True
                tail = piece[-len(words) :]
    except OSError as error:
        raise _unreadable(path, error) from error
    return False
