# SPDX-License-Identifier: Apache-2.0
"""The Hub's vocabularies, from dated files: licences, tasks, libraries, languages."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NAMES = ("licences", "pipeline-tags", "libraries", "languages")
"""Files that :func:`parse_vocabularies` wants, each ``NAME.json``."""


class Vocabularies(NamedTuple):
    """What the Hub knew on the day ``dated`` (the oldest of the files, ISO 8601)."""

    licences: frozenset[str]
    pipeline_tags: frozenset[str]
    libraries: frozenset[str]
    dated: str
    languages: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str], ...] = ()

    def suggest(self, word: str, known: Collection[str]) -> str:
        """The id of ``known`` that was probably meant by ``word``, or ``""``."""
        former = {old: new for old, new in self.renamed if new in known}
        return suggestion(word, known, former)


def parse_vocabularies(files: Mapping[str, bytes]) -> Vocabularies:
    """The vocabularies of four files, by name without suffix.

    Raises:
        ConfigError: a file is missing, is no such file, is empty, or its digest does not fit.

    """
    read = {name: _parse(name, files) for name in NAMES}
    renamed = [(old, new) for each in read.values() for old, new in each.renamed.items()]
    return Vocabularies(
        licences=read["licences"].ids,
        pipeline_tags=read["pipeline-tags"].ids,
        libraries=read["libraries"].ids,
        dated=min(each.dated for each in read.values()),
        languages=read["languages"].ids,
        renamed=tuple(sorted(renamed)),
    )


def ids_digest(ids: Collection[str]) -> str:
    """Hex sha256 over the sorted ids, each with a line feed: what a file's ``sha256`` says."""
    return hashlib.sha256("".join(f"{each}\n" for each in sorted(ids)).encode()).hexdigest()


def suggestion(word: str, known: Collection[str], renamed: Mapping[str, str]) -> str:
    """The id that was probably meant, or ``""``: same letters, a former name, or a close one."""
    plain = word.strip().lower().replace(" ", "-").replace("_", "-")[:64]
    for each in sorted(known):
        if each.lower().replace("_", "-") == plain:
            return each
    if renamed.get(plain) in known:
        return renamed[plain]
    close = get_close_matches(plain, sorted(known), n=1, cutoff=0.8) if len(plain) > 4 else []
    return close[0] if close else ""


class _File(NamedTuple):
    ids: frozenset[str]
    dated: str
    renamed: dict[str, str]


def _parse(name: str, files: Mapping[str, bytes]) -> _File:
    what = f"the vocabulary {name}.json"
    try:
        document = strictjson.parse(files[name], what=what)
        ids, extra = document["ids"].split(), document.get("additions", {})
        digest, dated, renamed = document["sha256"], document["date"], document.get("renamed", {})
    except (MalformedError, KeyError, TypeError, AttributeError) as error:
        message = f"got no vocabulary, expected ids, date and sha256, in {what}"
        raise ConfigError(message, hint="install hubpolicy again") from error
    if not ids or ids_digest(ids) != digest:
        message = f"got ids that do not fit their own digest, in {what}"
        raise ConfigError(message, hint="install hubpolicy again")
    return _File(frozenset(ids) | frozenset(extra), dated, renamed)
