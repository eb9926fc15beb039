# SPDX-License-Identifier: Apache-2.0
"""What onnxruntime-genai would do with a folder, looked at before it does it.

``genai_config.json`` comes from whoever made the model: it may name libraries to load, files
outside of the folder, or settings that change how text is drawn. All of that is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.bounded import read_bounded
from hubpolicy.adapters.onnx_file import onnx_references
from hubpolicy.core import strictjson
from hubpolicy.core.config_json import parse_config
from hubpolicy.core.layouts import GENAI
from hubpolicy.errors import MalformedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_CONFIG = 16 * 1024 * 1024
MAX_TOKENIZER = 256 * 1024 * 1024
TEMPLATE, TOKENIZER_CONFIG = "chat_template.jinja", "tokenizer_config.json"

# Search settings that the adapter sets itself, or that only concern speed.
_SEARCH = frozenset(
    {
        *("batch_size", "chunk_size", "diversity_penalty", "do_sample", "early_stopping"),
        *("length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beams"),
        *("num_return_sequences", "past_present_share_buffer", "random_seed"),
        *("repetition_penalty", "temperature", "top_k", "top_p"),
    }
)
_SESSION = frozenset(
    {
        *("log_id", "provider_options", "intra_op_num_threads", "inter_op_num_threads"),
        *("graph_optimization_level", "enable_cpu_mem_arena", "enable_mem_pattern"),
    }
)


class GenaiFolder(NamedTuple):
    """Facts of a folder that may be loaded. ``special`` = texts that become control tokens.

    ``weights``: the graph that the runtime opens and all that it refers to, relative to ``path``.
    ``template``: the chat template's source, or ""; ``tokens``: what it calls ``bos_token`` etc.
    """

    path: Path
    weights: frozenset[str]
    context_length: int
    eos: frozenset[int]
    special: tuple[str, ...]
    template: str = ""
    tokens: tuple[tuple[str, str], ...] = ()


def inspect_genai_folder(folder: Path) -> GenaiFolder:
    """Look at configuration, tokenizer and graphs.

    Raises:
        ServiceError: a file cannot be read.
        MalformedError: the configuration is not what genai writes, or leads out of the folder.
        UnsupportedError: the folder asks for libraries, devices or settings that are not run.

    """
    config = _object(_read(folder / GENAI, MAX_CONFIG), GENAI)
    model = _section(config, "model")
    _refuse_settings(config)
    for name in _filenames(config):
        _inside(folder, name, GENAI)
    return GenaiFolder(
        path=folder,
        weights=_opened(folder, _section(model, "decoder")),
        context_length=_count(model, "context_length"),
        eos=frozenset(_ids(model.get("eos_token_id"))),
        special=_special(
            _object(_read(folder / "tokenizer.json", MAX_TOKENIZER), "tokenizer.json")
        ),
        template=_template(folder),
        tokens=_named_tokens(folder),
    )


def _opened(folder: Path, decoder: dict[str, Any]) -> frozenset[str]:
    """What a decoder-only model opens. Other sections may name files that are never looked at."""
    if "pipeline" in decoder:
        message = f"got a pipeline of graphs, expected one decoder, in {GENAI}"
        raise UnsupportedError(message, hint="export the model as one graph")
    name = decoder.get("filename")
    if not isinstance(name, str) or not name.endswith(".onnx"):
        message = f"got decoder {name!r}, expected an .onnx file, in {GENAI}"
        raise MalformedError(message)
    path = _inside(folder, name, GENAI)
    above = name.rpartition("/")[0]
    found = {name}
    for location in onnx_references(path).external:
        _inside(path.parent, location, name)
        found.add(f"{above}/{location}" if above else location)
    return frozenset(found)


def _refuse_settings(config: dict[str, Any]) -> None:
    foreign = sorted(_section(config, "search").keys() - _SEARCH)
    if foreign:
        message = f"got search settings {foreign}, expected only known ones, in {GENAI}"
        raise UnsupportedError(message, hint="remove them: they would change how text is drawn")
    for options in _nested(config, "session_options"):
        unknown = sorted(options.keys() - _SESSION) if isinstance(options, dict) else [options]
        if unknown:
            message = f"got session options {unknown}, expected none that load code, in {GENAI}"
            raise UnsupportedError(message)


def _filenames(value: object) -> Iterator[str]:
    """Every string under a key that ends with ``filename``, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _filenames(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith("filename") and isinstance(item, str) and item:
                yield item
            else:
                yield from _filenames(item)


def _nested(value: object, name: str) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _nested(item, name)
    if isinstance(value, dict):
        for key, item in value.items():
            if key == name:
                yield item
            yield from _nested(item, name)


def _inside(folder: Path, name: str, where: str) -> Path:
    parts = name.split("/")
    if "\\" in name or "\0" in name or any(part in {"", ".", ".."} for part in parts):
        message = f"got file {name!r}, expected a path inside the folder, in {where}"
        raise MalformedError(message)
    path = folder.joinpath(*parts)
    if not path.is_file():
        message = f"got file {name!r}, which is not there, in {where}"
        raise MalformedError(message)
    return path


def _special(tokenizer: dict[str, Any]) -> tuple[str, ...]:
    tokens = tokenizer.get("added_tokens", [])
    contents = [t.get("content") for t in tokens if isinstance(t, dict) and t.get("special")]
    return tuple(sorted(text for text in contents if isinstance(text, str) and text))


def _template(folder: Path) -> str:
    """``chat_template.jinja``, else the one in ``tokenizer_config.json``, as transformers does."""
    if (folder / TEMPLATE).exists():
        try:
            return _read(folder / TEMPLATE, MAX_CONFIG).decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"got {error.reason}, expected UTF-8, in {TEMPLATE}"
            raise MalformedError(message) from error
    template = _tokenizer_config(folder).get("chat_template", "")
    return template if isinstance(template, str) else ""


def _named_tokens(folder: Path) -> tuple[tuple[str, str], ...]:
    found = []
    for name, value in sorted(_tokenizer_config(folder).items()):
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            found.append((name, text))
    return tuple(found)


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    path = folder / TOKENIZER_CONFIG
    value = parse_config(_read(path, MAX_CONFIG)) if path.exists() else {}
    return value if isinstance(value, dict) else {}


def _ids(value: object) -> list[int]:
    items = value if isinstance(value, list) else [value]
    if not all(type(item) is int for item in items):
        message = f"got eos_token_id {value!r}, expected token ids, in {GENAI}"
        raise MalformedError(message)
    return [item for item in items if isinstance(item, int)]


def _count(section: dict[str, Any], key: str) -> int:
    value = section.get(key)
    if type(value) is not int or value < 1:
        message = f"got {key} {value!r}, expected a number above 0, in {GENAI}"
        raise MalformedError(message)
    return value


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    section = config.get(name)
    if not isinstance(section, dict):
        message = f"got {name} {section!r}, expected an object, in {GENAI}"
        raise MalformedError(message)
    return section


def _object(content: bytes, where: str) -> dict[str, Any]:
    value = strictjson.parse(content, what=where, limit=MAX_TOKENIZER)
    if not isinstance(value, dict):
        message = f"got {type(value).__name__}, expected an object, in {where}"
        raise MalformedError(message)
    return value


def _read(path: Path, limit: int) -> bytes:
    return read_bounded(path, limit, f"{path.name} in {path.parent}")
