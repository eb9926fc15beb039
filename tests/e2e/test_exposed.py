# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit --import-audit-log``: what was public although nobody attested it."""

from __future__ import annotations

import json
import shutil
from calendar import timegm
from time import strptime
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.demo.hub.records import Record
from hubpolicy.demo.hub.store import RepoKey, Store
from hubpolicy.demo.hub.template import default_attributes
from tests.hub.packed import Growing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran
    from tests.e2e.author import Author

MAIN = "refs/heads/main"
BEFORE = f"{MAIN} (history)"
CREATED, OPENED, LEAKED, SHUT, LATER = (
    f"2026-{month:02}-15T00:00:00Z" for month in (1, 2, 3, 4, 5)
)
START = {".gitattributes": default_attributes()}
LEAK = {**START, "model.safetensors": b"\x02\0\0\0\0\0\0\0{}weights"}
PAGE = {**START, "README.md": b"# nothing here\n"}


def put(hub: HubProcess, name: str, *commits: tuple[str, dict[str, bytes]], private: bool) -> None:
    """A repository whose commits were made at those times."""
    git, parents = Growing(), list[str]()
    for time, files in commits:
        when = timegm(strptime(time, "%Y-%m-%dT%H:%M:%SZ"))
        parents = [git.commit(files, parents, when)]
    git.refs[MAIN] = parents[0]
    key = RepoKey("models", "acme", name)
    record = Record(
        f"acme/{name}", "alice", f"{CREATED[:-1]}.000Z", private, False, frozenset(), ()
    )
    Store(hub.root).create(key, record, git.write)


@pytest.fixture(scope="module")
def filled(own_hub: HubProcess) -> HubProcess:
    leak, page = (LEAKED, LEAK), (LATER, PAGE)
    put(own_hub, "open", (OPENED, START), leak, page, private=False)
    put(own_hub, "shut", leak, private=True)
    put(own_hub, "late", (LATER, LEAK), private=True)
    put(own_hub, "dark", leak, private=True)
    put(own_hub, "unlogged", leak, private=False)
    return own_hub


@pytest.fixture
def hub(filled: HubProcess) -> Iterator[HubProcess]:
    """As it was filled, again after every test; ``ada`` is its user."""
    yield filled
    filled.configure({})


def event(kind: str, time: str, **data: Any) -> dict[str, Any]:
    author = {"_id": "1", "type": "user", "user": "alice", "avatarUrl": "/a.svg"}
    return {"type": kind, "createdAt": time, "message": "x", "author": author, "data": data}


def life(name: str) -> list[dict[str, Any]]:
    """Private at first, public for a while, private again; the newest first, as exported."""
    repo = f"acme/{name}"
    return [
        event("repo.update_settings", SHUT, repo=repo, visibility="private"),
        event("repo.update_settings", OPENED, repo=repo, visibility="public"),
        event("repo.create", CREATED, repo=repo, private=True),
    ]


LOG = [
    event("org.add_user", LATER, user="bob"),
    event("repo.move", LATER, repo="acme/only-here"),
    event("repo.delete", LATER, repo="acme/gone"),
    *life("shut"),
    *life("late"),
    event("repo.create", OPENED, repo="acme/gone", private=False),
    event("repo.create", CREATED, repo="acme/open", private=False),
]


def look(ada: Author, *arguments: str, log: Any = LOG) -> Ran:
    file = ada.home / "log.json"
    file.write_text(json.dumps(log, indent=1))
    options = ("--import-audit-log", "log.json", "--format", "json")
    return ada.type("audit", *(arguments or ("acme",)), *options)


def statuses(done: Ran) -> dict[str, str]:
    return {ref["repo"]: ref["status"] for ref in done.document["refs"] if ref["ref"] == MAIN}


def test_what_was_public_is_exposed_whatever_it_is_now(ada: Author) -> None:
    done = look(ada)
    assert done.code == 1
    assert statuses(done) == {
        "acme/open": "EXPOSED",
        "acme/shut": "EXPOSED",
        "acme/late": "EXPOSED",  # by its own word committed when nobody could see it any more
        "acme/dark": "UNATTESTED",
        "acme/unlogged": "EXPOSED",
    }
    details = {ref["repo"]: ref["detail"] for ref in done.document["refs"]}
    assert details["acme/shut"].startswith(f"UNATTESTED, public from {LEAKED} to {SHUT}: no ")
    assert details["acme/late"].startswith(f"UNATTESTED, public from {OPENED} to {SHUT}: no ")
    assert details["acme/dark"].endswith("private now, and the log does not say what it was before")


def test_the_report_says_from_when_to_when_and_why(ada: Author) -> None:
    spans = {
        (row["repo"], row["ref"], row["since"], row["until"]): row["source"]
        for row in look(ada, "acme", "--all-revisions").document["exposures"]
    }
    assert set(spans) == {
        ("acme/open", MAIN, LATER, ""),
        ("acme/open", BEFORE, LEAKED, ""),  # not at the tip any more, and still there
        ("acme/shut", MAIN, LEAKED, SHUT),
        ("acme/late", MAIN, OPENED, SHUT),
        ("acme/unlogged", MAIN, LEAKED, ""),
    }
    assert spans["acme/shut", MAIN, LEAKED, SHUT] == (
        f"since: the commit's own time (logged as made public {OPENED}); "
        "until: logged as made private"
    )
    assert "later than this: not believed" in spans["acme/late", MAIN, OPENED, SHUT]


def test_what_the_log_does_not_tell_is_told(ada: Author) -> None:
    whole = look(ada, "acme", "--all-revisions", "--engine", "api")
    rows = [
        (row["text"], row["remark"])
        for row in whole.document["rows"]
        if row["name"] != "LFS storage"
    ]
    assert rows == [
        (f"11 entries, {CREATED} to {LATER}", "(1 of them not about who may see what)"),
        ("1 of repo.move not used", "(they name no repository as we know it)"),
        (
            f"public {OPENED} to {LATER}, logged as deleted",
            "(in the log only: what stood there is not known)",
        ),
    ]
    (tips,) = (row for row in look(ada).document["rows"] if row["name"] == "exposure")
    assert tips["remark"].startswith("(--all-revisions looks before")
    empty = look(ada, log=[])
    assert empty.document["rows"][0]["text"] == "empty"
    assert statuses(empty)["acme/unlogged"] == "EXPOSED", "public now: the hub says so"
    assert statuses(empty)["acme/shut"] == "UNATTESTED", "nothing says that it ever was public"


def test_a_single_repository_tells_of_no_other(ada: Author) -> None:
    done = look(ada, "acme/shut")
    assert [row["repo"] for row in done.document["exposures"]] == ["acme/shut"]
    assert {row["name"] for row in done.document["rows"]} == {"audit log", "exposure"}


def test_one_that_was_deleted_under_that_name_is_told_all_the_same(ada: Author) -> None:
    before = [
        event("repo.delete", "2026-01-10T00:00:00Z", repo="acme/shut"),
        event("repo.create", "2026-01-05T00:00:00Z", repo="acme/shut", visibility="public"),
    ]
    done = look(ada, "acme/shut", log=[*LOG, *before])
    assert [row["since"] for row in done.document["exposures"]] == [LEAKED]
    (told,) = (row for row in done.document["rows"] if row["name"] == "acme/shut")
    assert told["text"].startswith("public 2026-01-05T00:00:00Z to 2026-01-10T00:00:00Z, logged as")


def test_two_exports_are_one_log(ada: Author) -> None:
    (ada.home / "older.json").write_text(json.dumps(LOG[5:]))
    (ada.home / "newer.json").write_text(json.dumps(LOG[:7]))
    logs = ("--import-audit-log", "older.json", "--import-audit-log", "newer.json")
    done = ada.type("audit", "acme", *logs, "--format", "json")
    assert done.document["exposures"] == look(ada).document["exposures"]


def test_without_a_log_nothing_is_asked_and_nothing_exposed(ada: Author, hub: HubProcess) -> None:
    look(ada)
    mark = len(hub.requests())
    done = ada.type("audit", "acme/shut", "acme/open", "--format", "json")
    assert set(statuses(done).values()) == {"UNATTESTED"}
    assert done.document["exposures"] == []
    paths = [str(line["path"]) for line in hub.requests()[mark:]]
    assert len(paths) == 2, paths
    mark = len(hub.requests())
    look(ada, "acme/shut", "acme/open")
    paths = [str(line["path"]) for line in hub.requests()[mark:]]
    assert len(paths) == 2 * 2, "who may see it; when it was committed is known from before"


def test_a_hub_that_does_not_say_leaves_the_log_alone_to_speak(
    ada: Author, hub: HubProcess
) -> None:
    hub.configure({"faults": [{"status": 403, "path_regex": "models/acme/[a-z]+$", "times": None}]})
    try:
        done = look(ada)
    finally:
        hub.configure({})
    assert statuses(done)["acme/shut"] == "EXPOSED"
    (dark,) = (ref for ref in done.document["refs"] if ref["repo"] == "acme/dark")
    assert dark["status"] == "UNATTESTED"
    assert "who may see it is not known" in dark["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "got no JSON array, in log.json line 1"),
        ('[\n{"type": "repo.create"}]', "got nothing for createdAt"),
    ],
)
def test_a_bad_export_is_one_error_before_anything_is_asked(
    ada: Author, hub: HubProcess, text: str, said: str
) -> None:
    (ada.home / "log.json").write_text(text)
    mark = len(hub.requests())
    done = ada.type("audit", "acme", "--import-audit-log", "log.json")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "line " in done.err
    assert hub.requests()[mark:] == []


def test_a_dashboard_gets_all_of_it_and_no_exit_code(ada: Author) -> None:
    (ada.home / "log.json").write_text(json.dumps(LOG))
    done = ada.type("audit", "acme", "--import-audit-log", "log.json", "--exit-zero")
    assert done.code == 0
    assert "✗ failed" in done.out
    assert "would block: exit code 1 without --exit-zero" in done.out
    assert "4 EXPOSED" in done.out
    usage = ada.type("audit", "acme", "--exit-zero", "--fail-on", "NOTHING")
    assert usage.code == 2


def seen(done: Ran) -> set[tuple[str, str]]:
    return {(ref["repo"], ref["ref"]) for ref in done.document["refs"]}


@pytest.mark.parametrize("engine", ["api", "git"])
def test_since_a_day_only_younger_commits_are_looked_at_and_every_tip(
    ada: Author, engine: str
) -> None:
    def since(day: str) -> Ran:
        look = ("--all-revisions", "--engine", engine, "--since", day, "--format", "json")
        return ada.type("audit", "acme/open", "acme/shut", *look)

    tips = {("acme/open", MAIN), ("acme/shut", MAIN)}
    assert seen(since(LEAKED[:10])) == {*tips, ("acme/open", BEFORE)}
    after = since("2026-03-16")
    assert seen(after) == tips
    (row,) = after.document["rows"]
    assert (row["text"], row["remark"].startswith("(not looked at")) == ("since 2026-03-16", True)


def test_since_a_revision_what_it_has_is_past(ada: Author) -> None:
    whole = ada.type("audit", "acme/open", "--all-revisions", "--format", "json").document["refs"]
    oids = {ref["ref"]: ref["oid"] for ref in whole}
    assert set(oids) == {MAIN, BEFORE}
    for revision, refs in (
        (oids[BEFORE], {MAIN}), (oids[BEFORE][:7], {MAIN}), ("main", {MAIN})
    ):  # fmt: skip
        done = ada.type("audit", "acme/open", "--all-revisions", "--since", revision,
                        "--format", "json")  # fmt: skip
        assert {ref for _, ref in seen(done)} == refs


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-02-01"), "without --all-revisions"),
        (("--all-revisions", "--since", "2026-02-30"), "got --since 2026-02-30, expected YYYY-MM"),
        (("--all-revisions", "--since", "1/2/2026"), "expected YYYY-MM-DD"),
        (("--all-revisions", "--since", "v9"), "has no revision 'v9'"),
        (("acme/shut", "--all-revisions", "--since", "main"), "for 2 repositories"),
    ],
)
def test_a_bad_since_is_one_error(ada: Author, arguments: tuple[str, ...], said: str) -> None:
    done = ada.type("audit", "acme/open", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "hubpolicy audit NAMESPACE --all-revisions --since 2026-11-01" in done.err


def test_a_clone_on_this_disk_is_cut_by_its_own_git_and_exposed_by_the_log_alone(
    ada: Author, hub: HubProcess
) -> None:
    bare = Store(hub.root).bare(RepoKey("models", "acme", "open"))
    shutil.copytree(bare, ada.home / "copy.git")
    options = ("./copy.git", "--repo", "acme/open", "--all-revisions", "--since", LEAKED[:10])
    mark = len(hub.requests())
    done = look(ada, *options)
    assert hub.requests()[mark:] == []
    assert seen(done) == {("acme/open", MAIN), ("acme/open", BEFORE)}
    assert {ref["status"] for ref in done.document["refs"]} == {"EXPOSED"}
    spans = {(row["since"], row["until"]) for row in done.document["exposures"]}
    assert spans == {(LATER, ""), (LEAKED, "")}
    later = ada.type("audit", *options[:-1], "2026-03-16", "--format", "json")
    assert seen(later) == {("acme/open", MAIN)}


def test_a_bucket_has_no_commits_and_counts_from_when_it_was_public(
    ada: Author, hub: HubProcess
) -> None:
    place = hub.root / "buckets" / "acme" / "raw.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    files = [{"path": "x.gguf", "size": 30, "xetHash": "a" * 64}]
    place.write_text(json.dumps({"private": False, "files": files}))
    opened = event(
        "repo.update_settings", OPENED, repo="acme/raw", repoType="bucket", private=False
    )
    done = look(ada, "buckets/acme/raw", log=[opened])
    place.unlink()
    (row,) = done.document["exposures"]
    assert (row["repo"], row["since"], row["until"]) == ("buckets/acme/raw", OPENED, "")
    assert row["source"] == "since: logged as made public; when it came there is not known"
