# SPDX-License-Identifier: Apache-2.0
"""Bare repositories of the gateway's own: what git pushes is received and judged in them.

A mirror has the refs that the hub has, and is asked for them anew before each use, so that no push
that the hub refused, nor one that came to it by another way, is remembered here. Callers see to it
that one repository is worked on by one request at a time. Runs in worker threads.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.refs import is_ref_name
from hubpolicy.errors import MalformedError, ServiceError
from hubpolicy.flows.gate_push import BAD_NAME
from hubpolicy.gateway.receiving import LARGE, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.refs import Push
    from hubpolicy.domain.release import RepoId
    from hubpolicy.gateway.settings import Settings

_SECONDS = 900
_SAID = 2000
_MOST_PACKS = 50
_KEPT = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_PAGES = {"model": "", "dataset": "datasets/", "space": "spaces/"}
_SPARING = {
    "core.bigFileThreshold": LARGE,
    "core.packedGitWindowSize": "32m",
    "core.packedGitLimit": "512m",
    "pack.threads": "1",
    "pack.windowMemory": "256m",
}
"""What a small pack unpacks to passes through git's hands, and is not held in them."""
_HOOK = """#!/bin/sh
# Everything is decided by the gateway that started git: refs and quarantine go to it by one pipe,
# its answer comes back by another. No answer is a no (hubpolicy/gateway/receiving.py).
{
    printf '%s\\n' "$GIT_OBJECT_DIRECTORY" "$GIT_ALTERNATE_OBJECT_DIRECTORIES"
    printf '%s\\n' "$GIT_QUARANTINE_PATH"
    cat
    echo end
} > "/dev/fd/$HUBPOLICY_ASK" || exit 1
{
    IFS= read -r code
    cat >&2
} < "/dev/fd/$HUBPOLICY_ANSWER"
exit "${code:-1}"
"""


class Sent(NamedTuple):
    """What the hub made of a push. ``said``: its words, where it took nothing."""

    taken: bool
    said: str = ""


class Mirrors:
    """All of them, below one folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.git_folder)
        self._hub = settings.upstream
        self._token = settings.token
        self._authority = settings.upstream_ca
        self._limit = settings.commit_limit

    def place(self, repo: RepoId) -> Path:
        """Where the mirror of a repository lies, or would."""
        return self._folder / f"{repo.repo_type}s" / repo.namespace / f"{repo.name}.git"

    def sweep(self) -> None:
        """Take away what a git that was killed left: quarantine, half a pack, locks.

        Only while nobody works in any mirror: a lock of git's is no ref's name (``.lock``).
        """
        for place in self._folder.glob("*s/*/*.git"):
            for left in (place / "objects").glob(QUARANTINE):
                shutil.rmtree(left, ignore_errors=True)
            for left in (*(place / "objects" / "pack").glob("tmp_*"), *place.rglob("*.lock")):
                left.unlink(missing_ok=True)
        for left in self._folder.glob("*s/*/.new-*"):
            shutil.rmtree(left, ignore_errors=True)

    def synced(self, repo: RepoId) -> Path:
        """The mirror, with the refs that the hub has now; made if there is none.

        Raises:
            ServiceError: the hub or the disk does not let us.

        """
        place = self.place(repo)
        try:
            if not place.exists():
                self._make(place)
        except OSError as error:
            message = f"cannot make {place}: {error.strerror or error}"
            raise ServiceError(message) from error
        done = self._git(
            place, "fetch", "--quiet", "--prune", "--force", "--no-tags", "--no-write-fetch-head",
            self._url(repo), "+refs/*:refs/*",
        )  # fmt: skip
        if done.returncode:
            message = f"cannot fetch {repo.text} from the hub: {self._said(done.stderr)}"
            raise ServiceError(message)
        # Each push leaves a pack: now and then git makes one of many. If it cannot, it goes on so.
        packs = f"gc.autoPackLimit={_MOST_PACKS}"
        self._git(place, "-c", "gc.auto=2000", "-c", packs, "gc", "--auto", "--quiet")
        return place

    def advertised(self, repo: RepoId) -> bytes:
        """What ``info/refs?service=git-receive-pack`` answers (gitprotocol-http(5))."""
        place = self.synced(repo)
        done = self._git(
            place, *self.receiving(), "receive-pack", "--stateless-rpc", "--advertise-refs", "."
        )
        if done.returncode:
            message = f"git does not offer to receive: {self._said(done.stderr)}"
            raise ServiceError(message)
        return b"001f# service=git-receive-pack\n0000" + done.stdout

    def receiving(self) -> tuple[str, ...]:
        """What git is told where it receives: every object is checked, and our hook decides."""
        settings = {
            "core.hooksPath": str(self._folder / "hooks"),
            "receive.fsckObjects": "true",
            "receive.maxInputSize": str(self._limit),
            "receive.unpackLimit": "1",  # a pack that stays one goes on without being made anew
            "receive.denyDeleteCurrent": "ignore",  # the hub has the last word on that
            "receive.autogc": "false",
            "gc.auto": "0",
        } | _SPARING
        return tuple(part for key, value in settings.items() for part in ("-c", f"{key}={value}"))

    def environment(self) -> dict[str, str]:
        """For git: nobody's settings but ours, and no login."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return kept | {
            "HOME": str(self._folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
        }

    def send(self, repo: RepoId, push: Push, quarantine: Mapping[str, str]) -> Sent:
        """Give what was judged to the hub: all refs or none, each only from where it stood.

        Raises:
            MalformedError: a name is none, and would say something else in a refspec.
            ServiceError: whether the hub took it is not known.

        """
        if not all(is_ref_name(update.remote_ref) for update in push.updates):
            raise MalformedError(BAD_NAME)
        leases = [f"--force-with-lease={u.remote_ref}:{'' if u.creates else u.remote_oid}"
                  for u in push.updates]  # fmt: skip
        refs = [f"{'' if u.deletes else u.local_oid}:{u.remote_ref}" for u in push.updates]
        atomic = ("--atomic",) if len(refs) > 1 else ()
        done = self._git(
            self.place(repo), "push", "--porcelain", "--no-verify", "--no-follow-tags", *atomic,
            *leases, self._url(repo), *refs, quarantine=quarantine,
        )  # fmt: skip
        if done.returncode == 0 or self._stand(repo, push):
            return Sent(taken=True)
        return Sent(taken=False, said=self._refusal(done))

    def _stand(self, repo: RepoId, push: Push) -> bool:
        """True if the hub has all of it, whatever it answered, or could not answer any more."""
        done = self._git(self.place(repo), "ls-remote", "--refs", self._url(repo))
        if done.returncode:
            message = f"whether the hub took it is not known: {self._said(done.stderr)}"
            raise ServiceError(message)
        lines = (line.partition("\t") for line in done.stdout.decode(errors="replace").split("\n"))
        there = {name: oid for oid, _, name in lines}
        return all(
            there.get(u.remote_ref) == (None if u.deletes else u.local_oid) for u in push.updates
        )

    def _make(self, place: Path) -> None:
        """Whole or not at all."""
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        hook = self._folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True, mode=0o700)
        scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
        try:
            written = scratch / "pre-receive"
            written.write_text(_HOOK, encoding="ascii")
            written.chmod(0o700)
            written.replace(hook)
            made = self._git(scratch, "init", "--quiet", "--bare", "--initial-branch=main", ".")
            if made.returncode:
                raise OSError(self._said(made.stderr))
            scratch.replace(place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _url(self, repo: RepoId) -> str:
        return f"{self._hub}/{_PAGES[repo.repo_type]}{repo.text}.git"

    def _git(
        self, place: Path, *arguments: str, quarantine: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git with the hub's token, which stands in no argument and in no file."""
        pair = base64.b64encode(f"hubpolicy:{self._token}".encode()).decode()
        settings = {
            f"http.{self._hub}/.extraHeader": f"Authorization: Basic {pair}",
            "http.followRedirects": "false",
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": "300",
            "credential.helper": "",
            "gc.autoDetach": "false",
        } | _SPARING
        if self._authority:
            settings["http.sslCAInfo"] = self._authority
        environment = self.environment() | dict(quarantine or {})
        for name in _PROXIES:
            environment |= {n: os.environ[n] for n in (name, name.upper()) if n in os.environ}
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        try:
            return subprocess.run(
                ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
                cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"git {arguments[0]} did not end: {type(error).__name__}"
            raise ServiceError(message, hint="install git 2.32 or newer") from error

    def _refusal(self, done: subprocess.CompletedProcess[bytes]) -> str:
        """The hub's remarks, and what became of each ref."""
        lines = done.stdout.decode(errors="replace").split("\n")
        refs = [line.split("\t")[1:] for line in lines if line.startswith("!\t")]
        told = [f"{what.partition(':')[2]} {why}" for what, why, *_ in refs]
        return "\n".join((self._said(done.stderr), *told)).strip() or "no reason was given"

    def _said(self, raw: bytes) -> str:
        text = raw.decode(errors="replace").replace(self._hub, "the hub")
        kept = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        plain = [line for line in kept if not line.startswith(("error: failed to push", "hint:"))]
        return "\n".join(plain)[:_SAID]
