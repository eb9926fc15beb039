# SPDX-License-Identifier: Apache-2.0
"""``python -m hubpolicy``."""

from __future__ import annotations

from hubpolicy.cli.main import main

if __name__ == "__main__":
    main()
