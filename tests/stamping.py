# SPDX-License-Identifier: Apache-2.0
"""A time authority (RFC 3161) on this machine: ``openssl ts`` with a certificate of our own."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import TimestampRequestBuilder

from hubpolicy.domain.certified import TimeAuthority
from tests import certificates as pki
from tests.oracles.tools import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PURPOSE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
_CONFIGURATION = """
[ tsa ]
default_tsa = here
[ here ]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@lru_cache
def stamp_root(name: str = "time root") -> pki.Issued:
    return pki.issue(name, ca=True)


class Stamper(NamedTuple):
    """A time authority whose files lie in a folder."""

    folder: Path
    root: pki.Issued
    leaf: pki.Issued

    @property
    def pinned(self) -> TimeAuthority:
        return TimeAuthority("acme time", self.root.pem)

    def reply(self, query: bytes) -> bytes:
        """The DER response to a DER request."""
        (self.folder / "query.tsq").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-queryfile", "query.tsq", "-config", "ts.cnf"]
        command += ["-out", "reply.tsr"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60)
        return (self.folder / "reply.tsr").read_bytes()

    def stamp(self, content: bytes, *, certificates: bool = True) -> bytes:
        """The DER response over some bytes, now."""
        request = TimestampRequestBuilder().data(content).cert_request(cert_request=certificates)
        return self.reply(request.build().as_bytes())


def stamper(folder: Path, *, root: str = "time root", critical: bool = True) -> Stamper:
    need(shutil.which("openssl") is not None, "openssl")
    folder.mkdir(parents=True, exist_ok=True)
    above = stamp_root(root)
    extra = ((_PURPOSE, critical),)
    leaf = pki.issue(f"{root} stamps", above, purposes=None, extra=extra)
    (folder / "ts.cnf").write_text(_CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.pem").write_text(leaf.pem)
    (folder / "root.pem").write_text(above.pem)
    (folder / "tsa.key").write_bytes(leaf.key_pem)
    return Stamper(folder, above, leaf)


@contextmanager
def serving(answer: Callable[[bytes], bytes], *, status: int = 200) -> Iterator[str]:
    """The address of a service that answers queries so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            query = self.rfile.read(int(self.headers["Content-Length"]))
            content = answer(query)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
