# SPDX-License-Identifier: Apache-2.0
"""What one command of a CI script asks of hubpolicy, or uploads, by its own words. Pure functions.

After ``hubpolicy COMMAND --help`` and ``hf upload --help``. Only a command that says no where there
is no toxicity evidence is a gate; options can make one that asks less of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_GATES = frozenset(("check", "test", "attest", "verify", "push", "publish", "audit"))
_LESS = {
    "test": frozenset(("--estimate", "--plan", "--shard", "--rerun")),
    "attest": frozenset[str](),
    "verify": frozenset(("--partial",)),
    "push": frozenset[str](),
    "publish": frozenset[str](),
}
"""What says no without toxicity evidence, and the options with which it does not: the others look
at the card, or at what is there."""
_TELLS = frozenset(("--help", "-h", "--version", "-V"))
_NAMES = frozenset(("hubpolicy", "hf-policy"))
_VALUED = frozenset(("-c", "--config"))
_SWITCHES = frozenset(("--offline", "-q", "--quiet", "-v", "--verbose", "--no-progress"))
_WORDS = re.compile(
    rf"(?:hubpolicy|hf-policy|hf policy)\s+({'|'.join(sorted(_GATES))})\b([^\n;&|)]*)"
)
_UPLOAD = re.compile(
    r"\b(?:hf|huggingface[-_]cli)(?:\s+-\S+(?:\s+[^-\s]\S*)?)*\s+(?:upload|sync|cp)\b"
    r"|\b(?:push_to_hub|upload_folder|upload_file|upload_large_folder|create_commit)\b"
    r"|/api/(?:models|datasets|spaces)/\S+/commit/"
    r"|\bgit\b.*\bpush\b.*(?:hf\.co|huggingface|\s(?:hf|hub)\b)"
)
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_RUNNERS = frozenset(("make", "gmake", "just", "task", "nox", "tox", "invoke", "poe", "rake",
                      "npm", "pnpm", "yarn", "bash", "sh", "source", ".", "python",
                      "python3"))  # fmt: skip
_MAY = re.compile(
    r"(?<![a-z])(?:uploads?|publish|huggingface|hf|push[-_]to[-_]hub)(?![a-z])", re.IGNORECASE
)
_SENDS = ("upload", "upload-large-folder")


class Asked(NamedTuple):
    """A call of ours.

    ``whole``: it says no where there is no toxicity evidence. ``folder``: about which it asks;
    empty where nobody can tell.
    """

    whole: bool
    folder: str = ""


def calls_of(words: list[str]) -> list[Asked]:
    """The calls of ours that these words make, those left out that only print help."""
    found = (
        _call(words[place + 1 :])
        for place, word in enumerate(words)
        if word.rpartition("/")[2] in _NAMES
        or (word == "policy" and words[place - 1 : place] == ["hf"])
    )
    return [asked for asked in found if asked is not None]


def quoted_calls(text: str) -> list[Asked]:
    """Those inside of a text that is not read as a script."""
    return [_asked(name, more.split())._replace(folder="") for name, more in _WORDS.findall(text)]


def _call(words: list[str]) -> Asked | None:
    place = 0
    while place < len(words) and words[place].startswith("-"):
        if words[place] in _TELLS:
            return None
        place += 1 + (words[place] in _VALUED)
    if place >= len(words) or words[place] not in _GATES or not _TELLS.isdisjoint(words[place:]):
        return None
    return _asked(words[place], words[place + 1 :])


def _asked(name: str, words: list[str]) -> Asked:
    options = {word.partition("=")[0] for word in words}
    whole = name in _LESS and (_LESS[name] | _TELLS).isdisjoint(options)
    return Asked(whole, "" if name == "publish" else _first(words) if words else ".")


def _first(words: list[str]) -> str:
    """The first argument, where no option before it could have taken it as its value."""
    place = 0
    while place < len(words) and words[place] in _SWITCHES:
        place += 1
    return _folder(words[place]) if place < len(words) else "."


def _folder(word: str) -> str:
    """A plain word as one would compare it; empty for any other."""
    if word.startswith("-") or not _PLAIN.fullmatch(word) or ".." in word.split("/"):
        return ""
    parts = [part for part in word.split("/") if part not in ("", ".")]
    return "/" * word.startswith("/") + "/".join(parts) or "."


def uploads(text: str) -> bool:
    """Whether a command, or a text that is not read, uploads."""
    return bool(_UPLOAD.search(text))


def may_upload(words: list[str]) -> bool:
    """Whether it runs what is written elsewhere, and what it runs is called like an upload."""
    if not words or len(" ".join(words)) > 1000:
        return False
    runs = words[0] in _RUNNERS or "/" in words[0] or words[0].endswith((".sh", ".py"))
    named = [word.rpartition("/")[2] for word in words[words[0] in _RUNNERS :] if word[:1] != "-"]
    return runs and any(map(_MAY.search, named[:2]))


def sent(words: list[str]) -> str:
    """The folder that ``hf upload REPO FOLDER`` sends; empty where nobody can tell."""
    place = next((n for n, word in enumerate(words) if word in _SENDS), len(words))
    plain = len(words) > place + 2 and not words[place + 1].startswith("-")
    return _folder(words[place + 2]) if plain else ""


def script_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The script and the options of ``bash -c SCRIPT``; None where a shell would fill it in."""
    if not words or words[0].rpartition("/")[2] not in ("bash", "sh", "dash"):
        return None
    place = 1
    while place < len(words) and words[place][:1] in ("-", "+"):
        place += 1 + ("o" in words[place] and not words[place].startswith("--"))
    options = words[1:place]
    given = any("c" in word[1:] and word[:2] != "--" for word in options if word[:1] == "-")
    text = words[place] if given and place < len(words) else "$"
    return None if "$" in text or "`" in text else (text, options)


def covers(asked: str, sent: str) -> bool:
    """Whether what was asked about has in it what is sent, as far as anybody can tell."""
    unknown = not asked or not sent or asked.startswith("/") is not sent.startswith("/")
    return unknown or asked in (".", "/") or f"{sent}/".startswith(f"{asked}/")
