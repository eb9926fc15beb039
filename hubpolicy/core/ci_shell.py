# SPDX-License-Identifier: Apache-2.0
"""What a step's script does when hubpolicy says no: whether it ends, and what it would upload.

GitHub runs ``bash -e {0}`` where no shell is named and ``bash -eo pipefail`` for ``shell: bash``
("Workflow syntax", ``jobs.<job_id>.steps[*].shell``); GitLab's runner sets both. By POSIX the shell
does not end for a command that is tested, negated, or followed by ``&&`` or ``||`` (2.15, ``set``).
"""

from __future__ import annotations

from typing import NamedTuple

from hubpolicy.core.ci_calls import (
    Asked,
    calls_of,
    may_upload,
    quoted_calls,
    script_of,
    sent,
    uploads,
)
from hubpolicy.core.shell_words import (
    FUNCTION,
    Command,
    Script,
    UnclearError,
    is_assignment,
    read_script,
)

_SAYS = frozenset((*("echo", "printf", "cat", "pip", "pip3", "grep", "which"),
                   *(":", "true", "test", "[")))  # fmt: skip
_LIST = ("&&", "||", "|", "|&")
_MOVES = frozenset(("cd", "pushd", "popd"))
_INSIDE = "it is inside another command"


class Shell(NamedTuple):
    """How a script is run: whether it ends at a command that fails, and at one in a pipe."""

    errexit: bool
    pipefail: bool


class Deed(NamedTuple):
    """A command of a script that is hubpolicy's, or that uploads; ``loss``: why its no is lost.

    ``certain``: that it is lost, and not only that nobody can tell. ``only``: what of the script
    decides whether hubpolicy is asked, of an upload: whether it was asked before. ``whole``: it
    says no where there is no toxicity evidence. ``folder``: which it asks about or uploads; empty
    where nobody can tell. ``maybe``: what only looks like an upload, and cannot be read here.
    """

    said: str
    uploads: bool
    loss: str = ""
    certain: bool = True
    only: str = ""
    whole: bool = True
    folder: str = ""
    maybe: str = ""


def shell_of(named: str, *, windows: bool = False) -> Shell | None:
    """GitHub's ``shell:``; None for one that is no POSIX shell."""
    if not named:
        return None if windows else Shell(errexit=True, pipefail=False)
    if named in ("bash", "sh"):
        return Shell(errexit=True, pipefail=named == "bash")
    words = named.split()
    if words[:1] == [] or words[0].rpartition("/")[2] not in ("bash", "sh", "dash"):
        return None
    return _set(Shell(errexit=False, pipefail=False), words[1:])


def deeds_of(text: str, shell: Shell | None) -> tuple[Deed, ...]:
    """What of a script is hubpolicy's, and what uploads, in order."""
    if shell is None or len(text) > 100_000:
        return _unread(text, "its shell is none that is read here" if shell is None else "its size")
    try:
        script = read_script(text)
    except UnclearError as error:
        return _unread(text, str(error))
    found, shells, asked = list[Deed](), _shells(script, shell), dict[int, str]()
    for number, command in enumerate(script.commands):
        given = _given(command)
        for deed in _own(command) if given is None else given:
            if deed.uploads:
                behind = any(_reaches(script, at, number, asked[at]) for at in asked)
                found.append(deed._replace(only=deed.only or ("" if behind else _last(asked))))
                continue
            loss, certain = deed.loss, deed.certain
            if not loss:
                loss, certain = _loss(script, number, shells[number])
            only = deed.only or _only(script, number)
            if deed.whole:
                asked[number] = only
            found.append(deed._replace(loss=loss, certain=certain, only=only))
    moves = any(command.words[0] in _MOVES for command in script.commands)
    return tuple(deed._replace(folder="") for deed in found) if moves else tuple(found)


def _given(command: Command) -> tuple[Deed, ...] | None:
    """What the script of ``bash -c`` does; None for any other command."""
    script = script_of(_words(command))
    if script is None:
        return None
    return deeds_of(script[0], _set(Shell(errexit=False, pipefail=False), script[1]))


def _own(command: Command) -> list[Deed]:
    """What a command does, whatever stands around it."""
    said, words, called = _short(command), _words(command), _called(command)
    if called is None:
        if uploads(" ".join(command.words)):
            return [Deed(said, True, folder=sent(words))]
        return [Deed(said, True, maybe=said)] if may_upload(words) else []
    loss, certain = ("", True) if called else (_INSIDE, False)
    if "--exit-zero" in command.words:
        loss, certain = "`--exit-zero`", True
    calls = _calls(command)
    folder = next((each.folder for each in calls if each.whole), "")
    whole = any(each.whole for each in calls)
    return [Deed(said, False, loss, certain, whole=whole, folder=folder)]


def _unread(text: str, why: str) -> tuple[Deed, ...]:
    found = []
    if calls := quoted_calls(text):
        whole = any(each.whole for each in calls)
        loss = f"not read: {why}"
        found.append(Deed("hubpolicy", uploads=False, loss=loss, certain=False, whole=whole))
    if uploads(text):
        found.append(Deed("an upload", uploads=True))
    return tuple(found)


def _short(command: Command) -> str:
    return " ".join(" ".join(command.words[:6]).split())[:60]


def _called(command: Command) -> bool | None:
    """True for a call of ours, False for one inside of a word, None for neither."""
    words = _words(command)
    if words and words[0] in _SAYS:
        return None if "$(" not in " ".join(words) else _inside(command)
    if calls_of(words):
        return True
    if not words and len(command.words) == 1 and _inside(command) is False:
        return True  # name=$(hubpolicy …) ends as the command in it does
    return _inside(command)


def _words(command: Command) -> list[str]:
    return [word for word in command.words if not is_assignment(word)]


def _calls(command: Command) -> list[Asked]:
    """What of ours it calls, in words of its own or inside of one."""
    return calls_of(_words(command)) or quoted_calls(" ".join(command.words))


def _only(script: Script, number: int) -> str:
    """What stands before a command and decides whether it runs; empty if nothing does."""
    commands = script.commands
    for place, each in enumerate(commands[:number]):
        handles = place > 0 and commands[place - 1].after == "||"
        if each.words == ("exit", "0") or (each.words == ("exit",) and not handles):
            return " ".join(each.words)
    if commands[number].branch:
        return "if"
    before = commands[number - 1] if number else None
    if before is None or before.after not in ("&&", "||"):
        return ""
    last = number + len(_chain(commands, number)) == len(commands)
    return "" if before.after == "&&" and last else f"{_short(before)} {before.after}"


def _reaches(script: Script, asked: int, upload: int, only: str) -> bool:
    """Whether that upload runs only where that command of ours ran before."""
    commands = script.commands
    held = commands[asked].branch
    if not only or only.startswith("exit"):
        return True
    if held:
        return commands[upload].branch[: len(held)] == held
    return upload < asked + len(_chain(commands, asked))


def _last(asked: dict[int, str]) -> str:
    return next(reversed(asked.values()), "")


def _inside(command: Command) -> bool | None:
    return False if any(map(quoted_calls, command.words)) else None


def _shells(script: Script, shell: Shell) -> list[Shell]:
    """How each command is run: ``set`` changes it for those after."""
    found = []
    for command in script.commands:
        found.append(shell)
        if command.words[0] == "set":
            shell = _set(shell, list(command.words[1:]))
    return found


def _set(shell: Shell, words: list[str]) -> Shell:
    errexit, pipefail = shell
    for place, word in enumerate(words):
        on = word.startswith("-")
        if word[:1] not in ("-", "+"):
            continue
        letters = word[1:]
        option = words[place + 1] if "o" in letters and place + 1 < len(words) else ""
        errexit = on if "e" in letters or option == "errexit" else errexit
        pipefail = on if option == "pipefail" else pipefail
    return Shell(errexit, pipefail)


def _loss(script: Script, number: int, shell: Shell) -> tuple[str, bool]:
    """Why the script does not end where this command does; empty where it does."""
    commands = script.commands
    command = commands[number]
    chain = _chain(commands, number)
    if command.tested:
        return "it is a condition, and what follows from it is not read here", False
    if command.negated:
        return "`!` turns it round", True
    if chain[-1].after == "&":
        return "it runs in the background", True
    if any(script.closed.get(group) in (*_LIST, "&", FUNCTION) for group in command.group):
        return "it is in a group, and what follows that is not read here", False
    if any(c.words[:1] == ("trap",) and "exit" in " ".join(c.words) for c in commands):
        return "a trap ends the script, and is not read here", False
    behind = chain[1:]
    if command.after in ("|", "|&"):
        if not shell.pipefail or not behind:
            into = behind[0].words[0] if behind else ""
            return f"`| {into}` hides it without `set -o pipefail`", True
        while behind and chain[0].after in ("|", "|&"):
            chain, behind = behind, behind[1:]
    return _after(script, number, chain, shell)


def _after(
    script: Script, number: int, chain: tuple[Command, ...], shell: Shell
) -> tuple[str, bool]:
    either = next((i for i, each in enumerate(chain[:-1]) if each.after == "||"), None)
    if either is not None:
        return _handled(script, number, chain[either + 1 :])
    last = number + len(_chain(script.commands, number)) == len(script.commands)
    if last:
        return "", True
    if len(chain) > 1:
        return f"`&& {chain[1].words[0]}` keeps `set -e` from it, and more follows", True
    if shell.errexit or _kept(script.commands, number + 1):
        return "", True
    return "the script goes on after a failure (no `set -e`)", True


def _chain(commands: tuple[Command, ...], number: int) -> tuple[Command, ...]:
    """From this command to the end of its list."""
    end = number
    while commands[end].after in _LIST and end + 1 < len(commands):
        end += 1
    return commands[number : end + 1]


def _handled(script: Script, number: int, handlers: tuple[Command, ...]) -> tuple[str, bool]:
    """Whether what stands behind ``||`` ends the script, too."""
    if not handlers:
        return "`||` with nothing behind it", True
    first = handlers[0]
    place = number + len(_chain(script.commands, number)) - len(handlers)
    group = set(first.group) - set(script.commands[number].group)
    rest = script.commands[place:]
    inside = [each for each in rest if group & set(each.group)] if group else [first]
    if any(_ends(each) for each in inside) or (not group and _kept(script.commands, place)):
        return "", True
    return f"`|| {' '.join(first.words[:3])[:30]}` goes on", True


def _ends(command: Command) -> bool:
    return command.words == ("false",) or (
        command.words[0] == "exit" and command.words[1:] not in (("0",), ("EXPRESSION",))
    )


def _kept(commands: tuple[Command, ...], place: int) -> bool:
    """``code=$?`` there, and ``exit "$code"`` later."""
    words = commands[place].words if place < len(commands) else ()
    name = words[0].removesuffix("=$?") if len(words) == 1 and words[0].endswith("=$?") else ""
    held = {f"${name}", f"${{{name}}}"}
    return bool(name) and any(
        each.words[0] == "exit" and held.intersection(each.words[1:]) and not each.group
        for each in commands[place + 1 :]
    )
