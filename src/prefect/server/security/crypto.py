"""Encryption of secrets at rest: AES-256-GCM with keys that are not in the database.

The key ring is a JSON file that only its owner can read: `{"keys": {id: key}}`. The database says
which key is in use and holds a canary encrypted with it, so that a server with another ring
refuses to start instead of failing at the first secret. A secret is bound to its tenant and name:
moved to another row, it cannot be decrypted.

    KeyRingRefused(DatabaseRefused)   the ring is missing, unreadable, or not this database's
    DecryptionError                   a secret cannot be read
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.server.database.migrate import DatabaseRefused
from prefect.server.database.store import Store, Transaction
from prefect.server.errors import UnavailableError

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = [
    "DecryptionError",
    "KeyRingRefused",
    "decrypt",
    "encrypt",
    "forget_keys",
    "key_file",
    "open_keys",
    "rotate",
]

_META = "encryption"
_CANARY = b"prefect"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class KeyRingRefused(DatabaseRefused):
    """The key ring is missing, unreadable, or not the one of this database."""


class DecryptionError(UnavailableError):
    """A secret cannot be read with the keys that this server has."""


class _Keys:
    """The keys this process knows, and the files they come from.

    Several databases may be open in one process: key ids are random, so their rings do not mix.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, bytes] = {}
        self._files: set[Path] = set()

    def add(self, file: Path, keys: Mapping[str, bytes]) -> None:
        with self._lock:
            self._files.add(file)
            self._keys.update(keys)

    def find(self, key_id: str) -> bytes | None:
        """A key; files are read again for one that another process may have made."""
        with self._lock:
            found = self._keys.get(key_id)
            files = list(self._files)
        if found is not None:
            return found
        for file in files:
            with contextlib.suppress(KeyRingRefused):
                self.add(file, _read(file))
        with self._lock:
            return self._keys.get(key_id)

    def forget(self, keep: Collection[str]) -> None:
        with self._lock:
            self._keys = {key_id: key for key_id, key in self._keys.items() if key_id in keep}


_known = _Keys()


def forget_keys(keep: Collection[str] = ()) -> None:
    """Take keys out of this process's memory; they are read from the ring when they are needed.

    Args:
        keep: ids of keys that stay.
    """
    _known.forget(keep)


def key_file(settings: ServerSettings) -> Path:
    """The file of the key ring."""
    return settings.encryption_key_file or settings.data_dir / "encryption-keys.json"


def open_keys(settings: ServerSettings, store: Store) -> None:
    """Make the key ring of a database known to this process; on a new database, make the ring.

    Raises:
        KeyRingRefused: the ring is missing, unreadable, or another database's.
    """
    file = key_file(settings)

    def prepare(tx: Transaction) -> None:
        if tx.dialect == "postgresql":
            tx.execute("SELECT pg_advisory_xact_lock(72334202)")  # processes that start together
        meta = tx.scalar("SELECT value FROM server_meta WHERE key = :key", {"key": _META})
        if meta is None:
            keys = _read(file) if file.exists() else _create(file)
            _known.add(file, keys)
            _write_meta(tx, list(keys)[-1])
            return
        if not file.exists():
            raise KeyRingRefused(
                f"The file {file} is missing: it has the keys that the secrets in this database are encrypted "
                "with. Put it back from a backup, or name it with --encryption-key-file."
            )
        keys = _read(file)
        _check_canary(file, keys, json.loads(meta))
        _known.add(file, keys)

    store.write_sync(prepare)


def encrypt(tx: Transaction, plain: bytes, tenant_id: str, name: str) -> tuple[str, bytes]:
    """A secret, encrypted with the key in use.

    Args:
        tx: the transaction.
        plain: the secret.
        tenant_id: whose it is.
        name: its name.

    Returns:
        The key's id, and nonce and ciphertext.

    Raises:
        DecryptionError: this server does not have the key in use.
    """
    meta = tx.scalar("SELECT value FROM server_meta WHERE key = :key", {"key": _META})
    if meta is None:
        raise DecryptionError("This server was started without a key ring, so it cannot keep secrets.")
    key_id = cast("str", json.loads(meta)["key"])
    return key_id, _seal(_key(key_id), plain, _context(tenant_id, name))


def decrypt(key_id: str, sealed: bytes, tenant_id: str, name: str) -> bytes:
    """The secret.

    Args:
        key_id: which key encrypted it.
        sealed: nonce and ciphertext.
        tenant_id: whose it is.
        name: its name.

    Raises:
        DecryptionError: the key is not here, or the secret was changed or moved.
    """
    from cryptography.exceptions import InvalidTag

    try:
        return _open(_key(key_id), sealed, _context(tenant_id, name))
    except InvalidTag as exc:
        raise DecryptionError(f"The secret {name!r} was damaged in the database; set it again.") from exc


def rotate(settings: ServerSettings, store: Store) -> int:
    """Encrypt all secrets with a new key; how many there are.

    Old keys stay in the ring: backups of the database need them. The new key is in the file before
    anything is encrypted with it, so whoever interrupts this loses nothing.

    Raises:
        KeyRingRefused: the ring cannot be read or written.
    """
    file = key_file(settings)
    open_keys(settings, store)
    key_id, key = _new_key()
    keys = {**_read(file), key_id: key}
    _write(file, keys)
    _known.add(file, keys)

    def encrypt_again(tx: Transaction) -> int:
        _write_meta(tx, key_id)
        rows = tx.rows("SELECT id, tenant_id, name, key_id, ciphertext FROM secret")
        for row in rows:
            plain = decrypt(row.key_id, bytes(row.ciphertext), row.tenant_id, row.name)
            tx.execute(
                "UPDATE secret SET key_id = :key_id, ciphertext = :sealed WHERE id = :id",
                {
                    "id": row.id,
                    "key_id": key_id,
                    "sealed": _seal(key, plain, _context(row.tenant_id, row.name)),
                },
            )
        return len(rows)

    return store.write_sync(encrypt_again)


# -- the file -------------------------------------------------------------------------


def _new_key() -> tuple[str, bytes]:
    return secrets.token_hex(4), secrets.token_bytes(_KEY_BYTES)


def _create(file: Path) -> dict[str, bytes]:
    keys = dict([_new_key()])
    _write(file, keys)
    return keys


def _write(file: Path, keys: Mapping[str, bytes]) -> None:
    """Replace the file at once: it has the old keys or the new ones, whatever happens."""
    text = json.dumps(
        {"keys": {key_id: base64.b64encode(key).decode() for key_id, key in keys.items()}}, indent=1
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except OSError as exc:
        raise KeyRingRefused(f"The key ring {file} cannot be written: {exc}.") from exc


def _read(file: Path) -> dict[str, bytes]:
    try:
        mode = file.stat().st_mode
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        keys = {
            str(key_id): base64.b64decode(text, validate=True) for key_id, text in content["keys"].items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as exc:
        raise KeyRingRefused(
            f"The key ring {file} cannot be read: {exc}. Put it back from a backup."
        ) from exc
    if not keys or any(len(key) != _KEY_BYTES for key in keys.values()):
        raise KeyRingRefused(f"The key ring {file} has no keys of 256 bits. Put it back from a backup.")
    if os.name == "posix" and mode & 0o077:
        raise KeyRingRefused(f"Others can read the key ring {file}. Take their rights away: chmod 600 {file}")
    return keys


# -- the cipher -----------------------------------------------------------------------


def _key(key_id: str) -> bytes:
    key = _known.find(key_id)
    if key is None:
        raise DecryptionError(
            f"The key {key_id} is not in this server's key ring. All servers of one database need the same file."
        )
    return key


def _context(tenant_id: str, name: str) -> bytes:
    return json.dumps([tenant_id, name]).encode()


def _seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def _open(key: bytes, sealed: bytes, context: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)


# -- the canary -----------------------------------------------------------------------


def _write_meta(tx: Transaction, key_id: str) -> None:
    canary = base64.b64encode(_seal(_key(key_id), _CANARY, b"canary")).decode()
    tx.execute(
        "INSERT INTO server_meta (key, value) VALUES (:key, :value) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": _META, "value": json.dumps({"key": key_id, "canary": canary})},
    )


def _check_canary(file: Path, keys: Mapping[str, bytes], meta: Mapping[str, str]) -> None:
    from cryptography.exceptions import InvalidTag

    key = keys.get(meta["key"])
    try:
        if key is not None and _open(key, base64.b64decode(meta["canary"]), b"canary") == _CANARY:
            return
    except InvalidTag:
        pass
    raise KeyRingRefused(
        f"The key ring {file} is not the one of this database: the secrets in it could not be read. "
        "Give the server the file it had before (--encryption-key-file)."
    )
