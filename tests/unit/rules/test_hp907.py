"""HP907: the token."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp907
from hubpolicy.core.token_scope import grants_of, sees_all
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.surroundings import Grant, Login

TERN = RepoId("acme", "tern")
GULL = RepoId("acme", "gull")
NEWS = RepoId("acme", "tern", "dataset")


@pytest.mark.parametrize(
    ("login", "word"),
    [
        (Login("", "", ""), ""),
        (Login("ana", "read", ""), ""),
        (Login("ana", "fineGrained", "", grants=()), ""),
        (Login("ana", "fineGrained", ""), "warning"),  # the hub does not say what it may do
        (Login("ana", "write", ""), "warning"),
        (Login("ana", "", ""), "warning"),
        (Login("ana", "somethingNew", ""), "warning"),
        (Login("", "", "HTTP 401"), "error"),
    ],
)
def test_role(login: Login, word: str) -> None:
    assert [f.severity.word for f in hp907.check(login)] == ([word] if word else [])


@pytest.mark.parametrize("login", [Login("ana", "write", ""), Login("", "", "HTTP 401")])
def test_a_login_is_no_mend_while_a_variable_holds_the_token(login: Login) -> None:
    (stored,) = hp907.check(login)
    (held,) = hp907.check(login._replace(variable="HF_TOKEN"))
    assert stored.fix.startswith("hf auth login, with")
    assert held.fix.startswith("export HF_TOKEN=TOKEN, with")


def on(kind: str, name: str, *permissions: str) -> Grant:
    return Grant(kind, name, permissions or ("repo.content.read", "repo.write"))


MODEL, READS = on("model", "acme/tern"), on("org", "acme", "repo.content.read", "discussion.write")
CAN, CANNOT, UNSAID, MORE, NOTHING = "", "error", "warning", "warning", "info"


@pytest.mark.parametrize(
    ("grants", "pushed", "words"),
    [
        ((MODEL,), (TERN,), [CAN]),
        ((MODEL,), (), [CAN]),
        ((on("model", "Acme/Tern"), READS), (TERN,), [CAN]),
        ((MODEL, on("model", "acme/gull")), (TERN, GULL), [CAN]),
        ((MODEL, on("global", "", "discussion.write", "post.write")), (TERN,), [CAN]),
        ((on("model", "acme/tern", "repo.content.write"),), (TERN,), [CAN]),
        ((MODEL,), (GULL,), [CANNOT, MORE]),
        ((MODEL,), (TERN, GULL), [CANNOT]),
        ((MODEL,), (NEWS,), [CANNOT]),
        ((on("dataset", "acme/tern"),), (TERN,), [CANNOT]),
        ((on("model", "acme/tern", "repo.access.write"),), (TERN,), [CANNOT]),
        ((on("org", "other"),), (TERN,), [CANNOT, MORE]),
        ((on("org", "acme"),), (TERN,), [MORE]),
        ((on("org", "acme"),), (), [MORE]),
        ((on("user", "acme"),), (TERN,), [MORE]),
        ((on("global", "", "repo.write"),), (TERN,), [MORE]),
        ((MODEL, on("model", "other/x")), (TERN,), [MORE]),
        ((MODEL, on("org", "acme", "org.write")), (TERN,), [MORE]),
        ((on("resource-group", "g"),), (TERN,), [UNSAID, MORE]),
        ((on("model", ""),), (TERN,), [UNSAID, MORE]),
        ((on("something-new", "acme"),), (TERN,), [UNSAID, MORE]),
        ((READS,), (TERN,), [NOTHING]),
        ((READS,), (), [CAN]),
        ((), (TERN,), [NOTHING]),
    ],
)
def test_what_a_fine_grained_token_may_write(
    grants: tuple[Grant, ...], pushed: tuple[RepoId, ...], words: list[str]
) -> None:
    found = hp907.check(Login("ana", "fineGrained", "", grants=grants), pushed)
    assert [f.severity.word for f in found] == [word for word in words if word]
    assert all(repo.text in found[0].message for repo in pushed[-1:] if found)


@pytest.mark.parametrize(("targets", "words"), [((), [MORE]), (("acme",), []), (("x",), [MORE])])
def test_a_repository_of_the_policy_s_own_namespace_is_not_too_much(
    targets: tuple[str, ...], words: list[str]
) -> None:
    login = Login("ana", "fineGrained", "", grants=(MODEL, on("model", "acme/gull")))
    assert [f.severity.word for f in hp907.check(login, (TERN,), targets)] == words


def test_a_token_for_reading_is_told_where_a_push_would_go() -> None:
    (finding,) = hp907.check(Login("ana", "read", ""), (TERN,))
    assert finding.severity.word == NOTHING
    assert "acme/tern" in finding.message
    assert finding.fix.startswith("none where a CI job publishes; else hf auth login, with a fine-")


SCOPE = {"entity": {"_id": "6" * 24, "type": "org", "name": "acme"}, "permissions": ["repo.write"]}


@pytest.mark.parametrize(
    ("fine", "known"),
    [
        ({"global": [], "scoped": [SCOPE]}, True),
        ({"scoped": [], "canReadGatedRepos": True}, True),
        (None, False),
        ([], False),
        ({"global": []}, False),
        ({"scoped": {}}, False),
        ({"scoped": [], "global": "repo.write"}, False),
        ({"scoped": [], "global": [1]}, False),
        ({"scoped": ["acme"]}, False),
        ({"scoped": [{"permissions": []}]}, False),
        ({"scoped": [{"entity": {"name": "acme"}, "permissions": []}]}, False),
        ({"scoped": [{"entity": {"type": "org", "name": None}, "permissions": []}]}, False),
        ({"scoped": [{"entity": {"type": "org", "name": "acme"}}]}, False),
    ],
)
def test_an_answer_in_another_shape_is_not_read_as_no_right(fine: object, known: bool) -> None:
    assert (grants_of({"role": "fineGrained", "fineGrained": fine}) is not None) is known


def test_a_grant_is_read_as_the_hub_writes_it() -> None:
    document = {"fineGrained": {"scoped": [SCOPE], "global": ["discussion.write"]}}
    everywhere = Grant("global", "", ("discussion.write",))
    assert grants_of(document) == (everywhere, Grant("org", "acme", ("repo.write",)))


def _in(**organisation: object) -> dict[str, object]:
    return _me("read") | {"orgs": [{"name": "acme", **organisation}]}


def _me(role: str, *scoped: tuple[str, str, str], everywhere: str = "") -> dict[str, object]:
    """``whoami-v2`` of ana, who is of acme."""
    entities = [
        {"entity": {"type": kind, "name": name}, "permissions": [held]}
        for kind, name, held in scoped
    ]
    fine = {"global": [everywhere] if everywhere else [], "scoped": entities}
    token = {"role": role, **({"fineGrained": fine} if role == "fineGrained" else {})}
    return {"name": "ana", "orgs": [{"name": "acme"}], "auth": {"accessToken": token}}


@pytest.mark.parametrize(
    ("me", "namespace", "whole"),
    [
        (_me("read"), "acme", True),
        (_me("write"), "Ana", True),
        (_me("write"), "globex", False),
        (_me("somethingNew"), "acme", False),
        (_me("fineGrained"), "acme", False),
        (_me("fineGrained", ("org", "acme", "repo.content.read")), "acme", True),
        (_me("fineGrained", ("org", "acme", "repo.write")), "ana", False),
        (_me("fineGrained", ("org", "acme", "discussion.write")), "acme", False),
        (_me("fineGrained", ("model", "acme/tern", "repo.write")), "acme", False),
        (_me("fineGrained", everywhere="repo.content.read"), "acme", True),
        (_me("fineGrained", everywhere="repo.content.read"), "globex", False),
        (_me("read") | {"orgs": None}, "ana", False),
        (_me("read") | {"auth": None}, "ana", False),
        (_me("read") | {"orgs": ["acme"]}, "acme", False),
        ({}, "acme", False),
        ([], "acme", False),
        (None, "acme", False),
        (_in(roleInOrg="contributor"), "acme", True),
        (_in(roleInOrg="no_access"), "acme", False),
        (_in(roleInOrg="somethingNew"), "acme", False),
        # Resource groups: private repositories are shown to their group, and to admins.
        (_in(roleInOrg="write", isEnterprise=True), "acme", False),
        (_in(isEnterprise=True), "acme", False),
        (_in(roleInOrg="admin", isEnterprise=True), "acme", True),
        (_in(roleInOrg="write", isEnterprise=False), "acme", True),
    ],
)
def test_whether_a_login_is_shown_all_of_a_namespace(
    me: object, namespace: str, whole: bool
) -> None:
    assert sees_all(me, namespace) == whole
