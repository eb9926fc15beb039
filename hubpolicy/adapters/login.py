# SPDX-License-Identifier: Apache-2.0
"""Who we are on the hub: the official client's login, or a CI job's identity (Trusted Publishers).

With ``HF_OIDC_RESOURCE`` the client exchanges the job's OpenID Connect token for one of the hub's
that lasts an hour and knows one repository. It asks for it with every first call of
``get_token``, and raises what nobody expects of that function; here that becomes one error.
"""

from __future__ import annotations

import os
import time

from hubpolicy.errors import AccessError

_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_HINT = (
    "on the hub: settings of the repository, Trusted Publishers: issuer and claims must be exactly "
    "this job's; and the job needs `permissions: id-token: write` (docs/ci.md)"
)


def token_variable() -> str:
    """The variable that :func:`login_token` takes the token from, by the client's order, if any."""
    if os.environ.get("HF_OIDC_RESOURCE", ""):
        return ""
    return next((name for name in _VARIABLES if os.environ.get(name, "").strip()), "")


def login_token() -> str | None:
    """The token of this user or job; None for nobody.

    Raises:
        AccessError: the job has no identity, or the hub does not trust it for that repository.
        ServiceError: the hub, or the CI's own endpoint, does not answer.

    """
    from huggingface_hub import get_token

    resource = os.environ.get("HF_OIDC_RESOURCE", "")
    if not resource:
        return get_token()
    from huggingface_hub.errors import HfHubHTTPError, OIDCError

    from hubpolicy.adapters.hub_http import RETRIED, install_session, patiently, translated

    doing = f"exchanging this job's identity for a token of {resource}"
    install_session()
    with translated(doing):
        try:
            return patiently(get_token, time.sleep)
        except OIDCError as error:
            message = f"{doing}: {str(error)[:200]}"
            raise AccessError(message, hint=_HINT) from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in RETRIED or status >= 500:
                raise
            host = error.response.url.host
            message = f"{doing}: {host} does not trust this job for it (HTTP {status})"
            raise AccessError(message, hint=_HINT) from error
