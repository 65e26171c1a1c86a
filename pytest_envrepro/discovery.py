"""Finds a project's locks: in the table, and at the root and two levels below it (docs/reference.md)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError, SettingsError
from pytest_envrepro.locks import Declaration, Tree, format_of, formats, read_pyproject, read_setup_cfg
from pytest_envrepro.model import Declared, Project
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.config import Config
    from pytest_envrepro.files import Files
    from pytest_envrepro.locks import LockFormat
    from pytest_envrepro.model import Lock


class Discovery(NamedTuple):
    """What was found.

    Attributes:
        locks: the format of each lock and what the table says of it, by path.
        seen: files that could have been locks, each with the reason why it is none.
    """

    locks: Mapping[str, tuple[LockFormat, Declaration | None]]
    seen: Sequence[tuple[str, str]]

    def parse(self, path: str, tree: Tree) -> Lock:
        """Read one of the locks."""
        format_, declaration = self.locks[path]
        return format_.parse(path, tree, declaration)


def tree_of(files: Files, environ: Mapping[str, str]) -> Tree:
    """Give a format's view of the files."""
    return Tree(read=files.read, exists=files.exists, changed=files.changed, environ=environ, folders=files.folders)


def discover(files: Files, tree: Tree, config: Config) -> Discovery:
    """Find the locks.

    Raises:
        SettingsError: the table names a lock that does not exist, or groups and extras of a lock that has none.
    """
    kinds = formats()
    candidates = list(files.walk(config.exclude))
    declared = {lock.path: Declaration(inputs=lock.inputs, command=lock.command) for lock in config.locks}
    named = [*declared, *(entry.lock for entry in config.installed or ())]
    _refuse_missing(named, tree, candidates, config)
    locks: dict[str, tuple[LockFormat, Declaration | None]] = {}
    for path in named:
        locks[path] = (format_of(path), declared.get(path))
    seen: list[tuple[str, str]] = []
    for path in candidates:
        for format_ in kinds:
            if path not in locks and format_.may_be(path):
                reason = format_.why_not(path, tree)
                if reason is None:
                    locks[path] = (format_, None)
                else:
                    seen.append((path, reason))
                break
    return Discovery(locks=dict(sorted(locks.items())), seen=seen)


def _refuse_missing(named: list[str], tree: Tree, candidates: list[str], config: Config) -> None:
    faults = [
        f"  {path} does not exist{did_you_mean(path, [other for other in candidates if '.' in other])}"
        for path in dict.fromkeys(named)
        if not tree.exists(path)
    ]
    faults += [
        f"  {entry.lock} has no groups and no extras to choose from"
        for entry in config.installed or ()
        if (entry.groups or entry.extras) and format_of(entry.lock).name == "requirements"
    ]
    if faults:
        raise SettingsError("\n".join([f"{config.file} names locks that cannot be used:", *sorted(faults)]))


def no_lock(root: Path, seen: Sequence[tuple[str, str]]) -> str:
    """Say that there is no lock, what was seen, and why it is none."""
    lines = [f"--env-lock: no lock was found in {root} and two levels below it"]
    lines += [f"  {path}: {reason}" for path, reason in seen] or ["  no file there has the name of a lock"]
    lines.append("  Compile one (pip-compile requirements.in), or name it under [[tool.envrepro.locks]].")
    return "\n".join(lines)


def read_project(root: Path, files: Files, anchor: str) -> Project:
    """Read what the project declares of itself; a file that cannot be read declares nothing."""
    name = None
    requires_python = None
    for path, reader in (("pyproject.toml", read_pyproject), ("setup.cfg", read_setup_cfg)):
        if not files.exists(path):
            continue
        try:
            found = reader(path, files.read(path))
        except LockError:
            continue  # Where it is an input of a lock, the lock's check tells what is wrong.
        name = name or found.name
        requires_python = requires_python or found.requires_python
    return Project(
        name=canonicalize_name(name) if name else None,
        requires_python=requires_python,
        python_versions=tuple(_python_versions(files)),
        anchor=anchor,
        root=root.as_uri(),
    )


def _python_versions(files: Files) -> list[Declared]:
    path = ".python-version"
    try:
        lines = files.read(path).splitlines() if files.exists(path) else []
    except LockError as error:
        return [Declared(text="", file=error.file, line=error.line or 1)]
    return [
        Declared(text=line.strip(), file=path, line=number)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.strip().startswith("#")
    ]


def anchor_of(root: Path, configured_by: Path | None, locks: Sequence[str]) -> str:
    """Give the file that checks of the whole environment are shown at: `pyproject.toml` where there is one."""
    if (root / "pyproject.toml").is_file():
        return "pyproject.toml"
    if configured_by is not None and configured_by.is_file() and configured_by.is_relative_to(root):
        return configured_by.relative_to(root).as_posix()
    return locks[0] if locks else os.curdir
