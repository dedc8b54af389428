"""Settings: where they come from, how values are read, and the object that holds them.

Sources, later ones win: the packaged `config.toml`, the user's file (`~/.prefect/config.toml`, or
what `PREFECT__USER_CONFIG_PATH` names), the backend file that `prefect backend` writes, and
environment variables named `PREFECT__SECTION__KEY`. They are read once, when Prefect is imported.

Text becomes the value it spells (`"true"`, `"4200"`, `"['a']"`), `$NAME` and `~` are expanded, and
`${section.key}` stands for the value of another setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import ConfigurationError
from prefect.utilities._attrdict import AttrDict
from prefect.utilities._plain_toml import read_plain_toml
from prefect.utilities.collections import CompoundKey, dict_to_flatdict, flatdict_to_dict

if TYPE_CHECKING:
    from os import PathLike

    Path = str | PathLike[str]

__all__ = [
    "BACKEND_CONFIG",
    "DEFAULT_CONFIG",
    "ENV_VAR_PREFIX",
    "INTERPOLATION_REGEX",
    "USER_CONFIG",
    "Config",
    "config",
    "create_user_config",
    "interpolate_config",
    "interpolate_env_vars",
    "load_configuration",
    "load_default_config",
    "load_toml",
    "process_task_defaults",
    "string_to_type",
    "to_environment_variables",
    "validate_config",
]

DEFAULT_CONFIG = os.path.join(os.path.dirname(__file__), "config.toml")  # noqa: PTH118, PTH120 - pathlib costs 2 ms
ENV_VAR_PREFIX = "PREFECT"
USER_CONFIG = os.getenv(f"{ENV_VAR_PREFIX}__USER_CONFIG_PATH", "~/.prefect/config.toml")
BACKEND_CONFIG = os.getenv(
    f"{ENV_VAR_PREFIX}__BACKEND_CONFIG_PATH",
    # `prefect backend` writes it into the home folder, wherever that is.
    f"{os.getenv(f'{ENV_VAR_PREFIX}__HOME_DIR', '~/.prefect')}/backend.toml",
)
INTERPOLATION_REGEX = re.compile(r"\${(.[^${}]*)}")

_MAX_DEPTH = 10
"""How many times a reference may lead to another reference."""


class Config(AttrDict):
    """Settings, reachable as attributes and as items.

    Example:
        ```python
        import prefect

        assert prefect.config.logging.level == prefect.config["logging"]["level"]
        ```

    A section is a `Config` too. A key that does not exist raises an error that is both a `KeyError`
    and an `AttributeError`.
    """


# ------------------------------------------------------------------ reading values


def string_to_type(val: str) -> Any:
    """The value that a text spells: a boolean in any case, a Python literal, or the text itself.

    Args:
        val: text from a file or from the environment
    """
    lowered = val.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    if not val or not _may_be_literal(val):
        return val
    if val == "[]":
        return []
    if val.isascii() and val.isdigit() and (val[0] != "0" or val == "0"):
        return int(val)
    import ast

    try:
        return ast.literal_eval(val)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return val


def _may_be_literal(text: str) -> bool:
    """False when no Python literal can look like `text`: spares most settings the import of a parser."""
    first = text[0]
    if first in "bBrRuUNs":  # b"…", None, set()
        return "'" in text or '"' in text or text.strip() in ("None", "set()")
    if first in "[({":
        return text.rstrip(" \t")[-1] in "])}" or "#" in text  # else a log format
    if first.isdigit():
        return text.count(".") < 2 or not text.replace(".", "").isdigit()  # else an IP address
    return first in "'\"+-. \t"


def interpolate_env_vars(env_var: Any) -> Any:
    """A text with `~` and environment variables expanded, repeatedly; other values unchanged.

    Args:
        env_var: the value of a setting
    """
    if not isinstance(env_var, str) or not _may_expand(env_var):
        return env_var
    value = env_var
    for _ in range(_MAX_DEPTH):
        expanded = os.path.expanduser(os.path.expandvars(value))  # noqa: PTH111
        if expanded == value:
            break
        value = expanded
    return value


def _may_expand(text: str) -> bool:
    return "$" in text or text[:1] == "~" or (os.name == "nt" and "%" in text)


def load_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Args:
        path: the file; `~` and environment variables are expanded

    Raises:
        FileNotFoundError: there is no such file
        ConfigurationError: it is not valid TOML; names the file and the place
    """
    file = str(interpolate_env_vars(str(path)))
    with open(file, encoding="utf-8") as stream:  # noqa: PTH123
        text = stream.read()
    plain = read_plain_toml(text)
    if plain is not None:
        return plain
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"The settings file {file} is not valid TOML: {exc}.") from None


# ------------------------------------------------------------------ putting sources together


class _Settings:
    """Settings by path, and for those that a user set, where."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: dict[CompoundKey, Any] = dict_to_flatdict(values)
        self.origins: dict[CompoundKey, str] = {}

    def overlay(self, path: CompoundKey, value: Any, origin: str) -> None:
        """Set one value, replacing a whole section if need be."""
        for length in range(1, len(path)):
            above = CompoundKey(path[:length])
            if above not in self.values:
                continue
            section = self.values.pop(above)
            if not isinstance(section, Mapping):
                raise ConfigurationError(
                    f"{origin[:1].upper()}{origin[1:]} sets {_dotted(path)}, but {_dotted(above)} is a value "
                    f"({section!r}), not a section."
                )
            self.values.update(dict_to_flatdict(cast("Mapping[str, Any]", section), above))
        for below in [key for key in self.values if len(key) > len(path) and key[: len(path)] == path]:
            del self.values[below]
        self.values[path] = value
        self.origins[path] = origin

    def add_file(self, path: Path) -> None:
        """Overlay what a file sets; a file that does not exist sets nothing."""
        file = str(interpolate_env_vars(str(path)))
        if os.path.isfile(file):  # noqa: PTH113
            for key, value in dict_to_flatdict(load_toml(file)).items():
                self.overlay(key, value, f"the settings file {file}")

    def add_environment(self, prefix: str) -> None:
        """Overlay what environment variables set, a section before the values in it."""
        start = f"{prefix}__"
        found = [name for name in os.environ if name.startswith(start) and len(name) > len(start)]
        for name in sorted(found, key=lambda name: (name.count("__"), name)):
            parts = [part for part in name[len(start) :].split("__") if part]
            if not parts:
                continue
            keep_case = [part.lower() for part in parts[:2]] == ["context", "secrets"]
            steps = (
                [*(part.lower() for part in parts[:2]), *parts[2:]] if keep_case else map(str.lower, parts)
            )
            value = interpolate_env_vars(os.environ[name])
            value = string_to_type(value) if isinstance(value, str) else value
            self.overlay(CompoundKey(steps), value, f"the environment variable {name}")

    def settle(self) -> Config:
        """The final settings: values typed, references resolved, values of users checked."""
        values = self.values
        for path, value in values.items():
            if isinstance(value, str):
                expanded = interpolate_env_vars(value)
                values[path] = string_to_type(expanded) if isinstance(expanded, str) else expanded
        self._resolve_references()
        if self.origins:
            self._check_values_of_users()
        return flatdict_to_dict(values, dct_class=Config)

    def _resolve_references(self) -> None:
        values = self.values
        open_paths = [path for path, value in values.items() if isinstance(value, str) and "${" in value]
        for _ in range(_MAX_DEPTH):
            if not open_paths:
                return
            for path in open_paths:
                values[path] = self._substituted(values[path])
            open_paths = [path for path in open_paths if self._has_reference(values[path])]
        for path in open_paths:
            raise ConfigurationError(
                f"The setting {_dotted(path)} refers to itself: {values[path]!r}{self._origin(path)}."
            )

    def _substituted(self, text: str) -> Any:
        for match in INTERPOLATION_REGEX.finditer(text):
            value = self.values.get(CompoundKey(match.group(1).split(".")), "")
            if match.group(0) == text:
                return value  # the whole value is a reference: keep the type
            text = text.replace(match.group(0), str(value), 1)
        return text

    @staticmethod
    def _has_reference(value: Any) -> bool:
        return isinstance(value, str) and INTERPOLATION_REGEX.search(value) is not None

    def _check_values_of_users(self) -> None:
        from prefect._settings import checked, warn_if_removed

        for path, origin in self.origins.items():
            key = _dotted(path)
            if path not in self.values:
                continue  # a later source replaced the whole section
            warn_if_removed(key, origin)
            try:
                self.values[path] = checked(key, self.values[path])
            except ValueError as exc:
                raise ConfigurationError(f"The setting {key} {exc} (set by {origin}).") from None

    def _origin(self, path: CompoundKey) -> str:
        origin = self.origins.get(path)
        return f" (set by {origin})" if origin else ""


def _dotted(path: Iterable[Any]) -> str:
    return ".".join(map(str, path))


def load_configuration(
    path: Path,
    user_config_path: Path | None = None,
    backend_config_path: Path | None = None,
    env_var_prefix: str | None = None,
) -> Config:
    """The settings of a TOML file, overridden by those of other sources, ready to use.

    Args:
        path: the file with the defaults
        user_config_path: a file that overrides them, if it exists
        backend_config_path: a file that overrides both, if it exists
        env_var_prefix: environment variables `<prefix>__SECTION__KEY` override all files

    Raises:
        ConfigurationError: a file or a value cannot be used; names the setting and the source
    """
    settings = _Settings(load_toml(path))
    for file in (user_config_path, backend_config_path):
        if file:
            settings.add_file(file)
    if env_var_prefix:
        settings.add_environment(env_var_prefix)
    loaded = settings.settle()
    validate_config(loaded)
    return loaded


def interpolate_config(config: Mapping[str, Any], env_var_prefix: str | None = None) -> Config:
    """Settings with text turned into values and references resolved.

    Args:
        config: nested settings as they stand in a file
        env_var_prefix: environment variables `<prefix>__SECTION__KEY` override `config`

    Raises:
        ConfigurationError: a value cannot be used
    """
    settings = _Settings(config)
    if env_var_prefix:
        settings.add_environment(env_var_prefix)
    return settings.settle()


def load_default_config() -> Config:
    """The settings of this process without those of the user's files.

    Environment variables do count: they belong to the process.
    """
    return process_task_defaults(load_configuration(DEFAULT_CONFIG, env_var_prefix=ENV_VAR_PREFIX))


def validate_config(config: Mapping[str, Any]) -> None:
    """Refuse keys that could not be reached as attributes.

    Args:
        config: settings

    Raises:
        ConfigurationError: a key has the name of a method of `Config`
    """
    for key, value in config.items():
        if hasattr(Config, key):
            raise ConfigurationError(
                f'Invalid config key: "{key}" is the name of a method; use another name.'
            )
        if isinstance(value, Mapping):
            validate_config(cast("Mapping[str, Any]", value))


def process_task_defaults(config: Config) -> Config:
    """`config`, with `tasks.defaults` in the form that tasks take.

    `max_retries` becomes a number, `retry_delay` a `timedelta` or None, `timeout` seconds or None.

    Args:
        config: settings, changed in place
    """
    import datetime

    tasks = config.setdefault("tasks", Config())
    defaults: MutableMapping[str, Any] = tasks.setdefault("defaults", Config())
    if defaults.get("max_retries", False) is False:
        defaults["max_retries"] = 0
    delay = defaults.get("retry_delay", False)
    if delay is False:
        defaults["retry_delay"] = None
    elif isinstance(delay, (int, float)):
        defaults["retry_delay"] = datetime.timedelta(seconds=delay)
    if defaults.get("timeout", False) is False:
        defaults["timeout"] = None
    return config


# ------------------------------------------------------------------ passing settings on


def to_environment_variables(
    config: Config, include: Iterable[str] | None = None, prefix: str = "PREFECT"
) -> dict[str, str]:
    """Environment variables that give another process the same settings.

    Args:
        config: settings
        include: dotted names to pass on, all by default; unknown names are left out
        prefix: first part of the names

    Returns:
        `{"PREFECT__SECTION__KEY": text}`; the names of secrets keep their case
    """
    wanted = None if include is None else set(include)
    variables: dict[str, str] = {}
    for path, value in dict_to_flatdict(config).items():
        if wanted is not None and _dotted(path) not in wanted:
            continue
        if hasattr(value, "total_seconds"):
            value = value.total_seconds()
        is_secret = path[:2] == ("context", "secrets")
        steps = [*map(str.upper, path[:2]), *path[2:]] if is_secret else [str(s).upper() for s in path]
        variables["__".join([prefix, *steps])] = str(value)
    return variables


def create_user_config(dest_path: Path, source_path: Path = DEFAULT_CONFIG) -> None:
    """Write a copy of the default settings for a user to edit.

    Args:
        dest_path: the file to make, with the folders above it
        source_path: the file to copy

    Raises:
        ValueError: the file exists already
    """
    import pathlib

    target = pathlib.Path(str(interpolate_env_vars(str(dest_path))))
    if target.exists():
        raise ValueError(f"File already exists: {target}. Remove it first, or edit it.")
    source = pathlib.Path(str(interpolate_env_vars(str(source_path))))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")


config: Config = process_task_defaults(
    load_configuration(
        path=DEFAULT_CONFIG,
        user_config_path=USER_CONFIG,
        backend_config_path=BACKEND_CONFIG,
        env_var_prefix=ENV_VAR_PREFIX,
    )
)
"""The settings of this process."""
