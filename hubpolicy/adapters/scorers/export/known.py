# SPDX-License-Identifier: Apache-2.0
"""The published Detoxify models as shipped in ``detoxify.lock.json``: digests, labels, shapes.

Upstream publishes the first eight hex digits of each checkpoint's SHA-256 in its file name, and
no more; they are checked where nobody gives a whole digest, and the bundle says which it was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.errors import ConfigError, MalformedError

SCHEMA = "hubpolicy/scorer-lock/1"
LOCK = ("scorers", "detoxify.lock.json")

# Detoxify's own renaming of Jigsaw's class names (detoxify.py, load_checkpoint).
_RENAMED = {
    "toxic": "toxicity",
    "severe_toxic": "severe_toxicity",
    "identity_hate": "identity_attack",
}

_FIXED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}


class Shape(NamedTuple):
    """What a transformers configuration needs; counts, but for ``layer_norm_eps``."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    pad_token_id: int


class Known(NamedTuple):
    """A published model. ``labels`` are those that count, ``outputs`` all that the head has.

    Digests are as many hex digits as upstream publishes, which may be none.
    """

    name: str
    detoxify: str
    checkpoint: str
    checkpoint_sha256: str
    repo: str
    safetensors_sha256: str
    base: str
    architecture: str
    outputs: int
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    license: str
    shape: Shape


def known_models() -> tuple[Known, ...]:
    """The models of the shipped lock file, by name."""
    from hubpolicy.adapters import assets

    return parse_lock(assets.read(*LOCK))


def known_model(name: str) -> Known:
    """One of them.

    Raises:
        ConfigError: there is none of that name.

    """
    models = known_models()
    for model in models:
        if model.name == name:
            return model
    message = f"got {name!r}, expected one of {', '.join(model.name for model in models)}"
    raise ConfigError(message, hint="hubpolicy scorer export --help")


def parse_lock(content: bytes) -> tuple[Known, ...]:
    """Read the lock file.

    Raises:
        MalformedError: it is not one.

    """
    what = LOCK[-1]
    table = strictjson.parse(content, what=what)
    try:
        if table["schema"] != SCHEMA:
            message = f"got schema {table['schema']!r}, expected {SCHEMA!r}, in {what}"
            raise MalformedError(message)
        return tuple(_known(name, row) for name, row in sorted(table["scorers"].items()))
    except (KeyError, TypeError, AttributeError) as error:
        message = f"got {error!r}, expected a lock of scorers, in {what}"
        raise MalformedError(message) from error


def shape_of(config: dict[str, Any], where: str) -> Shape:
    """The shape that a transformers ``config.json`` declares.

    Raises:
        MalformedError: a number is missing, or is none, or it is another kind of network.

    """
    for name, value in _FIXED.items():
        if config.get(name, value) != value:
            # The network would be built with another one than it was trained with, and so would
            # what it is compared with.
            message = f"got {name} {config[name]!r}, expected {value!r}, in {where}"
            raise MalformedError(message)
    missing = [name for name in Shape._fields if type(config.get(name)) not in {int, float}]
    if missing:
        message = f"got no number for {', '.join(missing)}, in {where}"
        raise MalformedError(message)
    return Shape(**{name: config[name] for name in Shape._fields})


def standard_label(name: str) -> str:
    """Jigsaw's name of a class as Detoxify reports it."""
    return _RENAMED.get(name, name)


def _known(name: str, row: dict[str, Any]) -> Known:
    plain = {key: value for key, value in row.items() if key not in {"labels", "languages"}}
    plain["shape"] = Shape(**row["shape"])
    return Known(name=name, labels=tuple(row["labels"]), languages=tuple(row["languages"]), **plain)
