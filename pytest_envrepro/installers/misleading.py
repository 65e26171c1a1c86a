"""The user's settings files of pip and uv, without what would send an installation elsewhere or change what it is.

Indexes, folders of wheels, credentials, certificates and proxies stand in the same files and stay. Where pip 26 and
uv 0.9 look for them: `pip config debug`, and uv's documentation of configuration files.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.childenv import PIP_MISLEADING, has_no_uv_files
from pytest_envrepro.errors import BuildError, LockError
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PIP_SECTIONS = ("global", "install", "download", "wheel")
_PIP_BOUNDS = ("constraint",)
_UV_REFUSED = frozenset(
    {
        *("target", "prefix", "python", "system", "break-system-packages", "python-version", "python-platform"),
        *("universal", "extra", "all-extras", "no-extra", "group", "no-emit-package", "no-annotate", "output-file"),
        *("annotation-style", "no-header", "no-deps", "require-hashes", "generate-hashes", "verify-hashes", "strict"),
        *("no-strip-extras", "no-strip-markers", "reinstall", "reinstall-package", "upgrade", "upgrade-package"),
        *("compile-bytecode", "link-mode"),
    }
)
_TABLE = re.compile(r"^\s*\[")
_PIP_TABLE = re.compile(r"^\s*\[\s*pip\s*\]\s*(?:#.*)?$")


def pip_settings(environ: Mapping[str, str], folder: Path, *, resolving: bool) -> str:
    """Write the user's settings of pip anew, and give the file, for `PIP_CONFIG_FILE`.

    pip reads that file last, and with it no other one of the user's; an empty value there takes the place of one of
    the machine's, or of an environment's, and says nothing.

    Args:
        folder: where it is written.
        resolving: whether versions are still to be chosen, so that constraints count.

    Raises:
        BuildError: a file of settings cannot be read.
    """
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return named
    parser = configparser.RawConfigParser()
    for file in own_files_of_pip(environ):
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise BuildError(f"pip's settings in {file} cannot be read: {str(error).splitlines()[0]}") from error
    for section in _PIP_SECTIONS:
        if not parser.has_section(section):
            parser.add_section(section)
        for key in (*PIP_MISLEADING, *(() if resolving else _PIP_BOUNDS)):
            parser.set(section, key, "")
    path = folder / "pip.conf"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file_:
        parser.write(file_)
    return str(path)


def uv_settings(environ: Mapping[str, str], folder: Path) -> str | None:
    """Write the user's settings of uv anew, where they would mislead it, and give the file, for `UV_CONFIG_FILE`.

    Raises:
        BuildError: they cannot be read, or lie in two files: uv would read only the one that it is told of.
    """
    files = list(files_of_uv(environ))
    misleading = {file: refused for file in files if (refused := _refused_in(file, _read(file)))}
    if not misleading:
        return None
    file, refused = next(iter(misleading.items()))
    told = ", ".join(f"'{key}'" for key in sorted(refused))
    if len(files) > 1:
        others = " and ".join(str(each) for each in files if each != file)
        raise BuildError(
            f"uv's settings in {file} say {told} in [pip], which would change what is made here, and {others} is read "
            'beside it: take that out of one of them, or set installer = "pip"'
        )
    text = _without(_read(file), refused)
    if _refused_in(file, text):
        raise BuildError(
            f"uv's settings in {file} say {told} for pip: write them below [pip], a line each, or leave them out"
        )
    path = folder / "uv-settings.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def own_files_of_pip(environ: Mapping[str, str]) -> Iterator[str]:
    """Give the user's own files of pip's settings, those that count more last: one that a variable names is the only one."""
    named = environ.get("PIP_CONFIG_FILE")
    yield from [named] if named and os.path.exists(named) else _pip_files(environ)


def _pip_files(environ: Mapping[str, str]) -> Iterator[str]:
    """Give the user's own files, those that count more last."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    if os.name == "nt":
        yield from (f"{home}\\pip\\pip.ini", f"{environ.get('APPDATA') or home}\\pip\\pip.ini")
        return
    application = f"{home}/Library/Application Support/pip"
    yield from (f"{home}/.pip/pip.conf", f"{application if os.path.isdir(application) else f'{config}/pip'}/pip.conf")


def files_of_uv(environ: Mapping[str, str]) -> Iterator[Path]:
    """Give the files of settings that uv reads, as far as they are there."""
    if not has_no_uv_files(environ):
        yield from (file for file in _uv_files(environ) if file.is_file())


def _uv_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Give the user's file and the machine's, or the one that a variable names."""
    named = environ.get("UV_CONFIG_FILE")
    if named:
        yield Path(named)
        return
    home = environ.get("HOME") or os.path.expanduser("~")
    if os.name == "nt":
        yield from (Path(environ[name], "uv", "uv.toml") for name in ("APPDATA", "PROGRAMDATA") if environ.get(name))
        return
    yield Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "uv", "uv.toml")
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    machine = [*(Path(each, "uv", "uv.toml") for each in folders), Path("/etc/uv/uv.toml")]
    yield from [file for file in machine if file.is_file()][:1]


def _read(file: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8")
    return ""  # uv has the better words for it.


def _refused_in(file: Path, text: str) -> frozenset[str]:
    try:
        table = load_toml(str(file), text).get("pip")
    except LockError:
        return frozenset()  # The same.
    return _UV_REFUSED.intersection(table) if isinstance(table, dict) else frozenset()


def _without(text: str, refused: frozenset[str]) -> str:
    """Leave lines out of the table `[pip]`: a value that goes on in further lines, with those."""
    kept, inside, depth = [], False, 0
    for line in text.splitlines():
        if depth == 0 and _TABLE.match(line):
            inside = _PIP_TABLE.match(line) is not None
        key = line.partition("=")[0].strip().strip("\"'")
        if depth or (inside and key in refused):
            depth = max(0, depth + line.count("[") - line.count("]"))
            continue
        kept.append(line)
    return "\n".join(kept) + "\n"
