"""HP902: the hook."""

from __future__ import annotations

from hubpolicy.core.rules import hp902
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.surroundings import Hook

WORKS = Hook(works=True, state="", problems=(), elsewhere="", hubs=("acme/tern",))
ABSENT = Hook(works=False, state="no pre-push hook", problems=(), elsewhere="", hubs=())


def test_nothing_to_say_without_a_repository_or_about_a_hook_that_works() -> None:
    assert hp902.check(None) == ()
    assert hp902.check(WORKS) == ()


def test_a_missing_hook_blocks_where_a_hub_is_a_remote_and_warns_elsewhere() -> None:
    (elsewhere,) = hp902.check(ABSENT)
    (to_hub,) = hp902.check(ABSENT._replace(hubs=("acme/tern",)))
    assert (elsewhere.severity, to_hub.severity) == (Severity.WARNING, Severity.ERROR)
    assert "pushes to acme/tern" in to_hub.message
    assert to_hub.fix == "hubpolicy hook install"


def test_a_broken_hook_is_an_error_everywhere() -> None:
    (finding,) = hp902.check(ABSENT._replace(state="changed", problems=("its Python is gone",)))
    assert finding.severity is Severity.ERROR
    assert "its Python is gone" in finding.message


def test_another_tools_folder_is_named_with_the_command_that_puts_a_call_there() -> None:
    place = "file:.git/config sets core.hooksPath to .husky/_"
    fix = "hubpolicy hook install --into .husky/pre-push"
    (finding,) = hp902.check(ABSENT._replace(elsewhere=place, fix=fix))
    assert place in finding.message
    assert finding.fix == fix
