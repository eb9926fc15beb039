# SPDX-License-Identifier: Apache-2.0
"""The write gateway: a proxy before a hub that holds the only write token (docs/gateway.md).

``server.py`` listens, ``passage.py`` decides (with ``flows/gating.py``), ``forwarding.py`` carries
bytes, ``records.py`` keeps tokens, evidence and the log. aiohttp is imported here and nowhere else
(docs/adr/0016).
"""
