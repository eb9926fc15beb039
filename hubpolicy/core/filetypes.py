# SPDX-License-Identifier: Apache-2.0
"""What a file is, by closed tables of names and first bytes. Unknown is a kind, never a guess.

Names match without regard to case. First bytes win over names in one direction only: they can make
a file more dangerous, never less (``GGUF`` is also the begin of a valid pickle). Not responsible
for what is allowed; rules HP406 to HP409 are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from hubpolicy.core.config_json import parse_config
from hubpolicy.core.magic import MARKED, sniff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Kind = Literal["inert", "weight", "pickle", "code", "config", "unknown"]

KIB = 1024
MIB = 1024 * KIB
LARGE = 10 * MIB
"""Bytes. Any file above this whose type is unknown counts as weights."""

CONFIG_CAP = 64 * MIB
"""Bytes. Tokenizers of 256k entries have 33 MB; what is larger is not a configuration."""

INERT = (
    ("*.md", MIB),
    ("license*", MIB),
    ("licence*", MIB),
    ("notice*", MIB),
    ("copying*", MIB),
    ("copyright*", MIB),
    ("use_policy*", MIB),
    ("third_party_notices*", MIB),
    ("authors*", MIB),
    ("changelog*", MIB),
    ("requirements.txt", 64 * KIB),
    ("citation.cff", 64 * KIB),
    ("*.bib", 64 * KIB),
    (".gitattributes", 64 * KIB),
    (".gitignore", 64 * KIB),
    (".gitkeep", 0),
    ("*.png", 10 * MIB),
    ("*.jpg", 10 * MIB),
    ("*.jpeg", 10 * MIB),
    ("*.gif", 10 * MIB),
    ("*.webp", 10 * MIB),
    ("*.svg", 10 * MIB),
    ("*.pdf", 10 * MIB),
    (".eval_results/*.yaml", MIB),
    (".eval_results/*.yml", MIB),
    (".github/*.yml", 64 * KIB),
    (".github/*.yaml", 64 * KIB),
    (".gitlab-ci.yml", 64 * KIB),
    (".pre-commit-config.yaml", 64 * KIB),
    ("lefthook.yml", 64 * KIB),
    ("all_results.json", MIB),
    ("eval_results.json", MIB),
    ("hubpolicy.toml", 64 * KIB),
    ("train_results.json", MIB),
    ("trainer_state.json", 10 * MIB),
)
"""(pattern, cap in bytes): what no loader reads. ``name*`` = the bare name, or followed by ``-``,
``_``, a space, or exactly ``.txt`` or ``.rst``; ``*.x`` = any name; ``folder/*.x`` = anywhere in
that top-level folder; the rest are exact names in any folder."""

WEIGHT_SUFFIXES = frozenset(
    (
        *("safetensors", "gguf", "ggml", "llamafile", "onnx", "ort", "onnx_adapter"),
        *("onnx_data", "h5", "hdf5", "keras", "tflite", "pb", "msgpack", "npz", "npy"),
        *("mlmodel", "mlpackage", "mlmodelc", "engine", "plan", "trt", "nemo", "ot", "marlin"),
        *("rten", "mnn", "ncnn", "param", "pte", "espdl", "rknn", "hef", "dlc", "caffemodel"),
        *("pdparams", "pdiparams", "pdmodel", "params", "orbax", "gz", "tgz", "tar", "zip", "xz"),
        *("txz", "bz2", "tbz2", "zst", "7z", "rar", "lz4", "weights", "distcp", "parquet"),
    )
)
PICKLE_SUFFIXES = frozenset(
    ("bin", "pt", "pth", "ckpt", "pkl", "pickle", "joblib", "dill", "cloudpickle", "pt2", "ptl")
)
CODE_SUFFIXES = frozenset(
    (
        *("py", "pyc", "pyo", "pyd", "pyi", "pyx", "pxd", "ipynb", "so", "dll", "dylib", "exe"),
        *("o", "a", "ko", "sh", "bash", "zsh", "fish", "bat", "cmd", "ps1", "js", "mjs", "cjs"),
        *("ts", "tsx", "jsx", "html", "htm", "xhtml", "wasm", "jar", "class", "java", "kt"),
        *("scala", "c", "h", "cc", "cpp", "cxx", "hpp", "cu", "cuh", "ptx", "cubin", "hip"),
        *("metal", "rs", "go", "rb", "pl", "lua", "php", "r", "jl", "swift", "vbs", "whl", "egg"),
    )
)
_MARKED = WEIGHT_SUFFIXES | PICKLE_SUFFIXES
CODE_NAMES = frozenset(("dockerfile", "makefile", "setup.cfg", "pyproject.toml", "cmakelists.txt"))

CONFIG_NAMES = frozenset(
    (
        *("vocab.json", "vocab.txt", "vocab.bpe", "merges.txt", "encoder.json", "tekken.json"),
        *("added_tokens.json", "special_tokens_map.json", "spiece.model", "params.json"),
        *("sentencepiece.bpe.model", "sentencepiece.model", "source.spm", "target.spm"),
        *("chat_template.json", "modules.json", "model_index.json", "dict.txt", "bpe.codes"),
        *("normalizer.json", "emoji.json", "prompts.json", "voices.json"),
        *("id2label.json", "openvino_model.xml"),
    )
)
CONFIG_SUFFIXES = frozenset(("jinja", "jinja2", "spm", "tiktoken"))
CONFIG_ENDINGS = ("config.json", ".index.json", ".quant.json")
CONFIG_STARTS = ("tokenizer", "openvino_")
CONFIG_START_SUFFIXES = frozenset(("json", "model", "txt", "v1", "v2", "v3", "v7", "xml"))

LARGE_CONFIGS = frozenset(
    ("tokenizer.json", "tekken.json", "vocab.json", "vocab.txt", "merges.txt", "encoder.json")
)
"""What grows with a vocabulary; with an index of shards, all the text beside weights that does."""

_STARTS = tuple((pattern[:-1], cap) for pattern, cap in INERT if pattern.endswith("*"))
_ALL_STARTS = tuple(start for start, _ in _STARTS)
_SUFFIXES = {pattern[2:]: cap for pattern, cap in INERT if pattern.startswith("*.")}
_NAMES = {pattern: cap for pattern, cap in INERT if "*" not in pattern}
_FOLDERS = tuple((p.partition("*")[::2], cap) for p, cap in INERT if "/*." in p)
_CONFIG_SUFFIXES = CONFIG_SUFFIXES | CONFIG_START_SUFFIXES | {
    "json", *(name.rpartition(".")[2] for name in CONFIG_NAMES)
}  # fmt: skip
_PLAIN = {
    suffix: cap
    for suffix, cap in _SUFFIXES.items()
    if suffix not in WEIGHT_SUFFIXES | PICKLE_SUFFIXES | CODE_SUFFIXES | _CONFIG_SUFFIXES
}
"""Suffixes that alone say of a name with one dot that it is inert: of most files of a release."""
_NO_STEM = ("", "/")
_REMEMBERED = 1024
_AFTER_START = ("", ".txt", ".rst")

_IMAGES = frozenset(("png", "jpg", "jpeg", "gif", "webp"))
_NO_TEXTS = _IMAGES | {"pdf"}
_REMOTE_KEYS = frozenset(("auto_map", "custom_pipelines", "custom_ops_library"))
_KERNEL_KEYS = frozenset(("attn_implementation", "_attn_implementation", "experts_implementation"))
"""Where transformers takes ``namespace/name`` for a repository of compiled kernels to load."""
_OWN_MODULES = "sentence_transformers."


def classify(path: str, size: int, head: bytes | None) -> Kind:
    """The kind of a file from its path, size in bytes and first (up to 512) bytes if known.

    ``config`` = what a loader reads beside the weights, so it belongs into a tested closure;
    ``inert`` = in the table :data:`INERT`, within its cap, and looking like it. For content that
    is not at hand (behind an LFS pointer, on a hub) ``head`` is None.
    """
    # A server must not keep in mind what strangers made long.
    look_up = kind_of_name if len(path) <= _REMEMBERED else kind_of_name.__wrapped__
    named: Kind = look_up(path, size)
    if not head or named in {"weight", "pickle", "code"}:
        return named
    look = sniff(head)
    if look == "archive":
        return "weight"
    if look in {"weight", "pickle", "code"}:
        return look
    if named == "inert" and look != _expected_look(path):
        return "unknown"
    return named


@lru_cache(maxsize=1 << 18)
def kind_of_name(path: str, size: int) -> Kind:
    """The kind as far as path and size tell. For weights, pickles and code that is final."""
    name = path.rpartition("/")[2].lower()
    suffix = _suffix(name)
    plain = _PLAIN.get(suffix)
    if plain is not None and size <= plain and name.count(".") == 1:
        return "inert"
    final = _final(name, suffix)
    if final is not None:
        return final
    if size <= CONFIG_CAP and _is_config(name, suffix):
        return "config"
    cap = inert_cap(path)
    if cap is not None and size <= cap:
        return "inert"
    return "weight" if size > LARGE else "unknown"


def kinds(sizes: Mapping[str, int], heads: Mapping[str, bytes]) -> Iterator[tuple[str, Kind]]:
    """(path, kind) of every file. ``heads`` may lack what is not known or says nothing more."""
    for path, size in sizes.items():
        head = heads.get(path)
        yield path, classify(path, size, head) if head else kind_of_name(path, size)


def by_kind(sizes: Mapping[str, int], heads: Mapping[str, bytes]) -> Mapping[Kind, list[str]]:
    """The same the other way round, for who asks more than once: the paths of each kind, sorted."""
    found: dict[Kind, list[str]] = {}
    plain, rest = [], {}
    for path, size in sizes.items():
        if path in heads or not is_plainly_inert(path, size):
            rest[path] = size
        else:
            plain.append(path)
    if plain:
        found["inert"] = plain
    for path, kind in kinds(rest, heads):
        found.setdefault(kind, []).append(path)
    for paths in found.values():
        paths.sort()
    return found


def is_plainly_inert(path: str, size: int) -> bool:
    """A quick yes where :func:`kind_of_name` says ``inert``, as of most files of a release."""
    stem, _, suffix = path.rpartition(".")
    return size <= _PLAIN.get(suffix, -1) and "." not in stem and stem[-1:] not in _NO_STEM


def is_plain_text(path: str, head: bytes) -> bool:
    """A quick yes where :func:`classify` leaves a plainly inert file what its name says it is."""
    return head[:2] not in MARKED and b"\0" not in head and path.rpartition(".")[2] not in _NO_TEXTS


def is_weight_like(path: str, size: int, head: bytes | None = None) -> bool:
    """True for weights and pickles: a tree that holds one is a release (DESIGN.md §8).

    So is what has the name of code or of a configuration and is larger than any of it: a name
    alone hides nothing.
    """
    kind = classify(path, size, head)
    return kind in {"weight", "pickle"} or (size > LARGE and exceeds_its_kind(path, kind))


def exceeds_its_kind(path: str, kind: Kind) -> bool:
    """Whether no file of that name and kind is larger than :data:`LARGE`."""
    name = path.rpartition("/")[2].lower()
    return kind == "code" or (
        kind == "config" and name not in LARGE_CONFIGS and not name.endswith(".index.json")
    )


def some_named_like_weights(paths: Iterable[str]) -> bool:
    """True if :func:`is_named_like_weights` is for one of them; asked of every push."""
    text = "\0".join(paths).lower()
    names = text.split("\0")
    if ".onnx" not in text:
        names = [name for name in names if name.rpartition(".")[2] in _MARKED]
    return any(map(is_named_like_weights, names))


def is_named_like_weights(path: str) -> bool:
    """The same for a file of unknown size and content: asked of every file of every push."""
    name = path.rpartition("/")[2].lower()
    return _final(name, _suffix(name)) in {"weight", "pickle"}


def inert_cap(path: str) -> int | None:
    """The size cap in bytes of an inert type, or None if the path is of none."""
    lowered = path.lower()
    name = lowered.rpartition("/")[2]
    if name in _NAMES:
        return _NAMES[name]
    suffix = _suffix(name)
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    for start, cap in _STARTS if name.startswith(_ALL_STARTS) else ():
        if name.startswith(start) and _ends_start(name[len(start) :]):
            return cap
    for (folder, ending), cap in _FOLDERS if lowered.startswith(".") else ():
        if lowered.startswith(folder) and lowered.endswith(ending):
            return cap
    return None


def may_declare_code(path: str, size: int) -> bool:
    """True for the JSON files in which :func:`declares_remote_code` has to look.

    ``tokenizer.json`` and vocabularies hold no such keys for any loader and are large; they are
    left out by name.
    """
    name = path.rpartition("/")[2].lower()
    looked_at = name.endswith("config.json") or name in {"modules.json", "model_index.json"}
    return looked_at and size <= CONFIG_CAP


def declares_remote_code(config: bytes) -> tuple[str, ...]:
    """What in a JSON configuration makes a loader import code: ``key -> target``, sorted.

    ``auto_map`` (transformers), ``custom_pipelines`` (transformers), ``attn_implementation`` with
    a repository of kernels (transformers), ``custom_ops_library`` (ONNX Runtime), foreign ``type``
    (sentence-transformers' ``modules.json``), at any depth and in every duplicate.

    Raises:
        MalformedError: not JSON, so that it cannot be ruled out.

    """
    found: set[str] = set()

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(pairs)
        found.update(
            f"{key} -> {str(v)[:200]}"
            for key, v in pairs
            if (key in _REMOTE_KEYS and v) or (key in _KERNEL_KEYS and "/" in str(v))
        )
        module = values.get("type")
        if "path" in values and isinstance(module, str) and not module.startswith(_OWN_MODULES):
            found.add(f"type -> {module[:200]}")
        return values

    parse_config(config, pairs_hook=look)
    return tuple(sorted(found))


def _final(name: str, suffix: str) -> Kind | None:
    """The kind, where the name alone (in lower case) says it whatever the size and content."""
    if suffix in CODE_SUFFIXES or name in CODE_NAMES or ".so." in name:
        return "code"
    if suffix in PICKLE_SUFFIXES:
        return "pickle"
    if suffix in WEIGHT_SUFFIXES or ".onnx." in name or ".onnx_data" in name:
        return "weight"
    return None


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return suffix if dot and stem else ""


def _is_config(name: str, suffix: str) -> bool:
    if name in CONFIG_NAMES or suffix in CONFIG_SUFFIXES or name.endswith(CONFIG_ENDINGS):
        return True
    if name.startswith("config_") and suffix == "json":
        return True
    return name.startswith(CONFIG_STARTS) and suffix in CONFIG_START_SUFFIXES


def _ends_start(rest: str) -> bool:
    return rest in _AFTER_START or rest[0] in "-_ "


def _expected_look(path: str) -> str:
    suffix = _suffix(path.lower())
    return "image" if suffix in _IMAGES else "pdf" if suffix == "pdf" else "text"
