"""Clients of AWS, Google and Kubernetes: what we ask their libraries for, which are not installed here."""

from __future__ import annotations

import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import prefect
from prefect.utilities import aws, gcp, kubernetes
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.filesystems import read_bytes_from_path


class Client:
    """A client that remembers how it was asked for."""

    def __init__(self, **asked: Any) -> None:
        self.asked = asked


def install(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> ModuleType:
    """A module that can be imported by `name`, and all packages above it."""
    *parents, _ = name.split(".")
    for depth in range(1, len(parents) + 1):
        parent = ".".join(parents[:depth])
        if not isinstance(sys.modules.get(parent), ModuleType):
            monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.mark.parametrize(
    ("module", "extra", "call"),
    [
        ("boto3", "aws", lambda: aws.get_boto_client("s3")),
        ("google.cloud.storage", "gcp", gcp.get_storage_client),
        ("google.cloud.bigquery", "gcp", gcp.get_bigquery_client),
        ("kubernetes.client", "kubernetes", lambda: kubernetes.get_kubernetes_client("job", None)),
    ],
)
def test_without_the_library_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str, call: Any
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ImportError, match=rf'{module} cannot be imported .*"prefect-classic\[{extra}\]"'):
        call()


class TestAws:
    @pytest.fixture(autouse=True)
    def boto3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def session(**arguments: Any) -> Any:
            return SimpleNamespace(
                client=lambda service, **more: Client(service=service, session=arguments, **more)
            )

        install(monkeypatch, "boto3.session", Session=session)
        boto3 = sys.modules["boto3"]
        boto3.client = lambda service, **arguments: Client(service=service, **arguments)  # type: ignore[attr-defined]
        boto3.session = sys.modules["boto3.session"]  # type: ignore[attr-defined]

    KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

    def keys(self, client: Any) -> list[Any]:
        return [client.asked[key] for key in self.KEYS]

    def test_without_credentials_boto3_finds_them_itself(self) -> None:
        client = aws.get_boto_client("s3")

        assert client.asked == {"service": "s3", "region_name": None, **dict.fromkeys(self.KEYS)}

    def test_credentials_come_from_the_call_or_the_secret(self) -> None:
        given = {"ACCESS_KEY": "a", "SECRET_ACCESS_KEY": "b", "SESSION_TOKEN": "c"}
        with prefect.context(secrets={"AWS_CREDENTIALS": {"ACCESS_KEY": "sa", "SECRET_ACCESS_KEY": "sb"}}):
            assert self.keys(aws.get_boto_client("s3")) == ["sa", "sb", None]
            assert self.keys(aws.get_boto_client("s3", credentials=given)) == ["a", "b", "c"]
            direct = aws.get_boto_client("s3", aws_access_key_id="k", aws_secret_access_key="s")
            assert self.keys(direct) == ["k", "s", None]

    def test_credentials_that_lack_a_part_are_refused(self) -> None:
        with pytest.raises(ValueError, match="lack 'SECRET_ACCESS_KEY'"):
            aws.get_boto_client("s3", credentials={"ACCESS_KEY": "x"})

    def test_a_profile_has_a_session_of_its_own(self) -> None:
        client = aws.get_boto_client("s3", profile_name="p", region_name="r", endpoint_url="e")

        assert client.asked["session"] == {"profile_name": "p", "region_name": "r"}
        assert client.asked["endpoint_url"] == "e"

    def test_equal_clients_in_use_are_shared(self) -> None:
        first = aws.get_boto_client("s3", region_name="r")

        assert aws.get_boto_client("s3", region_name="r") is first
        assert aws.get_boto_client("s3", region_name="q") is not first
        assert aws.get_boto_client("ecs", region_name="r") is not first
        assert aws.get_boto_client("s3", region_name="r", verify=False) is not first
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(aws.get_boto_client("s3", region_name="r")))
        thread.start()
        thread.join()
        assert found == [first]

    def test_a_file_in_a_bucket_can_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def get_object(Bucket: str, Key: str) -> dict[str, Any]:
            return {"Body": SimpleNamespace(read=lambda: f"{Bucket}:{Key}".encode())}

        sys.modules["boto3"].client = lambda *a, **k: type(
            "S3", (), {"get_object": staticmethod(get_object)}
        )()  # type: ignore[attr-defined]

        assert read_bytes_from_path("s3://bucket/a/b.txt") == b"bucket:a/b.txt"


class TestGoogle:
    @pytest.fixture(autouse=True)
    def google(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Credentials:
            @staticmethod
            def from_service_account_info(info: dict[str, str]) -> Any:
                return SimpleNamespace(info=info, project_id="project of the key")

        install(monkeypatch, "google.oauth2.service_account", Credentials=Credentials)
        install(monkeypatch, "google.cloud.storage", Client=Client)
        install(monkeypatch, "google.cloud.bigquery", Client=Client)

    @pytest.mark.parametrize("get", [gcp.get_storage_client, gcp.get_bigquery_client])
    def test_credentials_come_from_the_call_or_the_secret(self, get: Any) -> None:
        assert get().asked == {"project": None}
        assert get(project="p").asked == {"project": "p"}
        with prefect.context(secrets={"GCP_CREDENTIALS": {"s": 1}}):
            assert get().asked["credentials"].info == {"s": 1}
            assert get().asked["project"] == "project of the key"
            client = get(credentials={"a": 1}, project="p")
            assert (client.asked["credentials"].info, client.asked["project"]) == ({"a": 1}, "p")

    @pytest.mark.parametrize("scheme", ["gs", "gcs"])
    def test_a_file_in_a_bucket_can_be_read(self, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
        class Bucket:
            def __init__(self, name: str) -> None:
                self.name = name

            def get_blob(self, path: str) -> Any:
                blob = SimpleNamespace(download_as_bytes=lambda: f"{self.name}:{path}".encode())
                return None if "missing" in path else blob

        install(monkeypatch, "google.cloud.storage", Client=lambda project: SimpleNamespace(bucket=Bucket))

        assert read_bytes_from_path(f"{scheme}://bucket/a/b") == b"bucket:a/b"
        with pytest.raises(FileNotFoundError, match=f"no object {scheme}://bucket/missing"):
            read_bytes_from_path(f"{scheme}://bucket/missing")


class TestKubernetes:
    @pytest.fixture(autouse=True)
    def library(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        class ConfigException(Exception):
            pass

        library = SimpleNamespace(loaded=[], inside=False)

        class Configuration:
            def __init__(self) -> None:
                self.api_key: dict[str, str] = {}

        class Api:
            def __init__(self, api_client: Any = None) -> None:
                pool = SimpleNamespace(connection_pool_kw={})
                self.configuration = api_client
                self.api_client = SimpleNamespace(rest_client=SimpleNamespace(pool_manager=pool))

        def load_incluster_config() -> None:
            if not library.inside:
                raise ConfigException
            library.loaded.append("cluster")

        names = ("BatchV1Api", "CoreV1Api", "AppsV1Api")
        library.classes = {name: type(name, (Api,), {}) for name in names}
        install(
            monkeypatch,
            "kubernetes.client",
            Configuration=Configuration,
            ApiClient=lambda configuration: configuration,
            **library.classes,
        )
        install(
            monkeypatch,
            "kubernetes.config",
            ConfigException=ConfigException,
            load_incluster_config=load_incluster_config,
            load_kube_config=lambda: library.loaded.append("file"),
        )
        return library

    @pytest.mark.parametrize(
        ("resource", "name"),
        [
            ("job", "BatchV1Api"),
            ("pod", "CoreV1Api"),
            ("service", "CoreV1Api"),
            ("deployment", "AppsV1Api"),
            ("secret", "CoreV1Api"),
        ],
    )
    def test_each_resource_has_its_api(self, library: SimpleNamespace, resource: str, name: str) -> None:
        assert type(kubernetes.get_kubernetes_client(resource, None)) is library.classes[name]
        assert kubernetes.K8S_CLIENTS[resource] is library.classes[name]
        assert library.classes[name] in kubernetes.KubernetesClient.__args__

    def test_other_resources_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no Kubernetes client for 'node': use one of job, pod"):
            kubernetes.get_kubernetes_client("node")

    def test_the_key_in_the_secret_comes_first(self, library: SimpleNamespace) -> None:
        library.inside = True
        with prefect.context(secrets={"KUBERNETES_API_KEY": "token"}):
            client = kubernetes.get_kubernetes_client("job")

        assert client.configuration.api_key == {"authorization": "token"}
        assert library.loaded == []

    def test_a_secret_that_does_not_exist_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="MINE"):
            kubernetes.get_kubernetes_client("job", kubernetes_api_key_secret="MINE")

    def test_the_cluster_comes_before_the_file_of_the_user(self, library: SimpleNamespace) -> None:
        kubernetes.get_kubernetes_client("job", None)
        library.inside = True
        kubernetes.get_kubernetes_client("job", None)

        assert library.loaded == ["file", "cluster"]

    def test_idle_connections_are_kept_alive_if_the_settings_say_so(self) -> None:
        def options(client: Any) -> Any:
            return client.api_client.rest_client.pool_manager.connection_pool_kw.get("socket_options")

        assert options(kubernetes.get_kubernetes_client("job", None)) is None
        with set_temporary_config({"cloud.agent.kubernetes_keep_alive": True}):
            assert len(options(kubernetes.get_kubernetes_client("job", None))) >= 2

    def test_unknown_names_are_no_attributes(self) -> None:
        with pytest.raises(AttributeError, match="nothing"):
            _ = kubernetes.nothing
