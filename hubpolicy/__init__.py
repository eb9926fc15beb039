# SPDX-License-Identifier: Apache-2.0
"""Publishing a model on the Hub is possible only with signed evidence about the exact bytes.

For programs: :func:`hubpolicy.verify` and what it returns, loaded when first asked for, and the
errors in :mod:`hubpolicy.errors` (docs/api.md). All else may change.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["TrustPin", "Verification", "__version__", "verify"]

if TYPE_CHECKING:
    from hubpolicy.api import TrustPin, Verification, verify
else:

    def __getattr__(name: str) -> object:
        """Load the library when it is asked for: the git hook imports this package too."""
        if name in {"TrustPin", "Verification", "verify"}:
            from hubpolicy import api

            return getattr(api, name)
        message = f"module 'hubpolicy' has no attribute {name!r}"
        raise AttributeError(message)

    def __dir__() -> list[str]:
        """What is for programs."""
        return sorted(__all__)
