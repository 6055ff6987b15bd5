"""Finds and reads a configuration: a file, with the environment over it."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from casty.config.convert import table_from
from casty.config.environment import disabled_plugins, overridden
from casty.config.schema import CastyConfig, PluginsConfig
from casty.errors import ConfigError

FILE_NAME: Final = "casty.toml"
PROJECT_FILE_NAME: Final = "pyproject.toml"

type _Source = tuple[str, Mapping[str, object]]
"""What errors call it, and the tables that it holds."""


def load_config(path: Path | str | None = None) -> CastyConfig:
    """The configuration of the file `path`, with the environment's overrides.

    Without a path the working directory and those above it are searched, nearest first, for a `casty.toml` or
    a `pyproject.toml` with `[tool.casty]`; where there is neither, every setting has its default.
    Raises `ConfigError`, which names the file or the variable, the key and the nearest key that there is.
    """
    source, data = _found(Path.cwd()) if path is None else _named(Path(path))
    data = overridden(data, os.environ)
    try:
        config = table_from(CastyConfig, data)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    disabled = (*config.plugins.disabled, *disabled_plugins(os.environ))
    return replace(config, plugins=PluginsConfig(disabled=disabled))


def _named(path: Path) -> _Source:
    if path.name != PROJECT_FILE_NAME:
        return str(path), _toml(path)
    section = _section(path)
    if section is None:
        raise ConfigError(f"{path}: has no [tool.casty] table; add one, or name a {FILE_NAME}")
    return section


def _found(directory: Path) -> _Source:
    for folder in (directory, *directory.parents):
        if (path := folder / FILE_NAME).is_file():
            return str(path), _toml(path)
        if (path := folder / PROJECT_FILE_NAME).is_file() and (section := _section(path)):
            return section
    return "environment", {}


def _section(path: Path) -> _Source | None:
    """The part of a `pyproject.toml` that is ours, if it has one."""
    tool = _toml(path).get("tool", {})
    if not isinstance(tool, dict) or "casty" not in tool:
        return None
    section = cast(Mapping[str, object], tool)["casty"]
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: tool.casty must be a table; it is {section!r}")
    return f"{path} [tool.casty]", cast(Mapping[str, object], section)


def _toml(path: Path) -> Mapping[str, object]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: is not UTF-8 (at line {line}); save it in that encoding") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
