"""How the server was told to run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from prefect.server.limits import Limits

__all__ = ["ServerSettings"]

Durability = Literal["full", "normal"]


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server process.

    Attributes:
        data_dir: directory of the SQLite database, the encryption key and the log.
        connection_url: PostgreSQL URL; empty for SQLite in `data_dir`.
        host: address to listen on.
        port: port to listen on.
        root_path: path the server is seen under behind a proxy, such as `/prefect`.
        public_url: address that links point to; made from host and port when empty.
        durability: "full" survives power loss, "normal" only the end of the process.
        encryption_key_file: file of the key ring; in `data_dir` when None.
        requires_keys: whether every request needs an API key.
        allowed_hosts: host names to answer to without keys, besides localhost.
        runs_services: whether this process runs scheduler, reaper and the others.
        tls_cert: certificate file for TLS.
        tls_key: key file for TLS.
        reader_threads: threads that read from the database.
        zombie_after_s: seconds without a heartbeat after which a run is taken to be dead.
        submitted_grace_s: seconds that an agent of 1.x may take to start a run.
        max_resurrections: how often a dead flow run is started again.
        cancel_grace_s: seconds a run may take to stop before it is called cancelled.
        limits: what one request may cost.
        ui_port: port that sends links of 1.x clients on to `url`; none if None.
    """

    data_dir: Path
    connection_url: str = ""
    host: str = "127.0.0.1"
    port: int = 4200
    root_path: str = ""
    public_url: str = ""
    durability: Durability = "full"
    encryption_key_file: Path | None = None
    requires_keys: bool = False
    allowed_hosts: tuple[str, ...] = ()
    runs_services: bool = True
    tls_cert: Path | None = None
    tls_key: Path | None = None
    reader_threads: int = 4
    zombie_after_s: float = 120.0
    submitted_grace_s: float = 600.0
    max_resurrections: int = 3
    cancel_grace_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    ui_port: int | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return not self.connection_url

    @property
    def sqlite_path(self) -> Path:
        """The database file, for SQLite."""
        return self.data_dir / "prefect.db"

    @property
    def url(self) -> str:
        """The address that links point to, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_cert else "http"
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host  # noqa: S104
        return f"{scheme}://{host}:{self.port}{self.root_path}"

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON-compatible values, the password in the database URL masked."""
        values: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            values[name] = str(value) if isinstance(value, Path) else value
        values["limits"] = asdict(self.limits)
        values["connection_url"] = mask_password(self.connection_url)
        return values


def mask_password(url: str) -> str:
    """The URL with `***` for its password."""
    if not url:
        return url
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
