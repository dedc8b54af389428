"""Servers that stand for cloud services: moto, Azurite and the emulator of Google's storage.

Each speaks the real protocol to the real client library. Where one is not installed, its tests are skipped
with one line that says how to get it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["azurite", "google_storage", "moto"]

#: The account that Azurite documents for everybody.
_AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """The address of a server of Amazon's services."""
    pytest.importorskip("boto3", reason="needs boto3 (make test-extras)")
    server_class = pytest.importorskip(
        "moto.server", reason="needs moto (make test-extras)"
    ).ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_class(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """The connection string of an Azurite that keeps its files in a folder."""
    pytest.importorskip("azure.storage.blob", reason="needs azure-storage-blob (make test-extras)")
    program = shutil.which(os.environ.get("AZURITE", "azurite-blob"))
    if program is None:
        pytest.skip("needs azurite-blob (npm install azurite; make test-extras does, where npm is)")
    port = _free_port()
    # The last three: it is newer or older than the library, holds no wish to phone home, and logs nothing.
    arguments = ("--blobPort", str(port), "--blobHost", "127.0.0.1", "--location", str(folder))
    options = ("--silent", "--skipApiVersionCheck", "--disableTelemetry")
    process = subprocess.Popen([program, *arguments, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_AZURITE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def google_storage() -> Iterator[str]:
    """The address of an emulator of Google Cloud Storage, for STORAGE_EMULATOR_HOST."""
    pytest.importorskip("google.cloud.storage", reason="needs google-cloud-storage (make test-extras)")
    emulator = pytest.importorskip(
        "gcp_storage_emulator.server", reason="needs gcp-storage-emulator (make test-extras)"
    )
    port = _free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server listens; it says so in no other way that lasts from version to version."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail(f"azurite-blob does not listen on port {port} (exit code {process.poll()}).")
