# SPDX-License-Identifier: Apache-2.0
"""Reads the folders that ``test --shard`` left, wherever they were copied to.

Every seal is proven under the key that made it; whether that key may is the caller's business.
Nothing is written or locked.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.runs import HEADER, LOG, SCHEMA
from hubpolicy.core import runlog, strictjson
from hubpolicy.core.shards import KeptShard, parse_shard
from hubpolicy.errors import ConfigError, MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WORDS = ("closure", "plan", "scorer", "seed", "generator", "shard", "secret")
_LIMIT = 1024 * 1024


def read_shards(paths: Iterable[str], pem_of: Callable[[str, str], str]) -> tuple[KeptShard, ...]:
    """All shards in these folders, or one level below them.

    ``pem_of(keyid, where)`` gives the public key that may have sealed a shard, "" for nobody's.

    Raises:
        ConfigError: there is no shard in a folder.
        ServiceError: a file cannot be read.
        MalformedError: a header or log is none of ours, or a seal does not hold.
        VerificationError: the key is none that may.

    """
    return tuple(_read_shard(folder, pem_of) for path in paths for folder in _folders(Path(path)))


def _folders(path: Path) -> list[Path]:
    if (path / HEADER).is_file():
        return [path]
    found = sorted(header.parent for header in path.glob(f"*/{HEADER}"))
    if not found:
        message = f"got {path}, which has no {HEADER}, expected the folder of a shard"
        raise ConfigError(message, hint="hubpolicy test PATH --shard I/N names it at the end")
    return found


def _read_shard(folder: Path, pem_of: Callable[[str, str], str]) -> KeptShard:
    raw = _read(folder / HEADER)
    header = _header(raw, folder / HEADER)
    log = _read(folder / LOG)
    where = str(folder / LOG)
    keyid = runlog.sealed_by(log, where)
    pem = pem_of(keyid, str(folder))
    kept = runlog.parse_log(log, hashlib.sha256(raw).hexdigest(), pem, where)
    words = {word: header[word] for word in _WORDS if word != "secret"}
    return KeptShard(
        where=str(folder),
        **words,
        runtime=tuple((name, version) for name, version in header["runtime"]),
        secret=bytes.fromhex(header["secret"]),
        samples=kept.samples,
        controls=kept.controls,
        complete=kept.complete,
        keyid=keyid,
    )


def _header(raw: bytes, path: Path) -> dict[str, Any]:
    table = strictjson.parse(raw, what=str(path), limit=_LIMIT)
    if not isinstance(table, dict) or table.get("schema") != SCHEMA or not _is_whole(table):
        message = f"got no header of a shard, in {path}"
        raise MalformedError(message, hint="hubpolicy test PATH --shard I/N makes one")
    parse_shard(table["shard"] or "of a whole run")
    return table


def _is_whole(table: dict[str, Any]) -> bool:
    words = all(isinstance(table.get(word), str) for word in _WORDS)
    runtime = table.get("runtime")
    pairs = isinstance(runtime, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
        for pair in runtime
    )
    if not words or not pairs:
        return False
    level = table["generator"].rpartition("/")[2]
    secret = table["secret"]
    hexadecimal = len(secret) == 64 and not set(secret) - set("0123456789abcdef")
    return hexadecimal and level in {"0", "1", "2", "3", "4"}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message, hint="copy the whole folder of the shard") from error
