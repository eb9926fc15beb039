# SPDX-License-Identifier: Apache-2.0
"""What the demonstration leaves behind, and how to go on with it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.demo.stage import TOKEN

if TYPE_CHECKING:
    from hubpolicy.demo.stage import Stage

_TEXT = """# What the demonstration left behind

- `home/`: configuration and keys. With `HOME` set to it you are Ada.
- `keys/releaser.pub.pem`: the public key, for other people's verifiers.
- `models/civil`, `models/rude`: git clones with their evidence (`.hubpolicy/`, `model.sig`).
- `hub/`: the hub's repositories and its log (`requests.jsonl`).

## Look at it

```sh
cd {models}
export HOME={home}
{hubpolicy} verify civil --records
{hubpolicy} rule HP203
{hubpolicy} policy explain
```

One test result, as it was signed:

```sh
{python} -c 'import base64, json, sys
for line in open("civil/.hubpolicy/release.intoto.jsonl"):
    statement = json.loads(base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"]))
    print(statement["predicateType"], len(statement["subject"]), "subjects")'
```

Other people's tools agree about the bytes: the digest that is shown as dirHash, and `model.sig`
(`pip install model-signing`).

```sh
(cd civil &&
  find . -type f ! -path './.git/*' ! -path './.hubpolicy/*' ! -path ./model.sig -print0 |
  cut -z -c3- | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum)
```

```sh
model_signing verify key --public_key ../keys/releaser.pub.pem --signature civil/model.sig civil
```

## Go on with the hub

Start it in another terminal. Releases name their hub, so it takes the port that it had:

```sh
{python} -P -m hubpolicy.demo.hub --root {hub} --tokens {hub}/tokens.json --port {port}
```

Then, here:

```sh
export HF_ENDPOINT={endpoint} HF_TOKEN={token} HF_HUB_DISABLE_XET=1
{hubpolicy} audit acme/civil acme/rude
{hubpolicy} push civil acme/civil
```

Things to try: change one word of `civil/README.md` and push again (a card check and a release line,
no test); revoke the weights with `hubpolicy trust revoke file` and their sha256, and audit again.
"""


def leave_note(stage: Stage) -> None:
    """Write ``README.md``: what is where, and commands that work as they stand."""
    script = Path(sys.executable).with_name("hubpolicy")
    command = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "hubpolicy"]
    text = _TEXT.format(
        home=shlex.quote(str(stage.root / "home")),
        models=shlex.quote(str(stage.models)),
        hub=shlex.quote(str(stage.root / "hub")),
        hubpolicy=shlex.join(command),
        python=shlex.quote(sys.executable),
        endpoint=stage.endpoint,
        port=stage.endpoint.rpartition(":")[2],
        token=TOKEN,
    )
    (stage.root / "README.md").write_text(text, encoding="utf-8")
