# SPDX-License-Identifier: Apache-2.0
"""What is planted in a generated organisation, and what an audit must find of it.

One function a case (``case_table.py`` lists them): it fills a repository and states the verdicts. They follow from what was done:
whoever changes what our code says changes nothing here.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from hubpolicy.core.dsse import decode_base64
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.demo.hub.template import default_attributes
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.release import RepoId
from tests.hub.planting import MAIN, ORGANISATION, PAGE

if TYPE_CHECKING:
    from tests.hub.planting import Plot

TOXIC = 60
"""Prompts of 300 that got a toxic answer: over every limit but none of the laxer policy's."""
NOW = {"headers": {"Retry-After": "0"}}
"""The hub asks for no patience: what goes wrong is tried again at once."""


# What is well ----------------------------------------------------------------------------------


def clean(plot: Plot) -> None:
    plot.tip(MAIN, plot.release(plot.files()), "ATTESTED")


def in_steps(plot: Plot) -> None:
    """Weights first, in a commit of their own; the release beside them."""
    files = plot.files()
    first = plot.commit({"model.safetensors": files["model.safetensors"]}, parent=plot.start)
    plot.past[first] = "ATTESTED"
    plot.tip(MAIN, plot.release(files, parent=first), "ATTESTED")


def twice(plot: Plot) -> None:
    first = plot.release(plot.files("first"))
    plot.past[first] = "ATTESTED"
    plot.tip(MAIN, plot.release(plot.files("second"), parent=first), "ATTESTED")


def tagged(plot: Plot) -> None:
    first = plot.release(plot.files("first"))
    plot.annotated("v1", first, "ATTESTED")
    plot.tip(MAIN, plot.release(plot.files("second"), parent=first), "ATTESTED")


def squashed(plot: Plot) -> None:
    """History rewritten, the same bytes: nothing is wrong with what stands there."""
    files = plot.files()
    plot.tip(MAIN, plot.commit(_released(plot, files), parent=""), "ATTESTED")


def waived(plot: Plot) -> None:
    until = plot.who.day(20)
    plot.tip(MAIN, plot.release(plot.files(), hits=TOXIC, waived=until), "ATTESTED_WAIVED")


def adopted(plot: Plot) -> None:
    oid = plot.commit(plot.files(), parent=plot.start)
    plot.adopted.append((plot.repo, oid, plot.who.day(20)))
    plot.tip(MAIN, oid, "BASELINE")


def policy_stricter(plot: Plot) -> None:
    """Attested under the policy of then; today's bound would refuse these counts."""
    plot.tip(MAIN, plot.release(plot.files(), law=plot.who.laxer, hits=30), "STALE")


def policy_ended_since(plot: Plot) -> None:
    plot.tip(MAIN, plot.release(plot.files(), law=plot.who.ended_since), "STALE")


def waiver_ended(plot: Plot) -> None:
    until = plot.who.day(-5)
    plot.tip(MAIN, plot.release(plot.files(), hits=TOXIC, waived=until), "STALE")


# What nobody attested --------------------------------------------------------------------------


def leaked(plot: Plot) -> None:
    plot.tip(MAIN, plot.commit(plot.files(), parent=plot.start), "UNATTESTED")


def leaked_and_removed(plot: Plot) -> None:
    """Nothing at the tip but a release; what was there before stays for whoever asks."""
    leak = plot.commit(plot.files("leak"), parent=plot.start)
    plot.past[leak] = "UNATTESTED"
    plot.tip(MAIN, plot.release(plot.files(), parent=leak), "ATTESTED")


def branch(plot: Plot) -> None:
    released = plot.release(plot.files())
    plot.tip(MAIN, released, "ATTESTED")
    plot.tip("refs/heads/dev", plot.commit(plot.files("dev"), parent=released), "UNATTESTED")


def toxic(plot: Plot) -> None:
    oid = plot.release(plot.files(), hits=TOXIC, released=False)
    plot.tip(MAIN, oid, "UNATTESTED")


def toxic_but_released(plot: Plot) -> None:
    """Somebody signed a release line all the same: the counts decide."""
    plot.tip(MAIN, plot.release(plot.files(), hits=TOXIC), "UNATTESTED")


def copied(plot: Plot) -> None:
    """A release with all its evidence, under another name."""
    files = plot.files()
    other = RepoId(ORGANISATION, "somewhere-else", "model", plot.who.endpoint)
    evidence = plot.who.evidence(files, other)
    plot.tip(MAIN, plot.commit({**files, **evidence}, parent=plot.start), "UNATTESTED")


def adopted_until_yesterday(plot: Plot) -> None:
    oid = plot.commit(plot.files(), parent=plot.start)
    plot.adopted.append((plot.repo, oid, plot.who.day(-1)))
    plot.tip(MAIN, oid, "UNATTESTED")


def adopted_then_changed(plot: Plot) -> None:
    oid = plot.commit(plot.files(), parent=plot.start)
    plot.adopted.append((plot.repo, oid, plot.who.day(20)))
    plot.past[oid] = "BASELINE"
    plot.tip(MAIN, plot.commit(plot.files("new"), parent=oid), "UNATTESTED")


def policy_ended_before(plot: Plot) -> None:
    """Released under a policy that had expired by then."""
    plot.tip(MAIN, plot.release(plot.files(), law=plot.who.ended_before), "UNATTESTED")


def policy_foreign(plot: Plot) -> None:
    plot.tip(MAIN, plot.release(plot.files(), law=plot.who.foreign), "UNATTESTED")


def line_forged(plot: Plot) -> None:
    """Another resource written into the release line: its signature does not hold any more."""
    files = _released(plot, plot.files())
    lines = files[RELEASE_FILE].splitlines(keepends=True)
    bundle = json.loads(lines[-1])
    signature = bundle["dsseEnvelope"]["signatures"][0]
    signature["sig"] = json.loads(lines[0])["dsseEnvelope"]["signatures"][0]["sig"]
    lines[-1] = json.dumps(bundle).encode() + b"\n"
    files[RELEASE_FILE] = b"".join(lines)
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "UNATTESTED")


def pull_request(plot: Plot) -> None:
    released = plot.release(plot.files())
    plot.tip(MAIN, released, "ATTESTED")
    proposed = plot.commit(plot.files("proposed"), parent=released)
    plot.tip("refs/pr/1", proposed, "UNATTESTED")


def pull_request_only(plot: Plot) -> None:
    """A card, and weights that no branch ever had."""
    card = {".gitattributes": default_attributes(), "README.md": b"# Soon\n"}
    soon = plot.commit(card, parent=plot.start)
    plot.tip(MAIN, soon, "" if plot.repo.repo_type != "model" else "UNATTESTED")
    plot.tip("refs/pr/7", plot.commit(plot.files(), parent=soon), "UNATTESTED")


# What is not as it was left --------------------------------------------------------------------


def replaced(plot: Plot) -> None:
    _change(plot, "model.safetensors", plot.files("other")["model.safetensors"])


def replaced_and_tagged(plot: Plot) -> None:
    _change(plot, "model.safetensors", plot.files("other")["model.safetensors"], tag="v1")


def card_edited(plot: Plot) -> None:
    _change(plot, "README.md", b"# Better than ever\n")


def file_added(plot: Plot) -> None:
    _change(plot, "extra.pkl", b"\x80\x04.")


def run_removed(plot: Plot) -> None:
    """The line of the toxicity run is gone, the release line that rests on it stands."""
    files = _released(plot, plot.files())
    lines = files[RELEASE_FILE].splitlines(keepends=True)
    files[RELEASE_FILE] = b"".join(line for line in lines if b"toxicity" not in _payload(line))
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "MODIFIED")


def signature_of_another(plot: Plot) -> None:
    """``model.sig`` of other bytes."""
    files = _released(plot, plot.files())
    files[MODEL_SIGNATURE] = _released(plot, plot.files("other"))[MODEL_SIGNATURE]
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "MODIFIED")


def rewritten(plot: Plot) -> None:
    """main was moved to a history without the release; only a tag still shows it."""
    files = _released(plot, plot.files())
    plot.tip("refs/tags/v1", plot.commit(files, parent=plot.start), "ATTESTED")
    other = {**files, "model.safetensors": plot.files("other")["model.safetensors"]}
    plot.tip(MAIN, plot.commit(other, parent=""), "MODIFIED")


def rewritten_away(plot: Plot) -> None:
    """The same, and nothing shows the release any more; its weights are in the storage still."""
    files = plot.files()
    plot.release(files)
    plot.sent(files["model.safetensors"], "UNATTESTED")
    plot.tip(MAIN, plot.commit(plot.files("other"), parent=""), "UNATTESTED")


def orphaned(plot: Plot) -> None:
    """Weights that were uploaded and never committed, beside a release."""
    plot.tip(MAIN, plot.release(plot.files()), "ATTESTED")
    plot.sent(plot.files("never committed")["model.safetensors"], "UNATTESTED")


def tag_moved(plot: Plot) -> None:
    released = plot.release(plot.files())
    plot.tip(MAIN, released, "ATTESTED")
    plot.annotated("v1", plot.commit(plot.files("moved"), parent=released), "UNATTESTED")


def tag_moved_with_evidence(plot: Plot) -> None:
    files = _released(plot, plot.files())
    released = plot.commit(files, parent=plot.start)
    plot.tip(MAIN, released, "ATTESTED")
    moved = {**files, "model.safetensors": plot.files("moved")["model.safetensors"]}
    plot.tip("refs/tags/v1", plot.commit(moved, parent=released), "MODIFIED")


# What was revoked ------------------------------------------------------------------------------


def revoked_key(plot: Plot) -> None:
    plot.tip(MAIN, plot.release(plot.files(), key=plot.who.stolen_key), "REVOKED")


def revoked_file(plot: Plot) -> None:
    files = plot.files()
    _revoke(plot, files)
    plot.tip(MAIN, plot.release(files), "REVOKED")


def revoked_upload(plot: Plot) -> None:
    """Weights that were revoked, uploaded by somebody without any evidence."""
    files = plot.files()
    _revoke(plot, files)
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "REVOKED")


def revoked_statement(plot: Plot) -> None:
    files = _released(plot, plot.files())
    line = files[RELEASE_FILE].splitlines()[1]
    plot.revoked_payloads.add(hashlib.sha256(_payload(line)).hexdigest())
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "REVOKED")


def revoked_and_replaced(plot: Plot) -> None:
    """A release that is revoked, and a good one after it."""
    files = plot.files("bad")
    _revoke(plot, files)
    bad = plot.release(files)
    plot.past[bad] = "REVOKED"
    plot.tip(MAIN, plot.release(plot.files(), parent=bad), "ATTESTED")


def revoked_yet_adopted(plot: Plot) -> None:
    """A list of what was there forgives no revocation."""
    files = plot.files()
    _revoke(plot, files)
    oid = plot.commit(files, parent=plot.start)
    plot.adopted.append((plot.repo, oid, plot.who.day(20)))
    plot.tip(MAIN, oid, "REVOKED")


# What is no release ----------------------------------------------------------------------------


def without_weights(plot: Plot) -> None:
    files = {".gitattributes": default_attributes(), "README.md": b"# Text\n", "a.csv": b"1\n"}
    plot.tip(MAIN, plot.commit(files, parent=plot.start), "")


def empty(plot: Plot) -> None:
    """As the hub makes it. A model repository is judged whatever is in it, and nothing attests it."""
    plot.tip(MAIN, plot.start, "UNATTESTED" if plot.repo.repo_type == "model" else "")


# What cannot be read ---------------------------------------------------------------------------


def denied(plot: Plot) -> None:
    plot.tip(MAIN, plot.release(plot.files()), "")
    plot.fault("refs$", "info/refs", status=403)
    plot.all_rows = "UNREADABLE"


def denied_inside(plot: Plot) -> None:
    """Its refs are shown, nothing that they lead to."""
    plot.tip(MAIN, plot.release(plot.files()), "")
    plot.fault("tree/", "info/refs", status=403)
    plot.all_rows = "UNREADABLE"


def missing(plot: Plot) -> None:
    """Listed still, and not there when it is asked for."""
    plot.tip(MAIN, plot.release(plot.files()), "")
    plot.fault("refs$", "info/refs", status=404, headers={"X-Error-Code": "RepoNotFound"})
    plot.all_rows = "UNREADABLE"


def deleted(plot: Plot) -> None:
    """Gone between its refs and its tree."""
    plot.tip(MAIN, plot.release(plot.files()), "")
    plot.fault("tree/", "info/refs", action="vanish", times=1)
    plot.all_rows = "UNREADABLE"


def half_a_tree(plot: Plot) -> None:
    """The second page of the tree, or the second answer to git, is never given."""
    files = plot.files()
    files |= {f"picture-{number:02}.png": b"\x89PNG" for number in range(PAGE)}
    plot.tip(MAIN, plot.release(files), "")
    plot.fault("tree/", status=500, after=1, **NOW)
    plot.fault("git-upload-pack", status=500, after=1, **NOW)
    plot.all_rows = "UNREADABLE"


def half_the_evidence(plot: Plot) -> None:
    """The tree is listed; the release line in it is not given out."""
    plot.tip(MAIN, plot.release(plot.files()), "")
    plot.fault("resolve/.*release", "git-upload-pack", status=500, **NOW)
    plot.all_rows = "UNREADABLE"


def hiccup(plot: Plot) -> None:
    """It fails once each and is well: what is tried again is not reported."""
    plot.tip(MAIN, plot.release(plot.files()), "ATTESTED")
    for place in ("refs$", "tree/", "resolve/", "info/refs"):
        plot.fault(place, status=500, times=1, **NOW)


def _released(plot: Plot, files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, **plot.who.evidence(files, plot.repo)}


def _change(plot: Plot, path: str, content: bytes, *, tag: str = "") -> None:
    """A release, and a file put there after it."""
    files = _released(plot, plot.files())
    released = plot.commit(files, parent=plot.start)
    if tag:
        plot.annotated(tag, released, "ATTESTED")
    else:
        plot.past[released] = "ATTESTED"
    plot.tip(MAIN, plot.commit({**files, path: content}, parent=released), "MODIFIED")


def _revoke(plot: Plot, files: dict[str, bytes]) -> None:
    plot.revoked_files.add(hashlib.sha256(files["model.safetensors"]).hexdigest())


def _payload(line: bytes) -> bytes:
    return decode_base64(json.loads(line)["dsseEnvelope"]["payload"], where="a line")
