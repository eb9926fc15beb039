# SPDX-License-Identifier: Apache-2.0
"""Which namespaces are reserved, and that only the pinned line of roots speaks for them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.documents import POLICY_TYPE, STATE_TYPE, open_document, state_payload
from hubpolicy.core.reserved import (
    Documents,
    Pin,
    parse_git_pins,
    parse_pins,
    pins_of,
    require_speaks,
)
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import ConfigError
from tests.flows.team_world import FAR, Team, signed
from tests.golden.samples import key, sha, signer

PAGE = Path(__file__).parents[3] / "docs" / "trust.md"
HEX = sha("root")
FILE = f"""\
# who speaks for what
[acme]
root = "{HEX}"
source = "https://trust.acme.org/release"   # for the hint

["acme.labs"]  # quoted, for the dot
\troot="{HEX}"
endpoint = "https://hub.acme.org/"
"""


def test_the_file_says_who_speaks_for_what() -> None:
    assert parse_pins(FILE.encode(), "p") == (
        Pin("acme", HEX, "p", "https://trust.acme.org/release"),
        Pin("acme.labs", HEX, "p", "", "https://hub.acme.org"),
    )
    assert parse_pins(FILE.replace("\n", "\r\n").encode(), "p") == parse_pins(FILE.encode(), "p")
    assert parse_pins(b"", "p") == parse_pins(b"# nothing\n\n", "p") == ()


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        f'root = "{HEX}"',
        "[acme]",
        f'[acme]\nroot = "{HEX[:-1]}"',
        f'[acme]\nroot = "{HEX.upper()}"',
        f'[acme]\nroot = "sha256:{HEX}"',
        f"[acme]\nroot = {HEX}",
        f"[acme]\nroot = '{HEX}'",
        f'[acme]\nroot = "{HEX}"\nroot = "{HEX}"',
        f'[acme]\nroot = "{HEX}"\n[acme]\nroot = "{HEX}"',
        f'[acme]\nroot = "{HEX}"\n["acme"]\nroot = "{HEX}"',
        f'[acme]\nroot = "{HEX}"\nRoot = "x"',
        f'[acme]\nroot = "{HEX}" trailing',
        f'[acme]\nroot = "\\u0061{HEX[1:]}"',
        f'[acme.labs]\nroot = "{HEX}"',
        f'[[acme]]\nroot = "{HEX}"',
        f'acme = {{ root = "{HEX}" }}',
        f'[acme] extra\nroot = "{HEX}"',
        f'[""]\nroot = "{HEX}"',
        f'[acme]\nroot = "{HEX}"\rsource = "x"',
        f'[acme]\nroot = "{HEX}"\n\x00',
        f'\ufeff[acme]\nroot = "{HEX}"',
    ],
)
def test_a_pin_that_cannot_be_read_is_not_one_that_is_absent(text: str) -> None:
    with pytest.raises(ConfigError, match=r"in /etc/pins") as raised:
        parse_pins(text.encode(), "/etc/pins")
    assert raised.value.hint


def test_the_example_in_the_guide_is_one() -> None:
    text = (PAGE.read_text(encoding="utf-8")).partition("### Reserved namespaces")[2]
    example = text.partition("```text\n")[2].partition("```")[0]
    assert [pin.namespace for pin in parse_pins(example.encode(), "p")] == ["acme", "acme.labs"]


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        parse_pins(b"# \xff", "p")


LINES = st.sampled_from(
    [
        "[acme]", '["acme"]', '["a.b"]', "[ x-1 ]", "[A]  # c", "", "  ", "\t# c", "#\t",
        f'root = "{HEX}"', f'  root\t=\t"{HEX}"# c', 'source = ""', 'source = "ä # not"',
        'endpoint = "https://h/"', 'endpoint = "a\tb"', "# \x0c", 'source="\\\\"', "[a b]", "x = 1",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(LINES, st.text(max_size=12)), max_size=8))
def test_what_it_reads_toml_reads_alike(lines: list[str]) -> None:
    """Nobody who looks at the file with a TOML parser sees other pins."""
    text = "\n".join(lines)
    raw = text.encode("utf-8", "surrogatepass")
    try:
        pins = parse_pins(raw, "p")
    except ConfigError:
        return
    theirs = tomllib.loads(raw.decode())
    assert {pin.namespace: pin.root for pin in pins} == {k: v["root"] for k, v in theirs.items()}
    assert all(theirs[pin.namespace].get("source", "") == pin.source for pin in pins)


def test_git_says_it_by_scope() -> None:
    listed = b"\0".join(
        f"{scope}\0hubpolicy.{name}.pin\n{value}".encode()
        for scope, name, value in [
            ("system", "acme", HEX),
            ("global", "Acme.Labs", f" {HEX}"),
            ("local", "theirs", "whatever"),
            ("command", "theirs", "whatever"),
        ]
    )
    system, user = parse_git_pins(listed + b"\0")
    assert (system.namespace, user.namespace) == ("acme", "Acme.Labs")
    assert user.where == "git config --global hubpolicy.Acme.Labs.pin"
    assert parse_git_pins(b"") == ()


@pytest.mark.parametrize("pair", [b"hubpolicy.acme.pin", b"hubpolicy.acme.pin\nyes"])
def test_a_pin_in_git_that_is_no_digest_is_refused(pair: bytes) -> None:
    with pytest.raises(ConfigError, match="64 lower-case hex"):
        parse_git_pins(b"system\0" + pair + b"\0")


def test_case_makes_no_other_namespace() -> None:
    pins = parse_pins(FILE.encode(), "p")
    assert pins_of(pins, "ACME") == pins[:1]
    assert pins_of(pins, "acm") == ()


# Who speaks ----------------------------------------------------------------------------------


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path / "trust")
    made.rotate()
    made.publish_state()
    return made


def documents(team: Team) -> Documents:
    roots = sorted((team.folder / "root").iterdir(), key=lambda path: int(path.stem))
    policy = team.folder / "policy" / f"{team.policy.version}.json"
    state = (team.folder / "state.json").read_bytes()
    return Documents(tuple(p.read_bytes() for p in roots), policy.read_bytes(), state)


def asked(
    team: Team, root: str = "", *, said: Documents | None = None, held: Trust | None = None,
    policy: str = "",
) -> None:  # fmt: skip
    pin = Pin("acme", root or team.digest, "/etc/pins", "https://trust.acme.org")
    require_speaks(
        (pin,),
        said or documents(team),
        held or Trust(team.root, team.state),
        policy or team.policy.sha256,
    )


def first_digest(team: Team) -> str:
    from hubpolicy.core.documents import ROOT_TYPE, open_document, parse_root

    raw = (team.folder / "root" / "1.json").read_bytes()
    return parse_root(open_document(raw, ROOT_TYPE, where="x").payload).sha256


def test_any_root_of_the_line_may_be_the_pinned_one(team: Team) -> None:
    asked(team)
    asked(team, first_digest(team))


def test_every_pin_of_the_namespace_must_hold(team: Team) -> None:
    pins = [Pin("acme", team.digest, "a"), Pin("acme", sha("other"), "b")]
    with pytest.raises(ConfigError, match=r"reserved for trust root .* \(b\)"):
        require_speaks(pins, documents(team), Trust(team.root, team.state), team.policy.sha256)


def test_another_trust_does_not_speak_and_is_told_what_to_type(team: Team) -> None:
    with pytest.raises(ConfigError, match=r"'acme' is reserved .*/etc/pins") as raised:
        asked(team, sha("other"))
    expected = f"hubpolicy trust pin https://trust.acme.org --sha256 {sha('other')}"
    assert raised.value.hint == expected


def test_a_gate_written_by_hand_does_not_speak(team: Team) -> None:
    """Root and policy are public: a file that holds them proves nothing."""
    lax = team.state._replace(version=99, expires=FAR)
    mine = documents(team)
    forged = mine._replace(state=signed(state_payload(lax), STATE_TYPE, ("mallory",)))
    for said, held, policy in (
        (mine, Trust(team.root, lax), ""),
        (mine, Trust(team.root._replace(sha256=sha("x")), team.state), ""),
        (mine, None, sha("another policy")),
        (forged, Trust(team.root, lax), ""),
        (mine._replace(roots=mine.roots[:1]), None, ""),
        (mine._replace(policy=mine.state), None, ""),
        (mine._replace(state=b"{}"), None, ""),
        (mine._replace(roots=(b"junk",)), None, ""),
    ):
        with pytest.raises(ConfigError):
            asked(team, first_digest(team), said=said, held=held, policy=policy)


def test_without_the_signed_documents_nobody_can_tell(team: Team) -> None:
    whole = documents(team)
    for part in (whole._replace(policy=b""), whole._replace(state=b"")):
        with pytest.raises(ConfigError, match="signed policy or state is not here") as raised:
            asked(team, said=part)
        assert raised.value.hint == "hubpolicy trust update"


def test_a_policy_whose_signer_is_revoked_does_not_speak(team: Team) -> None:
    team.revoke(signer("omar").keyid)
    with pytest.raises(ConfigError, match="got 1 of 2 signatures of role policy"):
        asked(team)


def test_a_gate_whose_root_holds_other_keys_does_not_speak(team: Team) -> None:
    """The gate says the pinned digest, and lists keys of its own: the signed root's keys count."""
    mine = documents(team)
    payload = open_document(mine.policy, POLICY_TYPE, where="x").payload
    theirs = signed(payload, POLICY_TYPE, ("mallory", "eve"))
    keys = (key("mallory", "olga"), key("eve", "omar"))
    held = Trust(team.root._replace(keys=keys), team.state)
    with pytest.raises(ConfigError, match=r"'acme' is reserved \(/etc/pins\): .*role policy"):
        asked(team, said=mine._replace(policy=theirs), held=held)
