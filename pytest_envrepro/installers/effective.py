"""The user's settings of pip as one table, whatever files and variables say them, so that they can be taken elsewhere."""

from __future__ import annotations

import configparser
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.misleading import own_files_of_pip, pip_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Sections: TypeAlias = dict[str, dict[str, str]]  # By the names of sections, and of options.

_SECTIONS = ("global", "install")  # For every command; and what counts before that, for the one that is meant here.
# Of this machine alone, or of how pip talks: what is elsewhere has its own.
_LEFT = frozenset(
    {
        *(
            "cache-dir",
            "no-cache-dir",
            "log",
            "keyring-provider",
            "no-color",
            "progress-bar",
            "quiet",
            "verbose",
            "debug",
        ),
        *(
            "disable-pip-version-check",
            "no-input",
            "root-user-action",
            "break-system-packages",
            "isolated",
            "config-file",
        ),
        *("no-warn-script-location", "no-python-version-warning", "tools-cache-dir", "keyring", "python", "user"),
    }
)
_SETTLED = {
    "disable-pip-version-check": "true",
    "no-cache-dir": "true",
    "no-color": "true",
    "no-input": "true",
    "progress-bar": "off",
    "root-user-action": "ignore",
}


def pip_table(environ: Mapping[str, str], folder: Path, *, resolving: bool) -> dict[str, str]:
    """Give what `pip install` is told by the machine's files, the user's, and the variables, in pip's own order.

    Args:
        environ: the user's variables, chosen by `childenv`.
        folder: an empty one, for a file.
        resolving: whether versions are still to be chosen, so that constraints count.

    Raises:
        BuildError: a file of settings cannot be read.
    """
    own = pip_settings(environ, folder, resolving=resolving)
    # The user's comes last: what is refused stands empty there, and takes the place of the others' words.
    files = () if own == os.devnull else (*_machine_files(environ), own)
    table = merged(map(sections_of, files))
    table |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in sorted(environ.items())
        if name.startswith("PIP_") and value
    }
    if not resolving:
        table.pop("constraint", None)
    return {key: value.strip() for key, value in table.items() if value.strip() and key not in _LEFT}


def settings_of_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what the files of the machine and the user say to `pip install`; none where a variable says so.

    One that cannot be read says nothing: pip has the better words for it.
    """
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return {}
    readable = []
    for file in (*_machine_files(environ), *own_files_of_pip(environ)):
        with contextlib.suppress(BuildError):
            readable.append(sections_of(file))
    return merged(readable)


def written(table: Mapping[str, str]) -> str:
    """Write such a table as a file of pip's settings, with what keeps pip quiet and from asking."""
    lines = (f"{key} = {_folded(value)}" for key, value in sorted({**table, **_SETTLED}.items()))
    return "\n".join(["[global]", *lines]) + "\n"


def _folded(value: str) -> str:
    """Let a value of several lines go on as `configparser` reads it."""
    return "\n    ".join(line.strip() for line in value.splitlines() if line.strip())


def _machine_files(environ: Mapping[str, str]) -> Iterator[str]:
    """Give the files of the machine, and of the environment that this process runs in (`pip config debug`, pip 26)."""
    if os.name == "nt":
        yield f"{environ.get('PROGRAMDATA', '')}\\pip\\pip.ini"
        yield os.path.join(sys.prefix, "pip.ini")
        return
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    yield from (str(Path(each, "pip", "pip.conf")) for each in reversed(folders) if each)
    yield "/etc/pip.conf"
    yield os.path.join(sys.prefix, "pip.conf")


def merged(files: Iterable[Sections]) -> dict[str, str]:
    """Give what files say to `pip install`, as pip 26 puts them together.

    A section of a later file counts before that of an earlier one, and the command's own section of any file before what
    all of them say for every command; an empty value says nothing, but takes the place of an earlier file's.
    """
    found: Sections = {section: {} for section in _SECTIONS}
    for sections in files:
        for section in _SECTIONS:
            found[section] |= sections.get(section, {})
    return {key: value for section in _SECTIONS for key, value in found[section].items() if value.strip()}


def sections_of(file: str) -> Sections:
    """Read a file of pip's settings; one that is not there says nothing.

    Raises:
        BuildError: it cannot be read.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise BuildError(f"pip's settings in {file} cannot be read: {str(error).splitlines()[0]}") from error
    return {
        section: {key.replace("_", "-").removeprefix("--"): value for key, value in parser.items(section)}
        for section in _SECTIONS
        if parser.has_section(section)
    }
