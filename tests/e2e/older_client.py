# SPDX-License-Identifier: Apache-2.0
"""Runs hubpolicy under an interpreter that has another line of huggingface_hub.

    .tools/hub1/bin/python tests/e2e/older_client.py SITE-PACKAGES push …

The interpreter's own packages come first; what it lacks is found in SITE-PACKAGES, where the tests
run. So the client and its HTTP library are the older ones, and everything else is the same.
"""

from __future__ import annotations

import site
import sys

site.addsitedir(sys.argv.pop(1))

import huggingface_hub

if huggingface_hub.__version__.partition(".")[0] != "1":
    sys.exit(f"got huggingface_hub {huggingface_hub.__version__}, expected 1.x")

from hubpolicy.cli.main import main

main()
