# SPDX-License-Identifier: Apache-2.0
"""Whether a file publishes weights, as far as a listing tells of what nobody opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.filetypes import LARGE_CONFIGS, classify, is_weight_like, kind_of_name
from hubpolicy.core.rules.hp412 import evidence_kind

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import ListedFile


COMPILED = frozenset(
    ("so", "dll", "dylib", "exe", "pyd", "pyc", "wasm", "whl", "jar", "cubin", "ptx", "ipynb")
)
"""Endings of code that stands by Git LFS in any repository that has some: text does not."""
LFS_CONFIGS = LARGE_CONFIGS | frozenset(
    (
        *("tokenizer.model", "spiece.model", "source.spm", "target.spm", "sentencepiece.model"),
        *("sentencepiece.bpe.model", "tokenizer.model.v1", "tokenizer.model.v2"),
        *("tokenizer.model.v3", "tokenizer.model.v7"),
    )
)
"""Names of tokenizers, in lower case, that a hub keeps by Git LFS: each in full, so that a row of
numbered ones is none of them."""
_MARKUP = (".yaml", ".yml")
"""Endings of what is no configuration by its name, and makes some loaders import code."""
_LFS_SUFFIXES = frozenset(("spm", "tiktoken"))


def publishes_weights(file: ListedFile) -> bool:
    """Weight-like by name or size, or a large object of no inert type; records are evidence.

    A listing has no contents, and a name is somebody's word. So what is larger than anything of its
    name (:func:`hubpolicy.core.filetypes.is_weight_like`) is taken for weights, and so is what
    stands there by Git LFS, where it was too large or too binary for git, unless it is inert, or of
    the few kinds of code and tokenizers that do.
    """
    if evidence_kind(file.path) is not None and file.size <= RECORDS_LIMIT:
        return False
    if is_weight_like(file.path, file.size):
        return True
    by_lfs = file.sha256 is not None and file.git_blob is None
    return by_lfs and not _known_by_lfs(file)


def is_part(file: ListedFile) -> bool:
    """Whether it publishes weights, or is code, or names code or what a prompt is wrapped in."""
    if publishes_weights(file):
        return True
    kind = classify(file.path, file.size, None)
    return kind in {"code", "config"} or (kind == "unknown" and file.path.lower().endswith(_MARKUP))


def digest_of(file: ListedFile) -> str:
    """By what a hub names its bytes: the sha256 by Git LFS, else the git blob id."""
    return file.sha256 or file.git_blob or file.path


def may_publish_weights(path: str, size: int) -> bool:
    """The same of a file on this disk, of which nobody knows whether a hub keeps it by Git LFS.

    What has no known name may stand there so; what is called like code or a configuration is not
    taken for weights without that being known, unless it is too large for it.
    """
    if evidence_kind(path) is not None and size <= RECORDS_LIMIT:
        return False
    return is_weight_like(path, size) or kind_of_name(path, size) == "unknown"


def _known_by_lfs(file: ListedFile) -> bool:
    name = file.path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2]
    kind = kind_of_name(file.path, file.size)
    if kind == "code":
        return suffix in COMPILED or ".so." in name
    if kind == "config":
        return name in LFS_CONFIGS or suffix in _LFS_SUFFIXES or name.endswith(".index.json")
    return kind == "inert"
