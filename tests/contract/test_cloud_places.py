"""Storages and results in clouds: the same suite for each, with its real client library.

The servers are moto (S3), Azurite (Azure Blob Storage) and an emulator of Google Cloud Storage.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloud_servers import azurite, google_storage, moto

import prefect
from prefect import Flow, task
from prefect.engine.result import Result
from prefect.engine.result.errors import MissingResultError, ResultReadError, ResultWriteError
from prefect.engine.results import AzureResult, GCSResult, S3Result
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import GCS, S3, Azure, Storage

AWS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}


@dataclass
class Place:
    """A bucket or container, and how to use it."""

    storage: Callable[..., Storage]
    result: Callable[..., Result]
    absent_result: Result
    objects: Callable[[], dict[str, bytes]]
    put: Callable[[str, bytes], None]
    #: What the constructor of the storage calls a key.
    key: str = "key"


@pytest.fixture(scope="module")
def s3() -> Iterator[Place]:
    with moto() as url:
        import boto3

        options = {**AWS, "endpoint_url": url}
        client: Any = boto3.client("s3", **options)
        bucket = f"b-{uuid.uuid4().hex}"
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

        def objects() -> dict[str, bytes]:
            listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
            return {
                one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed
            }

        yield Place(
            lambda **more: S3(bucket, client_options=options, **more),
            lambda **more: S3Result(bucket, boto3_kwargs=options, **more),
            S3Result("no-such-bucket", boto3_kwargs=options),
            objects,
            lambda name, data: client.put_object(Bucket=bucket, Key=name, Body=data) and None,
        )
        client.close()


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        azurite(tmp_path_factory.mktemp("azurite")) as connection_string,
        pytest.MonkeyPatch.context() as patch,
    ):
        from azure.storage.blob import BlobServiceClient

        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string)
        with BlobServiceClient.from_connection_string(connection_string) as service:
            container = service.create_container(f"c-{uuid.uuid4().hex}")
            name = container.container_name
            yield Place(
                lambda **more: Azure(name, **more),
                lambda **more: AzureResult(name, **more),
                AzureResult("no-such-container"),
                lambda: {
                    blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()
                },
                lambda key, data: container.upload_blob(key, data, overwrite=True) and None,
                key="blob_name",
            )


@pytest.fixture(scope="module")
def gcs() -> Iterator[Place]:
    with google_storage() as url, pytest.MonkeyPatch.context() as patch:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage as library

        patch.setenv("STORAGE_EMULATOR_HOST", url)
        patch.setenv("GOOGLE_CLOUD_PROJECT", "p")
        client = library.Client(project="p", credentials=AnonymousCredentials())
        bucket = client.create_bucket(f"b-{uuid.uuid4().hex}")
        yield Place(
            lambda **more: GCS(bucket.name, project="p", **more),
            lambda **more: GCSResult(bucket.name, **more),
            GCSResult("no-such-bucket"),
            lambda: {blob.name: blob.download_as_bytes() for blob in client.list_blobs(bucket.name)},
            lambda name, data: bucket.blob(name).upload_from_string(data),
        )
        client.close()


@pytest.fixture(params=["s3", "azure", "gcs"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.getfixturevalue(request.param)


@task
def answer() -> int:
    return 42


def flow_named(name: str) -> Flow:
    with Flow(name) as flow:
        answer()
    return flow


def again(storage: Storage) -> Storage:
    """A storage as an agent has it: from its JSON."""
    return StorageSchema().load(storage.serialize())


# -- storages ------------------------------------------------------------------------------------------


def test_pickled_flows_go_there_and_come_back(place: Place) -> None:
    storage = place.storage()
    names = [f"flow {number} {uuid.uuid4()}" for number in range(2)]
    for name in names:
        storage.add_flow(flow_named(name))

    built = storage.build()

    assert set(built.flows.values()) <= set(place.objects())
    for name in names:
        loaded = again(built).get_flow(name)
        assert loaded.name == name
        assert loaded.run().result[loaded.get_tasks("answer")[0]].result == 42


def test_a_script_goes_there_and_comes_back(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text("# é\nfrom prefect import Flow\nf = Flow('f')\n", encoding="utf-8")
    more = {"local_script_path": str(script)} if place.key == "key" else {}
    storage = place.storage(stored_as_script=True, **{place.key: f"{uuid.uuid4()}.py"}, **more)
    key = storage.add_flow(Flow("f"))
    if not more:
        place.put(key, script.read_bytes())

    built = storage.build()

    assert place.objects()[key] == script.read_bytes()
    assert again(built).get_flow("f").name == "f"


def test_a_script_without_a_key_is_refused(place: Place) -> None:
    storage = place.storage(stored_as_script=True)
    storage.add_flow(Flow("f"))

    with pytest.raises(ValueError, match=f"A `{place.key}` must be provided"):
        storage.build()


def test_a_flow_that_is_gone_is_named_with_its_address(place: Place) -> None:
    key = str(uuid.uuid4())
    storage = place.storage(**{place.key: key})
    storage.add_flow(Flow("f"))

    with pytest.raises(FlowStorageError, match=f"Cannot download [a-z0-9]+://.*/{key}: "):
        storage.get_flow("f")


def test_results_of_the_flow_go_to_the_same_place(place: Place) -> None:
    result = place.storage().result
    assert result is not None

    written = result.write({"a": 1}, location="x")

    assert result.read(written.location).value == {"a": 1}  # type: ignore[arg-type]


# -- results -------------------------------------------------------------------------------------------


def test_a_result_is_written_where_its_template_says(place: Place) -> None:
    result = place.result(location="{flow_name}/{x}-{map_index}.pickle")

    written = result.write([1, 2], flow_name="etl", x=uuid.uuid4().hex, map_index=3)

    assert written.location in place.objects()
    assert result.exists(written.location)  # type: ignore[arg-type]
    assert result.read(written.location).value == [1, 2]  # type: ignore[arg-type]
    assert result.location == "{flow_name}/{x}-{map_index}.pickle"


def test_a_pickled_result_reads_elsewhere(place: Place) -> None:
    written = place.result().write("value")

    assert pickle.loads(pickle.dumps(place.result())).read(written.location).value == "value"


def test_there_is_nothing_where_nothing_was_written(place: Place) -> None:
    result = place.result()

    assert not result.exists("nowhere/{x}", x=1)
    with pytest.raises(MissingResultError, match=r"There is no result at [a-z0-9]+://.*/nowhere"):
        result.read("nowhere")


@pytest.mark.parametrize("data", [b"", b"\x80\x05\x95\x10", b"no pickle"])
def test_a_damaged_result_is_named_with_its_address(place: Place, data: bytes) -> None:
    place.put("damaged", data)

    with pytest.raises(
        ResultReadError, match=r"The result at [a-z0-9]+://.*/damaged cannot be read"
    ) as caught:
        place.result().read("damaged")
    assert str(caught.value.location).endswith("/damaged")


def test_what_the_place_refuses_names_the_address(place: Place) -> None:
    with pytest.raises(ResultWriteError, match=r"cannot be written to [a-z0-9]+://no-such-"):
        place.absent_result.write(1)


def test_a_target_is_computed_once(place: Place) -> None:
    calls: list[int] = []
    name = uuid.uuid4().hex

    @task(result=place.result(), target="{flow_name}/{task_name}.pickle")
    def once() -> int:
        calls.append(1)
        return len(calls)

    with Flow(name) as flow:
        once()
    with prefect.context(checkpointing=True):
        first, second = flow.run(), flow.run()

    states = [state.result[flow.get_tasks("once")[0]] for state in (first, second)]
    assert [state.result for state in states] == [1, 1]
    assert type(states[1]).__name__ == "Cached"
    assert f"{name}/once.pickle" in place.objects()
