# SPDX-License-Identifier: Apache-2.0
"""Reading the Hub's audit-log export entry by entry: no large file is in memory as a whole."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.audit_log import read_entry
from hubpolicy.core.strictjson import parse
from hubpolicy.errors import ConfigError, MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, NoReturn

    from hubpolicy.core.audit_log import Event, Unused

ENTRY_LIMIT = 1024 * 1024
"""Characters of one entry."""
MOST_ENTRIES = 1_000_000
"""Ten times what the Hub exports."""

_CHUNK = 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_CUT = 16
"""What is cut off in the middle of a word or an escape is wrong this near to its end at most."""
_HINT = "expected the JSON array that the Hub exports: the organisation's settings, Audit Logs"


class _Place(NamedTuple):
    """Where in the file an entry begins; both count from 1."""

    entry: int
    line: int


def read_audit_log(path: str) -> Iterator[Event | Unused]:
    """Every entry of an export.

    Raises:
        ConfigError: it is no JSON array of entries, cut short, or larger than any export; with
            path, entry and line.
        ServiceError: it cannot be read.

    """
    try:
        with open(path, "rb") as stream:  # noqa: PTH123
            for place, text in _elements(stream, path):
                where = f"{path} entry {place.entry}, line {place.line}"
                try:
                    entry = parse(text.encode("utf-8"), what=where)
                except MalformedError as error:
                    raise ConfigError(error.message, hint=_HINT) from error
                yield read_entry(entry, where)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error


def _elements(stream: BinaryIO, path: str) -> Iterator[tuple[_Place, str]]:
    """Each element of the array that a file is, as text, with its place."""
    text = _Text(stream, path)
    if text.take("[") is None:
        text.refuse("got no JSON array")
    if text.take("]") is None:
        for entry in range(1, MOST_ENTRIES + 1):
            place = _Place(entry, text.line)
            yield place, text.element(place)
            if text.take("]") is not None:
                break
            if text.take(",") is None:
                text.refuse(f"got no comma after entry {entry}")
            text.skip()
        else:
            text.refuse(f"got more than {MOST_ENTRIES:,} entries")
    text.skip()
    if not text.ended:
        text.refuse("got more after the end of the array")


class _Text:
    """A file's text, a chunk at a time: what was taken is forgotten."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._buffer, self._at = "", 0
        self._last = False
        self.line = 1
        self.skip()

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._last and self._at == len(self._buffer)

    def skip(self) -> None:
        """Go to the next character that is no white space."""
        while True:
            space = _SPACE.match(self._buffer, self._at)
            self._go(self._at if space is None else space.end())
            if self._at < len(self._buffer) or self._last:
                return
            self._more()

    def take(self, mark: str) -> str | None:
        """That character, if it comes next."""
        self.skip()
        if not self._buffer.startswith(mark, self._at):
            return None
        self._go(self._at + 1)
        self.skip()
        return mark

    def element(self, place: _Place) -> str:
        """The JSON value that begins here."""
        while True:
            try:
                _, end = self._json.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                left = len(self._buffer) - self._at
                if self._last or left > ENTRY_LIMIT or self._is_wrong(error):
                    self._go(error.pos)
                    self.refuse(f"got no JSON in entry {place.entry} ({error.msg})")
                self._more()
                continue
            except RecursionError:
                self.refuse(f"got nesting without an end in entry {place.entry}")
            except ValueError:  # what Python makes no number of (int_max_str_digits)
                self.refuse(f"got a number of too many digits in entry {place.entry}")
            found = self._buffer[self._at : end]
            self._go(end)
            return found

    def refuse(self, what: str) -> NoReturn:
        """Raise the one error that a file has."""
        message = f"{what}, in {self._path} line {self.line}"
        raise ConfigError(message, hint=_HINT)

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        """Whether more of the file would not mend it."""
        open_ = error.msg.startswith("Unterminated string")
        return not open_ and error.pos + _CUT < len(self._buffer)

    def _go(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _more(self) -> None:
        raw = self._stream.read(_CHUNK)
        try:
            decoded = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError:
            self.refuse("got a byte that is not UTF-8")
        self._buffer, self._at = self._buffer[self._at :] + decoded, 0
        self._last = not raw
