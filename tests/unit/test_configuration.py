from __future__ import annotations

import copy
import datetime
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import configuration
from prefect.configuration import Config, load_configuration
from prefect.exceptions import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PREFIX = "PREFECT_TEST"


class Loader:
    """Loads settings written into files of one folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch

    def __call__(
        self,
        text: str,
        user: str | None = None,
        backend: str | None = None,
        **variables: str,
    ) -> Config:
        for name, value in variables.items():
            self.monkeypatch.setenv(f"{PREFIX}__{name}", value)
        return load_configuration(
            self._file("default.toml", text),
            self._file("user.toml", user),
            self._file("backend.toml", backend),
            PREFIX,
        )

    def _file(self, name: str, text: str | None) -> Path | None:
        if text is None:
            return None
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    return Loader(tmp_path, monkeypatch)


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True
    )


class TestText:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("TRUE", True),
            ("False", False),
            ("1", 1),
            ("007", "007"),
            ("-3", -3),
            ("1.5", 1.5),
            ("1e3", 1000.0),
            ("0x10", 16),
            ("[1, 2]", [1, 2]),
            ("[]", []),
            ("('a',)", ("a",)),
            ("{'a': 1}", {"a": 1}),
            ("{'a': 1}  ", {"a": 1}),
            ("None", None),
            ("set()", set()),
            ("'q'", "q"),
            ('b"x"', b"x"),
            ("1, 2", (1, 2)),
            ("", ""),
            ("abc", "abc"),
            ("None of it", "None of it"),
            ("127.0.0.1", "127.0.0.1"),
            ("/a/b", "/a/b"),
            ("[%(asctime)s] %(message)s", "[%(asctime)s] %(message)s"),
            ("http://localhost", "http://localhost"),
            ("  true", "  true"),
        ],
    )
    def test_becomes_the_value_it_spells(self, text: str, value: Any) -> None:
        found = configuration.string_to_type(text)

        assert found == value
        assert type(found) is type(value)

    def test_each_empty_list_is_its_own(self) -> None:
        assert configuration.string_to_type("[]") is not configuration.string_to_type("[]")

    def test_expands_variables_and_home_repeatedly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        monkeypatch.setenv("INNER", "x")
        monkeypatch.setenv("OUTER", "${INNER}y")

        assert configuration.interpolate_env_vars("~/data") == "/home/me/data"
        assert configuration.interpolate_env_vars("$OUTER") == "xy"
        assert configuration.interpolate_env_vars("$MISSING") == "$MISSING"
        assert configuration.interpolate_env_vars("plain") == "plain"
        assert configuration.interpolate_env_vars(5) == 5

    def test_of_a_variable_that_names_itself_does_not_hang(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOOP", "${LOOP}a")

        assert configuration.interpolate_env_vars("$LOOP").startswith("${LOOP}")


class TestSources:
    def test_later_ones_win(self, load: Loader) -> None:
        loaded = load(
            "[a]\ndefault = 1\nuser = 1\nbackend = 1\nenv = 1",
            user="[a]\nuser = 2\nbackend = 2\nenv = 2",
            backend="[a]\nbackend = 3\nenv = 3",
            A__ENV="4",
        )

        assert loaded.a.to_dict() == {"default": 1, "user": 2, "backend": 3, "env": 4}

    def test_files_that_do_not_exist_are_left_out(self, load: Loader, tmp_path: Path) -> None:
        load("a = 1")

        assert load_configuration(tmp_path / "default.toml", tmp_path / "nothing.toml").a == 1

    def test_paths_may_hold_variables(
        self, load: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load("a = 1", user="a = 2")
        monkeypatch.setenv("FOLDER", str(tmp_path))

        assert load_configuration("$FOLDER/default.toml", "$FOLDER/user.toml").a == 2

    def test_variables_make_new_sections(self, load: Loader) -> None:
        assert load("a = 1", NEW__SECTION__KEY="true").new.section.key is True

    def test_names_of_variables_are_lowered_except_those_of_secrets(self, load: Loader) -> None:
        loaded = load("a = 1", CONTEXT__SECRETS__My_KEY="12", CONTEXT__Other="x", S__CamelCase="1")

        assert loaded.context.secrets.to_dict() == {"My_KEY": 12}
        assert loaded.context.other == "x"
        assert loaded.s.camelcase == 1

    def test_a_variable_for_a_section_comes_before_one_for_a_value_in_it(self, load: Loader) -> None:
        loaded = load("[b]\nc = 1\nd = 2", B="{'c': 3, 'e': 4}", B__C="7")

        assert loaded.b.to_dict() == {"c": 7, "e": 4}

    def test_a_variable_below_a_plain_value_is_refused(self, load: Loader) -> None:
        with pytest.raises(ConfigurationError) as error:
            load("[a]\nb = 1", A__B__C="5")

        assert str(error.value) == (
            f"The environment variable {PREFIX}__A__B__C sets a.b.c, but a.b is a value (1), not a section."
        )

    def test_variables_with_empty_parts_are_read_without_them(self, load: Loader) -> None:
        assert load("a = 1", A__="3").a == 3

    def test_toml_that_is_not_valid_names_file_and_place(self, load: Loader, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"user\.toml is not valid TOML: .*line 2"):
            load("a = 1", user="b = 1\nthis is no toml")

    def test_toml_may_use_everything_the_format_has(self, load: Loader) -> None:
        loaded = load("when = 2019-01-01T00:00:00\ntext = 'single'\n[[list]]\nz = 1\n[a]\nb = { c = 2 }")

        assert loaded.when == datetime.datetime(2019, 1, 1)
        assert loaded.list[0].z == 1
        assert loaded.a.b.c == 2


class TestReferences:
    def test_take_the_value_and_its_type(self, load: Loader) -> None:
        loaded = load('a = "1"\nb = "${a}"\nc = "x${a}y${a}"\n[s]\nd = "${s.e}"\ne = [1]')

        assert (loaded.b, loaded.c, loaded.s.d) == (1, "x1y1", [1])

    def test_lead_through_others_and_nest(self, load: Loader) -> None:
        loaded = load(
            'pick = "two"\nvalue = "${${pick}.name}"\nagain = "${value}!"\n[one]\nname = "I"\n[two]\nname = "II"'
        )

        assert (loaded.value, loaded.again) == ("II", "II!")

    def test_to_what_does_not_exist_are_empty(self, load: Loader) -> None:
        assert load('a = "${nothing}"\nb = "x${nothing.at.all}"\n[s]\nc = 1').a == ""

    def test_follow_what_the_user_set(self, load: Loader) -> None:
        assert load('host = "a"\nurl = "http://${host}"', HOST="b").url == "http://b"

    def test_to_themselves_are_refused(self, load: Loader) -> None:
        with pytest.raises(ConfigurationError, match="The setting a refers to itself") as error:
            load("", user='a = "${b}"\nb = "${a}"')

        assert "user.toml" in str(error.value)


class TestWrongValues:
    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            ("FLOWS__CHECKPOINTING", "treu", "flows.checkpointing must be true or false, not 'treu'"),
            (
                "CLOUD__HEARTBEAT_INTERVAL",
                "abc",
                "cloud.heartbeat_interval must be a number of seconds, not 'abc'",
            ),
            ("CLOUD__HEARTBEAT_MODE", "never", """must be "process", "thread" or "off", not 'never'"""),
            ("BACKEND", "foo", """backend must be "cloud" or "server", not 'foo'"""),
            (
                "LOGGING__LEVEL",
                "LOUD",
                "logging.level must be one of DEBUG, INFO, WARNING, ERROR and CRITICAL",
            ),
            ("LOGGING__EXTRA_LOGGERS", "a", "must be a list such as \"['a', 'b']\", not 'a'"),
            (
                "TASKS__DEFAULTS__MAX_RETRIES",
                "x",
                "tasks.defaults.max_retries must be a whole number, not 'x'",
            ),
            ("TASKS__DEFAULTS__RETRY_DELAY", "true", "must be a number of seconds, not True"),
            ("CLOUD__RATE_LIMITING__MAX_RETRIES", "1.5", "must be a whole number, not 1.5"),
            ("CLOUD__API", "[1]", "cloud.api must be text, not [1]"),
        ],
    )
    def test_name_the_setting_and_the_variable(
        self, load: Loader, variable: str, value: str, message: str
    ) -> None:
        with pytest.raises(ConfigurationError) as error:
            load("a = 1", **{variable: value})

        assert message in str(error.value)
        assert str(error.value).endswith(f"(set by the environment variable {PREFIX}__{variable}).")

    def test_name_the_file(self, load: Loader, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="set by the settings file") as error:
            load("[flows]\ncheckpointing = false", user="[flows]\ncheckpointing = 'perhaps'")

        assert str(tmp_path / "user.toml") in str(error.value)

    @pytest.mark.parametrize(
        ("variable", "text", "value"),
        [
            ("FLOWS__CHECKPOINTING", "1", 1),
            ("FLOWS__CHECKPOINTING", "yes", True),
            ("FLOWS__CHECKPOINTING", "OFF", False),
            ("FLOWS__CHECKPOINTING", "", False),
            ("LOGGING__LEVEL", "debug", "DEBUG"),
            ("LOGGING__LEVEL", "10", 10),
            ("TASKS__DEFAULTS__TIMEOUT", "2.5", 2.5),
            ("TASKS__DEFAULTS__MAX_RETRIES", "false", False),
            ("CLOUD__API_KEY", "123", 123),
            ("CLOUD__API_KEY", "None", None),
            ("MINE__ANYTHING", "goes", "goes"),
        ],
    )
    def test_obvious_values_are_accepted(self, load: Loader, variable: str, text: str, value: Any) -> None:
        found: Any = load("a = 1", **{variable: text})
        for key in variable.lower().split("__"):
            found = found[key]

        assert found == value
        assert type(found) is type(value)

    def test_a_removed_setting_is_ignored_with_a_warning(self, load: Loader) -> None:
        with pytest.warns(UserWarning, match="logging.log_to_cloud .* use `cloud.send_flow_run_logs`"):
            load("a = 1", LOGGING__LOG_TO_CLOUD="true")

    @pytest.mark.parametrize("key", ["items", "keys", "to_dict", "copy"])
    def test_keys_that_are_methods_are_refused(self, load: Loader, key: str) -> None:
        with pytest.raises(ConfigurationError, match=f'Invalid config key: "{key}"'):
            load(f"[a]\n{key} = 1")

    def test_end_a_program_with_one_sentence(self) -> None:
        result = run_python("from prefect import Flow", PREFECT__FLOWS__CHECKPOINTING="treu")

        assert result.returncode == 1
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith(
            "prefect.exceptions.ConfigurationError: The setting flows.checkpointing must be"
        )
        assert "configuration.py" not in result.stderr

    def test_can_be_reported_by_a_program_that_imports_prefect(self) -> None:
        code = """
import prefect
from prefect.exceptions import ConfigurationError
try:
    prefect.config
except ConfigurationError as error:
    print(error)
"""
        result = run_python(code, PREFECT__BACKEND="nobody")

        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("The setting backend must be")


class TestPackagedFile:
    def test_is_what_a_full_parser_reads(self) -> None:
        text = Path(configuration.DEFAULT_CONFIG).read_text(encoding="utf-8")

        assert configuration.load_toml(configuration.DEFAULT_CONFIG) == tomllib.loads(text)

    def test_needs_no_full_parser_to_import_prefect(self) -> None:
        result = run_python("import sys, prefect; print(*{'tomllib', 'tomli', 'ast'} & set(sys.modules))")

        assert result.stdout.strip() == ""

    def test_declares_exactly_the_settings_of_the_table(self) -> None:
        from prefect._settings import SETTINGS
        from prefect.utilities.collections import dict_to_flatdict

        packaged = dict_to_flatdict(configuration.load_toml(configuration.DEFAULT_CONFIG))

        assert {".".join(path) for path in packaged} == set(SETTINGS)

    def test_has_defaults_that_the_table_accepts(self) -> None:
        from prefect._settings import SETTINGS, checked

        defaults = load_configuration(configuration.DEFAULT_CONFIG)
        for key in SETTINGS:
            value: Any = defaults
            for part in key.split("."):
                value = value[part]
            assert checked(key, value) == value

    def test_has_a_sentence_for_each_setting(self) -> None:
        from prefect._settings import SETTINGS

        assert [key for key, setting in SETTINGS.items() if not setting.help.endswith(".")] == []

    def test_points_at_the_backend_in_use(self) -> None:
        result = run_python(
            "import prefect; print(prefect.config.cloud.api, prefect.config.cloud.graphql)",
            PREFECT__BACKEND="server",
            PREFECT__SERVER__PORT="80",
        )

        assert result.stdout.split() == ["http://localhost:80", "http://localhost:80/graphql"]

    def test_gives_ports_as_numbers(self) -> None:
        assert prefect.config.server.port == 4200

    def test_has_no_database_address_by_default(self) -> None:
        assert prefect.config.server.database.connection_url == ""


class TestTaskDefaults:
    def process(self, **defaults: Any) -> dict[str, Any]:
        processed = configuration.process_task_defaults(Config(tasks={"defaults": defaults}))
        return processed.tasks.defaults.to_dict()

    def test_false_means_none(self) -> None:
        assert self.process(max_retries=False, retry_delay=False, timeout=False) == {
            "max_retries": 0,
            "retry_delay": None,
            "timeout": None,
        }

    def test_delays_are_seconds(self) -> None:
        processed = self.process(max_retries=2, retry_delay=4.5, timeout=7)

        assert processed == {
            "max_retries": 2,
            "retry_delay": datetime.timedelta(seconds=4.5),
            "timeout": 7,
        }

    def test_delays_of_zero_and_timedeltas_stay(self) -> None:
        day = datetime.timedelta(days=1)

        assert self.process(retry_delay=0)["retry_delay"] == datetime.timedelta(0)
        assert self.process(retry_delay=day)["retry_delay"] == day

    def test_sections_that_are_missing_are_made(self) -> None:
        assert configuration.process_task_defaults(Config()).tasks.defaults.max_retries == 0


class TestConfig:
    def test_keys_are_attributes_at_every_level(self) -> None:
        config = Config({"a": {"b": [{"c": 1}]}})

        assert config.a.b[0].c == 1
        config.a.new = {"x": {"y": 2}}
        assert config.a.new.x.y == 2
        assert type(config.a.new.x) is Config
        config.update(z={"q": 1})
        assert config.z.q == 1
        config |= {"y": {"q": 2}}
        assert type(config) is Config
        assert config.y.q == 2
        assert config.setdefault("z") == {"q": 1}
        del config.z
        assert "z" not in config

    @pytest.mark.parametrize("error", [KeyError, AttributeError])
    def test_a_missing_key_is_both_kinds_of_error(self, error: type[Exception]) -> None:
        config = Config(a=1, b=2)

        with pytest.raises(error, match="no key 'nothing'; its keys are a, b"):
            _ = config.nothing
        with pytest.raises(error):
            _ = config["nothing"]
        with pytest.raises(error):
            del config["nothing"]
        assert config.get("nothing") is None

    def test_attributes_cannot_hide_methods(self) -> None:
        config = Config()

        with pytest.raises(AttributeError, match="name of a method"):
            config.items = 3
        config["items"] = 3
        assert list(config.items()) == [("items", 3)]

    @pytest.mark.parametrize(
        "duplicate", [Config.copy, copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
    )
    def test_copies_are_equal_and_apart(self, duplicate: Any) -> None:
        config = Config(a={"b": 1})

        twin = duplicate(config)

        assert twin == config
        assert type(twin.a) is Config
        twin.a.b = 2
        assert config.a.b == 1

    def test_shows_itself_as_a_dictionary(self) -> None:
        config = Config(a={"b": [1]})

        assert repr(config) == "Config({'a': {'b': [1]}})"
        assert str(config) == "{'a': {'b': [1]}}"
        assert json.loads(json.dumps(config)) == {"a": {"b": [1]}}
        assert type(config.to_dict()["a"]) is dict

    def test_offers_its_keys_to_completion(self) -> None:
        assert "logging" in dir(prefect.config)


class TestEnvironmentVariables:
    def test_give_the_same_settings_to_another_process(self) -> None:
        settings = configuration.to_environment_variables(prefect.config)
        # The home of this process is expanded already; everything else is as it was read.
        code = "import prefect, sys; sys.stdout.write(repr(prefect.config))"

        result = run_python(code, **settings)

        assert result.returncode == 0, result.stderr
        assert result.stdout == repr(load_like_a_child(settings))

    def test_can_be_limited_to_some_names(self) -> None:
        config = Config(a={"b": True, "c": 1}, x=[])

        assert configuration.to_environment_variables(config, include={"a.b", "x", "no.such"}) == {
            "PREFECT__A__B": "True",
            "PREFECT__X": "[]",
        }
        assert configuration.to_environment_variables(config, include=["a.c"], prefix="P") == {"P__A__C": "1"}

    def test_keep_the_case_of_secrets(self) -> None:
        config = Config(context={"secrets": {"My_Key": "v"}})

        assert configuration.to_environment_variables(config) == {"PREFECT__CONTEXT__SECRETS__My_Key": "v"}

    def test_give_delays_as_seconds(self) -> None:
        config = Config(tasks={"defaults": {"retry_delay": datetime.timedelta(seconds=4)}})

        assert configuration.to_environment_variables(config) == {
            "PREFECT__TASKS__DEFAULTS__RETRY_DELAY": "4.0"
        }


def load_like_a_child(settings: dict[str, str]) -> Config:
    """The settings of this process, which it and its child should share."""
    expected = prefect.config.copy()
    for name in os.environ:
        if name.startswith("PREFECT__") and name not in settings:
            *sections, key = name.lower().split("__")[1:]
            level: Any = expected
            for section in sections:
                level = level[section]
            level[key] = os.environ[name]
    return expected


class TestUserFile:
    def test_is_a_copy_of_the_packaged_one(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "config.toml"

        configuration.create_user_config(path)

        assert path.read_text(encoding="utf-8") == Path(configuration.DEFAULT_CONFIG).read_text(
            encoding="utf-8"
        )

    def test_is_never_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").write_text("mine = 1")

        with pytest.raises(ValueError, match="File already exists"):
            configuration.create_user_config(tmp_path / "config.toml")
        assert (tmp_path / "config.toml").read_text() == "mine = 1"

    def test_is_read_when_prefect_is_imported(self, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").write_text("[mine]\nword = 'hello'\n[logging]\nlevel = 'warning'")

        result = run_python(
            "import prefect; print(prefect.config.mine.word, prefect.config.logging.level)",
            PREFECT__USER_CONFIG_PATH=str(tmp_path / "mine.toml"),
        )

        assert result.stdout.split() == ["hello", "WARNING"]


def test_default_settings_know_the_environment_but_not_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__MINE__WORD", "hello")

    defaults = configuration.load_default_config()

    assert defaults.mine.word == "hello"
    assert defaults.tasks.defaults.max_retries == 0


def test_interpolating_a_dictionary_gives_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_TEST__B", "3")

    assert configuration.interpolate_config({"a": "${b}", "b": "2"}) == {"a": 2, "b": 2}
    assert configuration.interpolate_config({"a": "${b}", "b": "2"}, "PREFECT_TEST") == {"a": 3, "b": 3}
