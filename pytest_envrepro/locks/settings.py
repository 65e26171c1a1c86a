"""The settings of the compilers themselves, which a header may not tell: `[tool.pip-tools]`, `[tool.uv]`, `uv.toml`."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.locks.origin import outsider
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.locks.command import Command
    from pytest_envrepro.model import Root


class Settings(NamedTuple):
    """A command with what its tool's settings add to it.

    Attributes:
        file: the file that they stand in, or None where there are none.
        constraints, overrides: requirements that stand in the settings themselves, as uv has them.
        excluded: canonical names.
        unread: why the settings that the command names cannot be read, or None.
    """

    command: Command
    file: str | None = None
    constraints: tuple[Root, ...] = ()
    overrides: tuple[Root, ...] = ()
    excluded: frozenset[str] = frozenset()
    unread: str | None = None


def read_settings(command: Command, folder: str, sources: tuple[str, ...], tree: Tree) -> Settings:
    """Add the settings of the command's tool to it; what the command says itself stands.

    Args:
        folder: where the command ran, relative to the root.
        sources: the inputs, relative to the root.

    Raises:
        LockError: a settings file cannot be read, or a value in it has a wrong type.
    """
    if command.no_config or not command.argv or command.exported:
        return Settings(command=command)
    if command.config:
        # A header is not the user's own word: it may name files of the project alone.
        config = posixpath.normpath(posixpath.join(folder, command.config.replace("\\", "/")))
        outside = outsider((config,))
        if outside is not None:
            return Settings(command=command, unread=outside)
        command = command._replace(config=config)
    return _of_uv(command, folder, tree) if command.tool == "uv" else _of_pip_tools(command, folder, sources, tree)


def _of_pip_tools(command: Command, folder: str, sources: tuple[str, ...], tree: Tree) -> Settings:
    """Read `.pip-tools.toml` or `[tool.pip-tools]` beside an input, as pip-tools 7 looks for them."""
    folders = dict.fromkeys(posixpath.dirname(source) for source in sources) or (folder,)
    names = [posixpath.join(beside, name) for beside in folders for name in (".pip-tools.toml", "pyproject.toml")]
    named = [command.config] if command.config else names
    path = next(filter(tree.exists, named), None)
    if path is None:
        return Settings(command=command)
    keys, table = _table(path, tree, "pip-tools")
    table = {**table, **keys.table(table, "compile")}
    table = {name.replace("_", "-"): value for name, value in table.items()}
    filled = _filled(
        command,
        {
            "extras": keys.strings(_listed(table, "extra"), "extra"),
            "constraints": keys.strings(_listed(table, "constraint"), "constraint"),
            "unsafe": keys.strings(_listed(table, "unsafe-package"), "unsafe-package"),
            "all_extras": keys.flag(table, "all-extras"),
            "allow_unsafe": keys.flag(table, "allow-unsafe"),
            "hashes": keys.flag(table, "generate-hashes"),
            "build": any(keys.flag(table, name) for name in ("all-build-deps", "only-build-deps")),
            "only_build": keys.flag(table, "only-build-deps"),
        },
    )
    return Settings(command=filled, file=path if table else None)


def _of_uv(command: Command, folder: str, tree: Tree) -> Settings:
    """Read the first `uv.toml` or `[tool.uv]` in the command's folder or above it, as uv looks for them."""
    for path in [command.config] if command.config else _upwards(folder):
        if not tree.exists(path):
            continue
        keys, table = _table(path, tree, "uv")
        if not table:
            continue
        pip = keys.table(table, "pip")
        filled = _filled(
            command,
            {
                "extras": keys.strings(_listed(pip, "extra"), "extra"),
                "unsafe": keys.strings(_listed(pip, "no-emit-package"), "no-emit-package"),
                "python": keys.string(pip, "python-version"),
                "platform": keys.string(pip, "python-platform"),
                "all_extras": keys.flag(pip, "all-extras"),
                "universal": keys.flag(pip, "universal"),
                "no_deps": keys.flag(pip, "no-deps"),
                "hashes": keys.flag(pip, "generate-hashes"),
            },
        )
        lists = ("constraint-dependencies", "override-dependencies", "exclude-dependencies")
        constraints, overrides, excluded = (keys.strings(table, name) for name in lists)
        return Settings(
            command=filled,
            file=path,
            constraints=tuple(keys.roots(constraints, lists[0])),
            overrides=tuple(keys.roots(overrides, lists[1])),
            excluded=frozenset(canonicalize_name(name) for name in excluded),
        )
    return Settings(command=command)


def _upwards(folder: str) -> Iterator[str]:
    """Give the settings files of uv in a folder and in those above it, up to the root."""
    while True:
        yield from (posixpath.join(folder, name) for name in ("uv.toml", "pyproject.toml"))
        if not folder:
            return
        folder = posixpath.dirname(folder)


def _table(path: str, tree: Tree, tool: str) -> tuple[Keys, Mapping[str, Any]]:
    text = tree.read(path)
    keys = Keys(path, text)
    data = load_toml(path, text)
    if posixpath.basename(path) == "uv.toml":
        return keys, data
    return keys, keys.table(keys.table(data, "tool"), tool)


def _listed(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Make a list of a string that stands alone, as click does."""
    value = table.get(key)
    return {key: [value]} if isinstance(value, str) else table


def _filled(command: Command, settings: Mapping[str, Any]) -> Command:
    """Set the fields that the command says nothing of."""
    changes = {name: value for name, value in settings.items() if value and not getattr(command, name)}
    if command.extras or command.all_extras:  # One of them on the command line is the answer to both.
        changes = {name: value for name, value in changes.items() if name not in ("extras", "all_extras")}
    return command._replace(**changes)
