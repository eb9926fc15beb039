# SPDX-License-Identifier: Apache-2.0
"""A POSIX shell script as its simple commands, with what stands around each. Pure functions.

Enough of the grammar (POSIX.1-2017, Shell Command Language 2.3 and 2.10) to tell whether the end of
one command ends the script; not to run anything. What is beyond it is said to be unclear.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_OPERATOR = re.compile(r"\|\||&&|\|&|;;&?|;&|<<-|<<<|<<|>>|>&|<&|&>>|&>|>\||<>|[;&|()<>\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=", re.ASCII)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_OPENERS = {"if": "fi", "while": "done", "until": "done", "for": "done", "case": "esac",
            "select": "done", "{": "}", "(": ")"}  # fmt: skip
_CONDITIONS = frozenset(("if", "elif", "while", "until"))
_BODIES = frozenset(("then", "do", "else"))
FUNCTION = "()"
_ENDS = frozenset(("", ";", "&", "\n", "&&", "||", "|", "|&"))


class Token(NamedTuple):
    """A word with its quotes taken off, or an operator."""

    text: str
    operator: bool = False


class Command(NamedTuple):
    """A simple command.

    ``after``: the operator behind it, empty at the end. ``group``: numbers of the compound commands
    around it. ``tested``: its end is a condition of ``if`` or ``while``. ``negated``: by ``!``.
    ``branch``: numbers of the branches of conditions in which it stands.
    """

    words: tuple[str, ...]
    after: str
    group: tuple[int, ...] = ()
    tested: bool = False
    negated: bool = False
    branch: tuple[int, ...] = ()


class Script(NamedTuple):
    """Its commands in order.

    ``closed``: the operator behind each compound command, and :data:`FUNCTION` for the body of one.
    """

    commands: tuple[Command, ...]
    closed: dict[int, str]


class UnclearError(ValueError):
    """A script that is beyond this reader."""


def read_script(text: str) -> Script:
    """Its commands.

    Raises:
        UnclearError: quotes or groups that do not end, or a ``case``.

    """
    return _Reader(_tokens(_EXPRESSION.sub("EXPRESSION", text))).read()


def is_assignment(word: str) -> bool:
    """``NAME=value``."""
    return bool(_ASSIGNMENT.match(word))


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    documents: list[str] = []
    place = 0
    while place < len(text):
        if text.startswith("\\\n", place):
            place += 2
        elif text[place] in " \t\r":
            place += 1
        elif text[place] == "#":
            place = _line_end(text, place)
        elif (operator := _OPERATOR.match(text, place)) is not None:
            place = operator.end()
            found.append(Token(operator[0], operator=True))
            if operator[0] == "\n":
                for word in documents:
                    place = _skip_document(text, place, word, found)
                documents = []
        else:
            word, place = _word(text, place)
            if found and found[-1].operator and found[-1].text in ("<<", "<<-"):
                documents.append(word)
            found.append(Token(word))
    return found


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _skip_document(text: str, place: int, word: str, found: list[Token]) -> int:
    """Behind a here-document; what it says stands as a word before the line's end."""
    lines = []
    while place < len(text):
        end = _line_end(text, place)
        line, place = text[place:end], end + 1
        if line.lstrip("\t") == word:
            break
        lines.append(line)
    found.insert(len(found) - 1, Token("\n".join(lines)))
    return place


def _word(text: str, place: int) -> tuple[str, int]:
    said: list[str] = []
    while place < len(text):
        char = text[place]
        if char == "\\":
            said.append(text[place + 1 : place + 2].replace("\n", ""))
            place += 2
        elif char == "'":
            end = _find(text, "'", place + 1)
            said.append(text[place + 1 : end])
            place = end + 1
        elif char == '"':
            inner, place = _double(text, place + 1)
            said.append(inner)
        elif char == "`" or text.startswith(("$(", "${"), place):
            end = _nested(text, place)
            said.append(text[place:end])
            place = end
        elif char in " \t\r\n;&|()<>":
            break
        else:
            said.append(char)
            place += 1
    return "".join(said), place


def _double(text: str, place: int) -> tuple[str, int]:
    said: list[str] = []
    while place < len(text):
        char = text[place]
        if char == '"':
            return "".join(said), place + 1
        if char == "\\":
            said.append(text[place + 1 : place + 2].replace("\n", ""))
            place += 2
        elif char == "`" or text.startswith(("$(", "${"), place):
            end = _nested(text, place)
            said.append(text[place:end])
            place = end
        else:
            said.append(char)
            place += 1
    message = "a quote that does not end"
    raise UnclearError(message)


def _nested(text: str, place: int) -> int:
    """Behind a command substitution or parameter expansion that begins there."""
    if text[place] == "`":
        return _find(text, "`", place + 1) + 1
    opening = text[place + 1]
    closing = {"(": ")", "{": "}"}[opening]
    depth, place = 1, place + 2
    while place < len(text) and depth:
        char = text[place]
        if char == "\\":
            place += 2
            continue
        if char == "'":
            place = _find(text, "'", place + 1)
        elif char == '"':
            place = _double(text, place + 1)[1] - 1
        depth += (char == opening) - (char == closing)
        place += 1
    if depth:
        message = "a substitution that does not end"
        raise UnclearError(message)
    return place


def _find(text: str, what: str, place: int) -> int:
    end = text.find(what, place)
    if end < 0:
        message = "a quote that does not end"
        raise UnclearError(message)
    return end


class _Reader:
    """Walks over the tokens once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._commands: list[Command] = []
        self._closed: dict[int, str] = {}
        self._open: list[tuple[int, str, bool]] = []
        self._branches: list[int] = []
        self._function = False
        self._tested = 0
        self._words: list[str] = []
        self._negated = False

    def read(self) -> Script:
        place = 0
        while place < len(self._tokens):
            place = self._step(place)
        self._end("")
        if self._open:
            message = "a group that does not end"
            raise UnclearError(message)
        return Script(tuple(self._commands), self._closed)

    def _step(self, place: int) -> int:
        token = self._tokens[place]
        if not token.operator:
            self._word(token.text, place)
            return place + 1
        if token.text in _ENDS:
            self._end(token.text)
        elif token.text == "(":
            return self._parenthesis(place)
        elif token.text == ")":
            self._end(";")
            self._close(")", place)
        elif token.text[0] in "<>" or token.text.startswith("&>"):
            if self._words and self._words[-1].isdigit():
                self._words.pop()
            return place + 2  # and where to
        else:
            message = "a case"
            raise UnclearError(message)
        return place + 1

    def _word(self, text: str, place: int) -> None:
        if self._words or (self._negated and text != "!"):
            self._words.append(text)
        elif text == "!":
            self._negated = True
        elif text in ("case", "function"):
            message = f"a {text}"
            raise UnclearError(message)
        elif text in _CONDITIONS or text in _OPENERS:
            if text in _OPENERS:
                self._enter(place, _OPENERS[text])
                self._branches[-1] = -1 if text == "for" else 0
            self._tested += text in _CONDITIONS
            if text in ("for", "select"):
                self._words.append(text)
        elif text in _BODIES:
            if self._branches and self._branches[-1] >= 0:
                self._branches[-1] = place
            self._tested -= text != "else" and self._tested > 0
        elif text in ("fi", "done", "}"):
            self._close(text, place)
        else:
            self._words.append(text)

    def _parenthesis(self, place: int) -> int:
        closes = place + 1 < len(self._tokens) and self._tokens[place + 1] == Token(")", True)
        if len(self._words) == 1 and closes:
            self._words, self._function = [], True
            return place + 2
        if self._words:
            message = "an array"
            raise UnclearError(message)
        self._enter(place, ")")
        return place + 1

    def _enter(self, place: int, end: str) -> None:
        self._open.append((place, end, self._function))
        self._branches.append(-1)
        self._function = False

    def _close(self, text: str, place: int) -> None:
        if not self._open or self._open[-1][1] != text:
            message = f"{text!r} where nothing is open"
            raise UnclearError(message)
        number, _, function = self._open.pop()
        self._branches.pop()
        behind = self._tokens[place + 1 :]
        # Redirections of a group stand before what follows it.
        after = next((t.text for t in behind if t.operator and t.text in (*_ENDS, ")")), "")
        self._closed[number] = FUNCTION if function else after

    def _end(self, operator: str) -> None:
        if self._words:
            group = tuple(number for number, _, _ in self._open)
            branch = tuple(number for number in self._branches if number > 0)
            tested = self._tested > 0
            self._commands.append(
                Command(tuple(self._words), operator, group, tested, self._negated, branch)
            )
        if operator not in ("|", "|&"):
            self._negated = False
        self._words = []
