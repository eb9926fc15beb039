# SPDX-License-Identifier: Apache-2.0
"""``file:`` keys: a PKCS #8 PEM on disk, ECDSA P-256, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from hubpolicy.adapters.signers.pkcs8 import encrypt_pem
from hubpolicy.core.keys import keyid_of, make_pem
from hubpolicy.errors import AccessError, ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES_LIMIT = 64 * 1024
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


class FileSigner:
    """A P-256 private key held in memory."""

    __slots__ = ("_key", "_pem")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        point = key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self._pem = make_pem(point)

    @property
    def keyid(self) -> str:
        """Hex sha256 over the PEM SPKI text."""
        return keyid_of(self._pem)

    @property
    def public_pem(self) -> str:
        """PEM SubjectPublicKeyInfo, with final newline."""
        return self._pem

    def sign(self, message: bytes) -> bytes:
        """DER ECDSA over SHA-256."""
        return self._key.sign(message, ec.ECDSA(SHA256()))


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> FileSigner:
    """Read a private key file that nobody else can read.

    Raises:
        ConfigError: others can read it, it needs a passphrase and none is offered, or it is no
            P-256 key.
        AccessError: the file cannot be read, or the passphrase is wrong.

    """
    path = Path(rest.removeprefix("//"))
    pem = _read_private(path)
    secret = None
    if pem.startswith(_ENCRYPTED):
        if passphrase is None:
            message = f"the key in {path} is encrypted, and there is no passphrase"
            raise ConfigError(message, hint="run it at a terminal, where it can ask")
        secret = passphrase()
    return FileSigner(_load(pem, secret, path))


def look_at(path: str | Path) -> None:
    """Find what keeps the key from signing, as far as no passphrase is needed to see it.

    Raises:
        ConfigError, AccessError: as :func:`open_key`.

    """
    pem = _read_private(Path(path))
    if not pem.startswith(_ENCRYPTED):
        _load(pem, None, Path(path))


def create_key(path: str | Path, *, passphrase: bytes | None = None) -> FileSigner:
    """Make a P-256 key and write it with mode 0600, whole or not at all, over nothing.

    Raises:
        ConfigError: the path is taken, or the passphrase is empty.
        ServiceError: the disk refuses; nothing is left behind.

    """
    if passphrase is not None and not passphrase:
        message = "got an empty passphrase, expected one, or none at all"
        raise ConfigError(message)
    key = ec.generate_private_key(ec.SECP256R1())
    if passphrase is not None:
        pem = encrypt_pem(key, passphrase)
    else:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    _write_new(Path(path), pem)
    return FileSigner(key)


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            status = os.fstat(handle.fileno())
            pem = handle.read(_BYTES_LIMIT)
    except OSError as error:
        message = f"the key in {path} cannot be read: {error.strerror}"
        raise AccessError(message, hint="give your key: --key file:/path/to/key.pem") from error
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"got mode {mode:04o}, expected 0600, on the private key {path}"
        raise ConfigError(message, hint=f"chmod 600 {path}")
    return pem


def _load(pem: bytes, secret: bytes | None, path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if secret is not None:
            message = f"the passphrase does not open the key in {path}"
            raise AccessError(
                message, hint="try again, or restore the key from its backup"
            ) from error
        message = f"got no private key, expected PKCS #8 in PEM, in {path}"
        raise ConfigError(message, hint="hubpolicy init makes a key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        message = f"got another kind of key, expected ECDSA on P-256, in {path}"
        raise ConfigError(
            message, hint="openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
        )
    return key


def _write_new(path: Path, content: bytes) -> None:
    """Write beside, flush to disk, then link into place: linking never overwrites."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                os.fchmod(handle.fileno(), 0o600)
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            os.link(temporary, path)
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        message = f"there is already a file at {path}, and a private key is never overwritten"
        raise ConfigError(message, hint="choose another path, or move the old key away") from error
    except OSError as error:
        message = f"the key cannot be written to {path}: {error.strerror}"
        raise ServiceError(message) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
