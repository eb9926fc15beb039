# SPDX-License-Identifier: Apache-2.0
"""How loaders lay out a model's files: one function per layout, names in, names out.

The layouts are those of onnxruntime-genai (``genai_config.json``), transformers (weights alone or
sharded by an index; adapters with their pinned base), sentence-transformers (``modules.json``),
diffusers (``model_index.json``), optimum and transformers.js (plain ONNX, ``onnx/``) and llama.cpp
(GGUF, alone or split). Not responsible for entries, digests or what was tested.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubpolicy.core.adapter_base import ADAPTER, BASE, WEIGHTS, problem_of
from hubpolicy.core.config_json import parse_config, unique
from hubpolicy.core.filetypes import kind_of_name
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hubpolicy.core.config_json import PairsHook

ClosureKind = Literal["onnx-genai", "onnx", "safetensors", "pytorch", "gguf", "diffusers"]

GENAI = "genai_config.json"
MODULES = "modules.json"
PIPELINE = "model_index.json"
INDEX = ".index.json"
_TEMPLATES = "additional_chat_templates"
_PICKLED = ("pytorch_model.", "adapter_model.")
_ONNX_PARTS = (
    *("decoder_model_merged", "decoder_with_past_model", "decoder_model", "encoder_model"),
    *("vision_encoder", "audio_encoder", "embed_tokens"),
)


class Dangling(NamedTuple):
    """``named_by`` is a file that asks for ``name``; ``reason`` says what is wrong with that."""

    named_by: str
    name: str
    reason: str


class Plan(NamedTuple):
    """A closure by names alone; some may not be there. ``named_by`` is the file that says so."""

    kind: ClosureKind
    main: str
    paths: frozenset[str]


class Tree(NamedTuple):
    """The names of a release, sorted, by folder ("" = top), and the content of naming files.

    ``external`` = locations of external data per ONNX file, where somebody has read it: then
    exactly those belong to it, whatever else begins with its name.
    """

    paths: frozenset[str]
    folders: dict[str, list[str]]
    contents: Mapping[str, bytes]
    external: Mapping[str, tuple[str, ...]]

    def names(self, folder: str) -> list[str]:
        """The file names of one folder, sorted."""
        return self.folders.get(folder, [])


def make_tree(
    paths: Iterable[str], contents: Mapping[str, bytes], external: Mapping[str, tuple[str, ...]]
) -> Tree:
    """Group paths by folder."""
    known = frozenset(paths)
    folders: dict[str, list[str]] = {}
    for path in sorted(known):
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    return Tree(known, folders, contents, external)


def names_files(path: str) -> bool:
    """True for files that name other files of the release."""
    name = path.rpartition("/")[2]
    return name in {GENAI, MODULES, PIPELINE, ADAPTER, BASE} or name.endswith(INDEX)


def join(folder: str, name: str) -> str:
    """``folder/name``; ``name`` at the top; ``folder`` if the name is empty."""
    return f"{folder}/{name}" if folder and name else folder or name


def plan(tree: Tree) -> tuple[tuple[Plan, ...], tuple[Dangling, ...]]:
    """All complete closures by names, and what the incomplete ones lack."""
    plans: list[Plan] = []
    dangling: dict[Dangling, None] = {}
    taken: set[str] = set()
    for layout in (_modules, _pipelines, _genai, _sharded, _gguf, _onnx, _single):
        for folder in sorted(tree.folders):
            attempts = tuple(layout(tree, folder, frozenset(taken)))
            for attempt in attempts:
                problems = _problems(tree, attempt)
                dangling.update(dict.fromkeys(problems))
                if isinstance(attempt, Plan):
                    taken.update(attempt.paths)
                    plans += [] if problems else [attempt]
    return tuple(plans), tuple(dangling)


def _problems(tree: Tree, attempt: Plan | Dangling) -> list[Dangling]:
    if isinstance(attempt, Dangling):
        return [attempt]
    missing = sorted(attempt.paths - tree.paths)
    return [Dangling(attempt.main, path, "is not in the release") for path in missing]


def _pipelines(tree: Tree, folder: str, _taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """diffusers: ``{"unet": ["diffusers", "UNet2DConditionModel"], …}``, a folder per key."""
    main = join(folder, PIPELINE)
    if main not in tree.paths:
        return
    index = _read(tree, main)
    if not isinstance(index, dict):
        yield index if isinstance(index, Dangling) else Dangling(main, "", "is not an object")
        return
    wanted = {main, *_companions(tree, folder)}
    for key, value in index.items():
        if isinstance(value, list) and len(value) == 2 and all(value):
            part = join(folder, key)
            wanted |= _companions(tree, part) | _weights(tree, part)
            if part not in tree.folders:
                wanted.add(part)
    yield Plan("diffusers", main, frozenset(wanted))


def _modules(tree: Tree, folder: str, _taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """sentence-transformers: no closure of its own, but it must be readable."""
    main = join(folder, MODULES)
    modules = _read(tree, main) if main in tree.paths else []
    if not isinstance(modules, list):
        yield modules if isinstance(modules, Dangling) else Dangling(main, "", "is not a list")


def _genai(tree: Tree, folder: str, _taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """onnxruntime-genai: every key that ends with ``filename``, at any depth."""
    main = join(folder, GENAI)
    if main not in tree.paths:
        return
    names: set[str] = set()

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        for key, value in pairs:
            if key.endswith("filename") and isinstance(value, str) and value:
                names.add(value)
        return unique(pairs)

    problem = _read(tree, main, look)
    if isinstance(problem, Dangling):
        yield problem
        return
    named = {join(folder, name) for name in names}
    models = {path for path in named if path.endswith(".onnx")}
    if not models:
        yield Dangling(main, "", "names no .onnx file")
        return
    data = {path for model in models for path in _external(tree, model)}
    yield Plan("onnx-genai", main, frozenset({main, *named, *data, *_companions(tree, folder)}))


def _sharded(tree: Tree, folder: str, taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """transformers: ``{"weight_map": {"<tensor>": "<file>", …}}`` in ``*.index.json``."""
    kinds: dict[str, ClosureKind] = {".safetensors": "safetensors", ".bin": "pytorch"}
    companions = _companions(tree, folder)
    for name in tree.names(folder):
        kind = next((k for suffix, k in kinds.items() if name.endswith(suffix + INDEX)), None)
        main = join(folder, name)
        if kind is None or main in taken:
            continue
        shards = _shards(tree, main)
        if isinstance(shards, Dangling):
            yield shards
        else:
            yield Plan(kind, main, frozenset({main, *shards, *companions}))


def _gguf(tree: Tree, folder: str, _taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """llama.cpp: tokenizer and template are inside; ``-00001-of-00003`` are parts of one model."""
    parts: dict[tuple[str, int], dict[int, str]] = {}
    for name in tree.names(folder):
        if not name.lower().endswith(".gguf"):
            continue
        split = _split(name)
        if split is None:
            yield Plan("gguf", join(folder, name), frozenset({join(folder, name)}))
        else:
            parts.setdefault(split[1:], {})[split[0]] = join(folder, name)
    for (_, total), found in sorted(parts.items()):
        if set(found) == set(range(1, len(found) + 1)) and len(found) == total:
            yield Plan("gguf", found[1], frozenset(found.values()))
        else:
            reason = f"is one of {len(found)} parts, expected {total}"
            yield Dangling(min(found.values()), "", reason)


def _onnx(tree: Tree, folder: str, taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """Plain ONNX: encoder and decoder of one precision belong together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in tree.names(folder):
        path = join(folder, name)
        if name.endswith(".onnx") and path not in taken:
            stem = name.removesuffix(".onnx")
            part = next((p for p in _ONNX_PARTS if stem.startswith(p)), "")
            key = ("parts", stem[len(part) :]) if part else ("one", stem)
            groups.setdefault(key, []).append(path)
    above, _, last = folder.rpartition("/")
    companions = _companions(tree, folder) | (_companions(tree, above) if last == "onnx" else set())
    for _, models in sorted(groups.items()):
        data = {path for model in models for path in _external(tree, model)}
        yield Plan("onnx", models[0], frozenset({*models, *data, *companions}))


def _single(tree: Tree, folder: str, taken: frozenset[str]) -> Iterator[Plan | Dangling]:
    """transformers: one file, each precision or adapter of its own; an adapter with its base."""
    companions = _companions(tree, folder)
    for name in tree.names(folder):
        path = join(folder, name)
        if path in taken or _split(name) is not None:
            continue
        problem = _unknown_base(tree, folder) if name.startswith(WEIGHTS) else ""
        if problem:
            yield Dangling(path, "", problem)
            continue
        if name.endswith(".safetensors"):
            yield Plan("safetensors", path, frozenset({path, *companions}))
        elif name.endswith(".bin") and name.startswith(_PICKLED):
            yield Plan("pytorch", path, frozenset({path, *companions}))


def _unknown_base(tree: Tree, folder: str) -> str:
    adapter, base = (tree.contents.get(join(folder, name)) for name in (ADAPTER, BASE))
    return problem_of(adapter, base)


def _companions(tree: Tree, folder: str) -> set[str]:
    """All that loaders read beside weights, sentence-transformers' further modules included."""
    found = _configs(tree, folder)
    main = join(folder, MODULES)
    modules = _read(tree, main) if main in tree.paths else ()
    for module in modules if isinstance(modules, list) else ():
        name = module.get("path") if isinstance(module, dict) else None
        if isinstance(name, str) and name:
            part = join(folder, name)
            found |= _configs(tree, part) | _weights(tree, part)
    return found


def _configs(tree: Tree, folder: str) -> set[str]:
    templates = join(folder, _TEMPLATES)
    paths = [join(folder, name) for name in tree.names(folder)]
    paths += [join(templates, name) for name in tree.names(templates)]
    return {path for path in paths if kind_of_name(path, 0) == "config" and not _is_main(path)}


def _is_main(path: str) -> bool:
    return names_files(path) and not path.endswith((MODULES, ADAPTER, BASE))


def _weights(tree: Tree, folder: str) -> set[str]:
    """The weights of a pipeline's part: an index with its shards, else what has no variant."""
    names = tree.names(folder)
    for name in names:
        if name.endswith(".safetensors" + INDEX) and name.count(".") == 3:
            shards = _shards(tree, join(folder, name))
            if not isinstance(shards, Dangling):
                return {join(folder, name), *shards}
    for suffix in (".safetensors", ".onnx"):
        found = {join(folder, n) for n in names if n.endswith(suffix) and n.count(".") == 1}
        if found:
            return found | {data for path in found for data in _external(tree, path)}
    return set()


def _external(tree: Tree, model: str) -> set[str]:
    """External data of an ONNX file: what it names; where nobody read it, what begins so too."""
    folder, _, name = model.rpartition("/")
    if model in tree.external:
        return {join(folder, other) for other in tree.external[model]}
    names = tree.names(folder)
    # Sorted names that share a beginning are neighbours.
    near = takewhile(lambda other: other.startswith(name), names[bisect_right(names, name) :])
    return {join(folder, other) for other in near if other[len(name)] in "._"}


def _shards(tree: Tree, index: str) -> set[str] | Dangling:
    value = _read(tree, index)
    if isinstance(value, Dangling):
        return value
    shards = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(shards, dict) or not shards:
        return Dangling(index, "", "has no weight_map")
    folder = index.rpartition("/")[0]
    return {join(folder, str(shard)) for shard in shards.values()}


def _split(name: str) -> tuple[int, str, int] | None:
    """``model-00002-of-00003.gguf`` to (2, "model", 3)."""
    stem, of, total = name.rpartition(".")[0].rpartition("-of-")
    prefix, dash, number = stem.rpartition("-")
    if not of or not dash or not _is_number(total) or not _is_number(number):
        return None
    return int(number), prefix, int(total)


def _is_number(text: str) -> bool:
    return len(text) == 5 and text.isascii() and text.isdigit()


def _read(tree: Tree, path: str, hook: PairsHook = unique) -> object:
    content = tree.contents.get(path)
    if content is None:
        return Dangling(path, "", "could not be read")
    try:
        return parse_config(content, pairs_hook=hook)
    except MalformedError as error:
        return Dangling(path, "", f"cannot be parsed: {error.message}")
