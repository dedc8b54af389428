"""S3Result, GCSResult and AzureResult against a small server that speaks the three protocols.

The real client libraries are used, over real HTTP; each part is skipped where its library is not
installed. What needs no library is tested everywhere.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
import pickle
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cloudpickle
import pytest

import prefect
from prefect.engine.result.errors import MissingResultError, ResultReadError, ResultWriteError
from prefect.engine.results import AzureResult, GCSResult, S3Result
from prefect.engine.serializers import JSONSerializer


class Store(ThreadingHTTPServer):
    """Objects by path, and what the server was told to do."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.broken = False
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        self._answer(b"", send_body=True)

    def do_HEAD(self) -> None:
        self._answer(b"", send_body=False)

    def do_PUT(self) -> None:
        self._answer(self._body(), send_body=True)

    do_POST = do_PUT

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b"".join(self._chunks())
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            data = _without_aws_chunks(data)
        return data

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes, send_body: bool) -> None:
        store = self.server
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if store.broken:
            return self._send(403, b"", {"x-ms-error-code": "AuthorizationFailure"}, send_body)
        if path.startswith("/upload/storage/v1/b/"):  # Google: multipart upload
            meta, content = _parts(self.headers["Content-Type"], body)
            name = json.loads(meta)["name"]
            store.objects[f"{path.split('/')[5]}/{name}"] = content
            return self._send(200, json.dumps({"name": name}).encode(), {}, send_body)
        key = path.removeprefix("/download").removeprefix("/storage/v1/b/").replace("/o/", "/", 1).lstrip("/")
        if self.command == "PUT":
            store.objects[key] = body
            store.headers[key] = {name.lower(): value for name, value in self.headers.items()}
            return self._send(201 if "x-ms-version" in self.headers else 200, b"", {}, send_body)
        if key not in store.objects:
            error = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"
            return self._send(404, error, {"x-ms-error-code": "BlobNotFound"}, send_body)
        content = store.objects[key]
        if "/storage/v1/b/" in path and query.get("alt") != "media":
            return self._send(200, json.dumps({"name": key}).encode(), {}, send_body)
        extra = {"x-ms-blob-type": "BlockBlob", "ETag": '"1"'}
        if "x-ms-range" in self.headers:
            extra["Content-Range"] = f"bytes 0-{len(content) - 1}/{len(content)}"
            return self._send(206, content, extra, send_body)
        return self._send(200, content, extra, send_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], send_body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if send_body:
            self.wfile.write(body)


def _without_aws_chunks(data: bytes) -> bytes:
    content = b""
    while True:
        size, _, rest = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if not length:
            return content
        content += rest[:length]
        data = rest[length + 2 :]


def _parts(content_type: str, body: bytes) -> tuple[bytes, bytes]:
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
    )
    first, second = message.get_payload()  # type: ignore[misc]
    return first.get_payload(decode=True), second.get_payload(decode=True)  # type: ignore[union-attr, return-value]


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Case:
    """One cloud: how to make its result, and how its addresses look."""

    def __init__(self, result: Any, where: str) -> None:
        self.result = result
        self.where = where


@pytest.fixture(params=["s3", "gcs", "azure"])
def case(request: pytest.FixtureRequest, store: Store, monkeypatch: pytest.MonkeyPatch) -> Case:
    location = "dir/{x}.json"
    if request.param == "s3":
        pytest.importorskip("boto3")
        from botocore.config import Config

        keys = {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-west-1"}
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        options = {"endpoint_url": store.url, "config": config, **keys}
        return Case(S3Result("bucket", boto3_kwargs=options, location=location), "s3://bucket/")
    if request.param == "gcs":
        storage = pytest.importorskip("google.cloud.storage")
        from google.auth.credentials import AnonymousCredentials

        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        client = storage.Client(project="test", credentials=AnonymousCredentials())
        monkeypatch.setattr("prefect.utilities.gcp.get_storage_client", lambda: client)
        return Case(GCSResult("bucket", location=location), "gs://bucket/")
    pytest.importorskip("azure.storage.blob")
    key = base64.b64encode(b"key").decode()
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={key};BlobEndpoint={store.url}/account"
    )
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    return Case(AzureResult("bucket", location=location), "azure://bucket/")


class TestEachCloud:
    def test_a_written_value_can_be_read(self, case: Case, store: Store) -> None:
        written = case.result.write({"a": [1, "é"]}, x="name")
        assert (written.value, written.location) == ({"a": [1, "é"]}, "dir/name.json")
        assert (case.result.value, case.result.location) == (None, "dir/{x}.json")
        assert [pickle.loads(data) for data in store.objects.values()] == [{"a": [1, "é"]}]
        read = case.result.read("dir/name.json")
        assert (read.value, read.location) == ({"a": [1, "é"]}, "dir/name.json")

    def test_the_serializer_makes_the_bytes(self, case: Case, store: Store) -> None:
        case.result.serializer = JSONSerializer()
        case.result.write([1], x="name")
        assert list(store.objects.values()) == [b"[1]"]

    def test_exists_fills_in_the_template(self, case: Case) -> None:
        case.result.write(1, x="name")
        assert case.result.exists("dir/{x}.json", x="name") is True
        assert case.result.exists("dir/{x}.json", x="other") is False

    def test_a_value_is_overwritten(self, case: Case) -> None:
        case.result.write(1, x="name")
        case.result.write(2, x="name")
        assert case.result.read("dir/name.json").value == 2

    def test_a_missing_object_is_named(self, case: Case) -> None:
        with pytest.raises(MissingResultError) as caught:
            case.result.read("nope")
        assert str(caught.value).startswith(f"There is no result at {case.where}nope. ")
        assert caught.value.location == f"{case.where}nope"

    def test_a_damaged_object_is_named(self, case: Case, store: Store) -> None:
        case.result.write("a value", x="name")
        for key, data in store.objects.items():
            store.objects[key] = data[:-3]
        with pytest.raises(ResultReadError) as caught:
            case.result.read("dir/name.json")
        assert str(caught.value).startswith(
            f"The result at {case.where}dir/name.json cannot be read: it is damaged"
        )

    def test_a_refusal_names_the_address(self, case: Case, store: Store) -> None:
        store.broken = True
        with pytest.raises(ResultReadError, match=f"The result at {case.where}a cannot be read: "):
            case.result.read("a")
        with pytest.raises(
            ResultReadError, match=f"Cannot tell whether there is a result at {case.where}a: "
        ):
            case.result.exists("a")
        with pytest.raises(
            ResultWriteError, match=f"The result cannot be written to {case.where}dir/a.json: "
        ):
            case.result.write(1, x="a")

    @pytest.mark.parametrize("via", [pickle, cloudpickle])
    def test_pickling_leaves_the_client_behind(self, case: Case, via: Any) -> None:
        case.result.write(1, x="name")
        again = pickle.loads(via.dumps(case.result))
        assert (again.location, again.serializer) == (case.result.location, case.result.serializer)
        assert not [name for name in vars(again) if name in {"_client", "_gcs_bucket", "_service"}]
        assert again.read("dir/name.json").value == 1

    def test_without_a_location_each_write_has_a_name_of_its_own(self, case: Case, store: Store) -> None:
        case.result.location = None
        assert case.result.write(1).location != case.result.write(2).location
        assert len(store.objects) == 2
        assert all(key.endswith(".prefect_result") for key in store.objects)


def test_s3_upload_options_reach_the_service(store: Store) -> None:
    pytest.importorskip("boto3")
    result = S3Result(
        "bucket",
        boto3_kwargs={
            "endpoint_url": store.url,
            "aws_access_key_id": "id",
            "aws_secret_access_key": "key",
            "region_name": "eu-west-1",
        },
        upload_options={"ServerSideEncryption": "AES256"},
        location="a",
    )
    result.write(1)
    assert store.headers["bucket/a"]["x-amz-server-side-encryption"] == "AES256"


class TestWithoutTheirLibraries:
    @pytest.mark.parametrize(
        ("result", "module", "extra"),
        [
            (S3Result("b", location="a"), "boto3", "aws"),
            (GCSResult("b", location="a"), "google.cloud.storage", "gcp"),
            (AzureResult("b", connection_string="x", location="a"), "azure.storage.blob", "azure"),
        ],
    )
    @pytest.mark.parametrize("call", [lambda r: r.read("a"), lambda r: r.write(1), lambda r: r.exists("a")])
    def test_the_extra_to_install_is_named(
        self, result: Any, module: str, extra: str, call: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=rf'pip install "prefect-classic\[{extra}\]"'):
            call(result)

    def test_their_arguments_are_kept(self) -> None:
        s3 = S3Result("b", boto3_kwargs={"region_name": "r"}, upload_options={"ACL": "private"})
        assert (s3.bucket, s3.boto3_kwargs, s3.upload_options) == (
            "b",
            {"region_name": "r"},
            {"ACL": "private"},
        )
        assert S3Result("b").boto3_kwargs == S3Result("b").upload_options == {}
        assert GCSResult("b").bucket == "b"
        azure = AzureResult("c", connection_string="x", connection_string_secret="y")
        assert (azure.container, azure.connection_string, azure.connection_string_secret) == ("c", "x", "y")

    def test_equality_does_not_depend_on_clients(self) -> None:
        used, fresh = GCSResult("b"), GCSResult("b")
        used.gcs_bucket = object()
        assert used == fresh
        assert GCSResult("b") != GCSResult("c")

    def test_a_client_can_be_replaced(self) -> None:
        client: Any = object()
        gcs, azure = GCSResult("b"), AzureResult("c")
        gcs.gcs_bucket = azure.service = client
        assert gcs.gcs_bucket is client
        assert azure.service is client


class TestAzureConnection:
    @pytest.fixture
    def connections(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The connection strings that the library was asked to use."""
        seen: list[str] = []

        class BlobServiceClient:
            @staticmethod
            def from_connection_string(conn_str: str) -> Any:
                seen.append(conn_str)
                return object()

        module: Any = type(sys)("azure.storage.blob")
        module.BlobServiceClient = BlobServiceClient
        for name in ("azure", "azure.storage"):
            monkeypatch.setitem(sys.modules, name, type(sys)(name))
        monkeypatch.setitem(sys.modules, "azure.storage.blob", module)
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
        return seen

    def test_the_secret_comes_before_the_argument(self, connections: list[str]) -> None:
        with prefect.context(secrets={"AZURE": "from the secret"}):
            AzureResult("c", connection_string="x", connection_string_secret="AZURE").initialize_service()
        assert connections == ["from the secret"]

    def test_the_argument_comes_before_the_environment(
        self, connections: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "from the environment")
        assert AzureResult("c", connection_string="from the argument").service is not None
        assert AzureResult("c").service is not None
        assert connections == ["from the argument", "from the environment"]

    def test_without_any_it_says_what_to_set(self, connections: list[str]) -> None:
        with pytest.raises(ValueError, match="AzureResult has no connection string for the container 'c'"):
            AzureResult("c").initialize_service()
        assert connections == []

    def test_the_connection_is_made_once(self, connections: list[str]) -> None:
        result = AzureResult("c", connection_string="x")
        assert result.service is result.service
        assert connections == ["x"]
