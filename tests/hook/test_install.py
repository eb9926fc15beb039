# SPDX-License-Identifier: Apache-2.0
"""Install and uninstall leave no trace: contents, modes, times, in every kind of repository."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.hookfile import inspect, uninstall
from hubpolicy.adapters.hookplace import HOOK, Interpreter
from hubpolicy.errors import ConfigError, ServiceError
from tests.git.repos import Repo, init, need_lfs
from tests.hook.hooked import NEXT, STATE, TEMPLATE, install, place_of

Former = Callable[[Repo], None]
Kind = Callable[[Repo, Path], Repo]
CUSTOM = "#!/bin/sh\n# mine\nexit 0\n"


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything about every file of a hooks folder."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        status = path.lstat()
        is_link = stat.S_ISLNK(status.st_mode)
        content = os.readlink(path).encode() if is_link else path.read_bytes()
        found[path.name] = (status.st_mode, 0 if is_link else status.st_mtime_ns, content)
    return found


def hook_of(repo: Repo) -> Path:
    return place_of(repo).folder / HOOK


def put(repo: Repo, text: str = CUSTOM, mode: int = 0o755) -> Path:
    hook = hook_of(repo)
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(text)
    hook.chmod(mode)
    return hook


def former_none(repo: Repo) -> None:
    assert not hook_of(repo).exists()


def former_lfs(repo: Repo) -> None:
    need_lfs()
    repo.git("lfs", "install", "--local")


def former_custom(repo: Repo) -> None:
    put(repo)


def former_odd_mode(repo: Repo) -> None:
    put(repo, mode=0o711)


def former_not_executable(repo: Repo) -> None:
    put(repo, mode=0o644)


def former_link(repo: Repo) -> None:
    hook = put(repo)
    hook.rename(hook.parent / "team-hook")
    hook.symlink_to("team-hook")


def former_binary(repo: Repo) -> None:
    put(repo).write_bytes(bytes(range(256)))


def former_ours_once(repo: Repo) -> None:
    install(repo)
    uninstall(place_of(repo))


FORMER = [
    former_none,
    pytest.param(former_lfs, marks=pytest.mark.lfs),
    former_custom,
    former_odd_mode,
    former_not_executable,
    former_link,
    former_binary,
    former_ours_once,
]


def kind_plain(repo: Repo, tmp_path: Path) -> Repo:
    return repo


def kind_worktree(repo: Repo, tmp_path: Path) -> Repo:
    repo.commit({"a": b"1"})
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    return Repo(tmp_path / "linked")


def kind_submodule(repo: Repo, tmp_path: Path) -> Repo:
    source = init(tmp_path / "source")
    source.commit({"a": b"1"})
    repo.git("submodule", "--quiet", "add", str(source.path), "sub")
    return Repo(repo.path / "sub")


def kind_bare(repo: Repo, tmp_path: Path) -> Repo:
    return Repo(tmp_path / "remote.git")


def kind_subfolder(repo: Repo, tmp_path: Path) -> Repo:
    (repo.path / "deep" / "er").mkdir(parents=True)
    return Repo(repo.path / "deep" / "er")


def kind_odd_name(repo: Repo, tmp_path: Path) -> Repo:
    return init(tmp_path / "it's $(odd) \u00fc")


KINDS = [kind_plain, kind_worktree, kind_submodule, kind_bare, kind_subfolder, kind_odd_name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("former", FORMER)
def test_uninstall_restores_byte_for_byte(
    repo: Repo, tmp_path: Path, kind: Kind, former: Former
) -> None:
    where = kind(repo, tmp_path)
    former(where)
    folder = place_of(where).folder
    before = snapshot(folder)
    assert install(where)
    found = inspect(place_of(where))
    assert (found.presence, found.problems) == ("ours", ())
    assert (hook_of(where).stat().st_mode & 0o777) == 0o755
    assert (found.former is None) == (HOOK not in before)
    assert uninstall(place_of(where))
    assert snapshot(folder) == before
    assert not uninstall(place_of(where))
    assert snapshot(folder) == before


def test_a_second_install_changes_nothing(repo: Repo) -> None:
    put(repo)
    assert install(repo)
    before = snapshot(place_of(repo).folder)
    assert not install(repo)
    assert snapshot(place_of(repo).folder) == before


def test_a_linked_work_tree_shares_the_hook_of_its_repository(repo: Repo, tmp_path: Path) -> None:
    linked = kind_worktree(repo, tmp_path)
    install(linked)
    assert inspect(place_of(repo)).presence == "ours"
    assert place_of(linked).folder == place_of(repo).folder


def test_another_python_is_written_in_place_of_the_old_one(repo: Repo) -> None:
    put(repo)
    before = snapshot(place_of(repo).folder)
    old = Interpreter("/old/python", ("/old",))
    assert hookfile.install(place_of(repo), TEMPLATE, old)
    assert install(repo)
    assert sys.executable in hook_of(repo).read_text()
    assert uninstall(place_of(repo))
    assert snapshot(place_of(repo).folder) == before


def test_a_hook_changed_by_hand_is_neither_replaced_nor_removed(repo: Repo) -> None:
    put(repo)
    install(repo)
    hook_of(repo).write_text(hook_of(repo).read_text() + "# my line\n")
    before = snapshot(place_of(repo).folder)
    assert inspect(place_of(repo)).presence == "edited"
    with pytest.raises(ConfigError, match="were changed since"):
        uninstall(place_of(repo))
    with pytest.raises(ConfigError, match="changed hubpolicy hook"):
        install(repo)
    assert snapshot(place_of(repo).folder) == before


@pytest.mark.parametrize("how", ["content", "mode", "gone"])
def test_a_former_hook_changed_by_others_is_not_restored(repo: Repo, how: str) -> None:
    put(repo)
    install(repo)
    former = place_of(repo).folder / NEXT
    if how == "content":
        former.write_text("#!/bin/sh\nexit 1\n")
    elif how == "mode":
        former.chmod(0o700)
    else:
        former.unlink()
    before = snapshot(place_of(repo).folder)
    assert any("former hook" in problem for problem in inspect(place_of(repo)).problems)
    with pytest.raises(ConfigError, match="were changed since"):
        uninstall(place_of(repo))
    assert snapshot(place_of(repo).folder) == before


def test_a_hook_that_another_tool_put_over_ours(repo: Repo) -> None:
    put(repo)
    install(repo)
    hook_of(repo).unlink()
    put(repo, "#!/bin/sh\n# another tool\n")
    found = inspect(place_of(repo))
    assert found.presence == "foreign"
    assert any("hubpolicy hook install" in problem for problem in found.problems)
    with pytest.raises(ConfigError, match="two hooks"):
        install(repo)
    (place_of(repo).folder / NEXT).unlink()
    assert install(repo)
    assert inspect(place_of(repo)).problems == ()


def test_a_lost_exec_bit_is_seen_and_mended(repo: Repo) -> None:
    install(repo)
    hook_of(repo).chmod(0o644)
    assert any("not executable" in problem for problem in inspect(place_of(repo)).problems)
    assert install(repo)
    assert inspect(place_of(repo)).problems == ()


def test_a_deleted_environment_is_seen(repo: Repo) -> None:
    hookfile.install(place_of(repo), TEMPLATE, Interpreter("/no/python", ("/no/folder",)))
    problems = inspect(place_of(repo)).problems
    assert [problem.rpartition(" ")[2] for problem in problems] == ["/no/python", "/no/folder"]


class TestHooksPath:
    """core.hooksPath belongs to husky, lefthook or an administrator: nothing is written there."""

    @pytest.mark.parametrize("value", [".husky/_", ".githooks", "/dev/null", "~/hooks"])
    def test_nothing_is_written(self, repo: Repo, value: str) -> None:
        repo.git("config", "core.hooksPath", value)
        (repo.path / ".husky" / "_").mkdir(parents=True)
        with pytest.raises(ConfigError, match=r"core\.hooksPath") as caught:
            install(repo)
        assert caught.value.hint
        assert not (repo.path / ".husky/_" / HOOK).exists()
        assert not (repo.path / ".git/hooks" / HOOK).exists()

    def test_the_line_to_add_works_and_leaves_the_input_to_the_rest(
        self, repo: Repo, home: Path
    ) -> None:
        hooks = repo.path / ".husky"
        hooks.mkdir()
        repo.git("config", "core.hooksPath", ".husky")
        with pytest.raises(ConfigError) as caught:
            install(repo)
        line = caught.value.hint.partition(f"{HOOK}: ")[2]
        assert "hubpolicy.prepush" in line
        fake = home / "python"
        for code in (0, 1):
            fake.write_text(f"#!/bin/sh\ncat > {home}/ours\nexit {code}\n")
            fake.chmod(0o755)
            mine = line.replace(f"'{sys.executable}'", f"'{fake}'")
            hook = hooks / HOOK
            hook.write_text(f"#!/bin/sh\n{mine}\ncat > {home}/theirs\n")
            hook.chmod(0o755)
            (home / "theirs").unlink(missing_ok=True)
            repo.commit({"a": str(code).encode()})
            done = repo.raw("push", "origin", "main", ok=False)
            assert (done.returncode == 0) is (code == 0)
            assert (home / "theirs").exists() is (code == 0)
        repo.git("push", "--no-verify", "-q", "origin", "main")

    def test_the_default_folder_named_aloud_is_still_ours(self, repo: Repo) -> None:
        repo.git("config", "core.hooksPath", ".git/hooks")
        assert install(repo)
        assert inspect(place_of(repo)).presence == "ours"


class TestInterrupted:
    """A kill at any moment leaves a hook that runs, and the next command finishes the work."""

    def test_between_the_link_and_the_hook(self, repo: Repo) -> None:
        put(repo)
        before = snapshot(place_of(repo).folder)
        os.link(hook_of(repo), place_of(repo).folder / NEXT)
        assert inspect(place_of(repo)).presence == "foreign"
        assert install(repo)
        assert uninstall(place_of(repo))
        assert snapshot(place_of(repo).folder) == before

    def test_between_the_state_and_the_hook(self, repo: Repo) -> None:
        put(repo)
        before = snapshot(place_of(repo).folder)
        former = hook_of(repo).read_bytes()
        install(repo)
        (place_of(repo).folder / NEXT).replace(hook_of(repo))
        os.link(hook_of(repo), place_of(repo).folder / NEXT)
        assert hook_of(repo).read_bytes() == former
        assert uninstall(place_of(repo))
        assert snapshot(place_of(repo).folder) == before

    def test_between_the_hook_and_the_state_of_an_uninstall(self, repo: Repo) -> None:
        put(repo)
        before = snapshot(place_of(repo).folder)
        install(repo)
        (place_of(repo).folder / NEXT).replace(hook_of(repo))
        assert uninstall(place_of(repo))
        assert snapshot(place_of(repo).folder) == before

    def test_while_our_own_hook_is_renewed(self, repo: Repo) -> None:
        put(repo)
        before = snapshot(place_of(repo).folder)
        hookfile.install(place_of(repo), TEMPLATE, Interpreter("/old", ("/old",)))
        old = hook_of(repo).read_bytes()
        install(repo)
        hook_of(repo).write_bytes(old)
        hook_of(repo).chmod(0o755)
        assert inspect(place_of(repo)).presence == "ours"
        assert install(repo)
        assert uninstall(place_of(repo))
        assert snapshot(place_of(repo).folder) == before

    def test_no_temporary_file_stays(self, repo: Repo) -> None:
        install(repo)
        names = {path.name for path in place_of(repo).folder.iterdir()}
        assert not {name for name in names if name.startswith(".hubpolicy-")}


def test_a_state_that_is_none_of_ours_is_not_guessed_at(repo: Repo) -> None:
    install(repo)
    (place_of(repo).folder / STATE).write_text("[]")
    with pytest.raises(ConfigError, match="something else than our state"):
        uninstall(place_of(repo))


def test_the_state_says_what_was_there(repo: Repo) -> None:
    put(repo, mode=0o711)
    install(repo)
    state = json.loads((place_of(repo).folder / STATE).read_text())
    assert state["former"]["mode"] == 0o711
    assert state["schema"] == "hubpolicy/hook-state/1"


def test_no_repository_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no git repository"):
        place_of(Repo(tmp_path))


def test_a_folder_that_cannot_be_written(repo: Repo) -> None:
    hooks = place_of(repo).folder
    for path in hooks.iterdir():
        path.unlink()
    hooks.rmdir()
    hooks.write_text("in the way")
    with pytest.raises(ServiceError, match=r"cannot (read|write) the hook"):
        install(repo)


def test_a_folder_name_that_the_hook_cannot_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a:b" / "python"))
    with pytest.raises(ConfigError, match="plain folder names"):
        hookplace.this_interpreter()
