# SPDX-License-Identifier: Apache-2.0
"""The shell in front: every POSIX shell, the former hook's input and exit code, and repair."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from hubpolicy.adapters import hookfile
from hubpolicy.adapters.hookfile import render, uninstall
from hubpolicy.adapters.hookplace import HOOK, Interpreter, this_interpreter
from tests.git.repos import ZERO, Repo, need_lfs
from tests.hook.gate_world import MODEL, person, sign
from tests.hook.hooked import MARKER, NEXT, TEMPLATE, install, place_of, push, run_hook

SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"], ["sh"]]
FOUND = [shell for shell in SHELLS if shutil.which(shell[0])]


@pytest.fixture(params=FOUND, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


def write(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def shim(folder: Path, python: str, *, former: bool = False, folders: str = "") -> Path:
    interpreter = Interpreter(python, (folders,))
    path = folder / HOOK
    path.write_bytes(render(TEMPLATE, interpreter, former=NEXT if former else ""))
    path.chmod(0o755)
    return path


def run(
    shell: list[str], hook: Path, stdin: bytes, *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    command = [*shell, str(hook), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120)


def recorder(folder: Path, name: str, code: int = 0) -> Path:
    """A program that keeps its input and arguments."""
    return write(
        folder / name,
        f'#!/bin/sh\ncat > "$0.stdin"\nprintf "%s\\n" "$@" > "$0.args"\nexit {code}\n',
    )


STDIN = b"".join(
    b"refs/heads/" + bytes(range(0x80, 0xFF)) + b" with spaces %s \\n $(x) `x` '\" \n"
    for _ in range(3)
)


def test_verifier_and_former_hook_get_identical_bytes(shell: list[str], tmp_path: Path) -> None:
    python = recorder(tmp_path, "python")
    recorder(tmp_path, NEXT)
    arguments = ("origin", "https://x/a b'c\"$(x)")
    done = run(shell, shim(tmp_path, str(python), former=True), STDIN, *arguments)
    assert done.returncode == 0, done.stderr
    for name in ("python", NEXT):
        assert (tmp_path / f"{name}.stdin").read_bytes() == STDIN
    assert (tmp_path / f"{NEXT}.args").read_text().splitlines() == list(arguments)


@pytest.mark.parametrize("stdin", [b"", b"a b c d\n", b"x" * 300_000 + b"\n", b"\n\n", b"no end"])
def test_input_of_every_shape_arrives(shell: list[str], tmp_path: Path, stdin: bytes) -> None:
    python = recorder(tmp_path, "python")
    recorder(tmp_path, NEXT)
    assert run(shell, shim(tmp_path, str(python), former=True), stdin, "a", "b").returncode == 0
    assert (tmp_path / "python.stdin").read_bytes() == stdin
    assert (tmp_path / f"{NEXT}.stdin").read_bytes() == stdin


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 70, 130, 255])
def test_a_refusal_keeps_its_code_and_the_former_hook_never_runs(
    shell: list[str], tmp_path: Path, code: int
) -> None:
    python = recorder(tmp_path, "python", code)
    recorder(tmp_path, NEXT)
    hook = shim(tmp_path, str(python), former=True)
    assert run(shell, hook, STDIN, "a", "b").returncode == code
    assert not (tmp_path / f"{NEXT}.stdin").exists()


@pytest.mark.parametrize("code", [0, 1, 2, 69, 127])
def test_the_former_hooks_code_is_the_hooks_code(
    shell: list[str], tmp_path: Path, code: int
) -> None:
    python = recorder(tmp_path, "python")
    recorder(tmp_path, NEXT, code)
    assert run(shell, shim(tmp_path, str(python), former=True), STDIN, "a", "b").returncode == code


def test_a_former_hook_that_reads_nothing_is_fine(shell: list[str], tmp_path: Path) -> None:
    python = recorder(tmp_path, "python")
    write(tmp_path / NEXT, "#!/bin/sh\nexit 0\n")
    done = run(shell, shim(tmp_path, str(python), former=True), b"x" * 2_000_000, "a", "b")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_killed_verifier_stops_the_push(shell: list[str], tmp_path: Path) -> None:
    python = write(tmp_path / "python", "#!/bin/sh\nkill -9 $$\n")
    recorder(tmp_path, NEXT)
    assert run(shell, shim(tmp_path, str(python), former=True), STDIN, "a", "b").returncode != 0
    assert not (tmp_path / f"{NEXT}.stdin").exists()


class TestRepair:
    def check(self, done: subprocess.CompletedProcess[bytes]) -> None:
        assert done.returncode == 1
        said = done.stderr.decode()
        assert "hubpolicy hook" in said
        assert "Nothing was pushed." in said
        assert "Traceback" not in said

    @pytest.mark.parametrize("former", [False, True])
    def test_a_python_that_is_gone(self, shell: list[str], tmp_path: Path, former: bool) -> None:
        recorder(tmp_path, NEXT)
        self.check(run(shell, shim(tmp_path, "/no/such/python", former=former), STDIN, "a", "b"))
        assert not (tmp_path / f"{NEXT}.stdin").exists()

    def test_a_python_that_is_a_dangling_link(self, shell: list[str], tmp_path: Path) -> None:
        (tmp_path / "python").symlink_to("/no/such/python")
        self.check(run(shell, shim(tmp_path, str(tmp_path / "python")), STDIN, "a", "b"))

    def test_a_python_whose_own_interpreter_is_gone(self, shell: list[str], tmp_path: Path) -> None:
        python = write(tmp_path / "python", "#!/no/such/interpreter\n")
        self.check(run(shell, shim(tmp_path, str(python)), STDIN, "a", "b"))

    def test_a_package_that_is_gone(self, shell: list[str], tmp_path: Path) -> None:
        hook = shim(tmp_path, this_interpreter().python, folders="/no/such/folder")
        self.check(run(shell, hook, STDIN, "a", "b"))

    @pytest.mark.parametrize("mode", [None, 0o644])
    def test_a_former_hook_that_is_gone(
        self, shell: list[str], tmp_path: Path, mode: int | None
    ) -> None:
        python = recorder(tmp_path, "python")
        if mode is not None:
            recorder(tmp_path, NEXT).chmod(mode)
        self.check(run(shell, shim(tmp_path, str(python), former=True), STDIN, "a", "b"))
        assert not (tmp_path / "python.stdin").exists()

    def test_git_never_hangs_on_a_deleted_environment(self, repo: Repo) -> None:
        install(repo)
        hook = place_of(repo).folder / HOOK
        shim(hook.parent, "/no/such/python")
        repo.commit({"a": b"1"})
        started = time.monotonic()
        pushed = push(repo, "origin", "main")
        assert time.monotonic() - started < 60
        assert pushed.code == 1
        assert "its Python is gone: /no/such/python" in pushed.said


def test_odd_folder_names_survive_the_shell(shell: list[str], tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s a "folder" $(touch x) `y`'
    odd.mkdir()
    python = recorder(odd.parent, "python")
    target = shutil.copy(python, odd / "py 'thon")
    recorder(odd, NEXT)
    assert run(shell, shim(odd, str(target), former=True), b"a\n", "a", "b").returncode == 0
    assert (odd / f"{NEXT}.stdin").read_bytes() == b"a\n"


def test_it_is_plain_posix_and_says_who_made_it() -> None:
    text = TEMPLATE.decode()
    assert text.startswith("#!/bin/sh\n# hubpolicy:pre-push:")
    assert MARKER in TEMPLATE
    for bashism in ("[[", "local ", "function ", "<<<", "&>", "pipefail", "echo "):
        assert bashism not in text


class TestLfsOrder:
    """Ours first: what is refused has not left through Git LFS either."""

    @pytest.fixture
    def lfs(self, repo: Repo, home: Path) -> Repo:
        need_lfs()
        person().install(home)
        repo.git("lfs", "install", "--local")
        repo.git("lfs", "track", "*.safetensors")
        install(repo)
        return repo

    def objects(self, remote: Repo) -> list[Path]:
        return [path for path in (remote.path / "lfs").rglob("*") if path.is_file()]

    @pytest.mark.lfs
    def test_a_refused_push_leaves_no_object_on_the_remote(self, lfs: Repo, remote: Repo) -> None:
        lfs.commit(MODEL)
        pushed = push(lfs, "origin", "main")
        assert pushed.code != 0
        assert "HP201" in pushed.said
        assert self.objects(remote) == []
        assert remote.git("for-each-ref") == ""

    @pytest.mark.lfs
    @pytest.mark.parametrize("first", ["Git LFS", "ours"])
    def test_a_passed_push_uploads_as_before(self, lfs: Repo, remote: Repo, first: str) -> None:
        if first == "ours":  # then `git lfs install` writes no hook of its own
            uninstall(place_of(lfs))
            (place_of(lfs).folder / HOOK).unlink()
            install(lfs)
            assert b"already exists" in lfs.raw("lfs", "install", "--local", ok=False).stderr
        lfs.write(MODEL)
        lfs.git("add", "-A")
        sign(lfs.path, person())
        lfs.commit()
        pushed = push(lfs, "origin", "main")
        assert pushed.code == 0, pushed.said
        assert len(self.objects(remote)) == 1
        assert self.objects(remote)[0].read_bytes() == MODEL["model.safetensors"]
        assert lfs.git("cat-file", "-p", "main:model.safetensors").startswith("version")

    @pytest.mark.lfs
    def test_git_lfs_leaves_our_hook_alone(self, lfs: Repo) -> None:
        before = (place_of(lfs).folder / HOOK).read_bytes()
        done = lfs.raw("lfs", "install", "--local", ok=False)
        assert (place_of(lfs).folder / HOOK).read_bytes() == before
        assert b"already exists" in done.stdout + done.stderr
        lfs.git("lfs", "update", "--force")
        assert hookfile.inspect(place_of(lfs)).problems

    @pytest.mark.lfs
    def test_without_git_lfs_no_pointer_leaves_alone(self, repo: Repo, remote: Repo) -> None:
        person().install(Path.home())
        install(repo)
        repo.commit({"a.txt": b"a"})
        (repo.path / ".git" / "lfs" / "objects").mkdir(parents=True)
        tools = repo.path.parent / "bin"
        tools.mkdir()
        (tools / "git-lfs").symlink_to("/bin/false")
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        assert push(repo, "origin", "main", PATH=path).code != 0
        assert remote.git("for-each-ref") == ""
        (repo.path / ".git" / "lfs" / "objects").rmdir()
        assert push(repo, "origin", "main", PATH=path).code == 0


def test_a_pre_commit_like_hook_still_finds_its_folder(repo: Repo, home: Path) -> None:
    hooks = place_of(repo).folder
    hooks.mkdir(exist_ok=True)
    write(
        hooks / HOOK,
        '#!/bin/sh\nHERE="$(cd "$(dirname "$0")" && pwd)"\n'
        f'[ "$HERE" = "{hooks}" ] || exit 9\ncat > "{home}/seen"\n',
    )
    install(repo)
    commit = repo.commit({"a": b"1"})
    assert push(repo, "origin", "main").code == 0
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n"
    assert (home / "seen").read_text() == line


def test_a_script_without_a_shebang_still_runs(repo: Repo, home: Path) -> None:
    hooks = place_of(repo).folder
    hooks.mkdir(exist_ok=True)
    write(hooks / HOOK, f'cat > "{home}/seen"\n')
    install(repo)
    repo.commit({"a": b"1"})
    assert push(repo, "origin", "main").code == 0
    assert (home / "seen").read_text().startswith("refs/heads/main ")


def test_the_hook_runs_by_hand_as_git_runs_it(repo: Repo) -> None:
    install(repo)
    commit = repo.commit({"a": b"1"})
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    assert (
        run_hook(repo, line, "origin", "/x").said == "hubpolicy: refs/heads/main  not a release\n"
    )
    assert os.access(place_of(repo).folder / HOOK, os.X_OK)
