"""The rules of pyenv: which version a name, a `.python-version` and a shim stand for. Nothing is run for it.

They are those of pyenv 2.6, as its `pyenv-version-name`, `pyenv-version-file`, `pyenv-version-file-read`,
`pyenv-latest` and `pyenv-which` have them, without the hooks of its plugins.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

FILE = ".python-version"
SYSTEM = "system"  # Stands for what is on PATH without pyenv's shims.
_WORD = 1024  # Bytes of a line that are read.
_LARGEST = 1024 * 1024  # Bytes of a file.
# What a prefix never stands for: previews, and what follows a branch.
_NEVER_LATEST = re.compile(r"-(?:dev|src|latest)$|(?:a|b|rc)[0-9]+$")
_THREADED = re.compile(r"(.*[0-9])t")


class Choice(NamedTuple):
    """The names that are chosen, first one first, and where that stands."""

    names: tuple[str, ...]
    origin: str


def names_in(text: str) -> tuple[str, ...]:
    """Give the names in a version file: the first word of each line that is no comment, parted at colons.

    A line's further words are not read, so that a comment may follow a name.
    """
    words = (line[:_WORD].split(None, 1) for line in text.replace("\r", " ").split("\n"))
    named = (word[0] for word in words if word and not word[0].startswith("#"))
    return tuple(name for word in named for name in word.split(":") if name)


def latest(prefix: str, installed: Collection[str]) -> str | None:
    """Give the latest of the installed versions that a prefix stands for, or None.

    `3.12` stands for `3.12.7` and not for `3.12.0rc1`, nor for `3.12.7t`, which is what `3.12t` stands for; it does not
    stand for `3.120`. A prefix that is itself installed stands for itself.
    """
    if prefix in installed:
        return prefix
    threaded = _THREADED.fullmatch(prefix)
    start, end = (threaded[1], "t") if threaded else (prefix, "")
    fitting = [
        name
        for name in installed
        if name.startswith((f"{start}-", f"{start}."))
        and name.endswith(end)
        and not _NEVER_LATEST.search(name)
        and (end or not _THREADED.fullmatch(name))
    ]
    # The last of several with the same numbers is the first by name, as `sort` has it.
    return max(sorted(fitting), key=_age, default=None)


def _age(name: str) -> tuple[str, float, float, float]:
    """Give what versions are sorted by: `miniconda3-4.7.12` counts as if it were `miniconda3.4.7.12`."""
    first, *rest = re.sub(r"^([0-9A-Za-z]+)-", r"\1.", name).split(".")
    numbers = [_number(part) for part in (*rest[:3], "", "", "")]
    return first, numbers[0], numbers[1], numbers[2]


def _number(text: str) -> float:
    found = re.match(r"\s*-?[0-9]+", text)
    return float(found[0]) if found else 0.0


def meant(name: str, installed: Collection[str]) -> str | None:
    """Give the installed version that a name stands for: itself, what it is a prefix of, both also without `python-`."""
    plain = name.removeprefix("python-")
    for each in (name, plain):
        if each in installed:
            return each
    return latest(name, installed) or latest(plain, installed)


def version_file(folder: str) -> str | None:
    """Give the nearest `.python-version`, from a folder upwards."""
    while True:
        path = os.path.join(folder, FILE)
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


class Pyenv:
    """One installation of pyenv.

    Attributes:
        root: its folder, `$PYENV_ROOT`.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._versions = os.path.join(root, "versions")

    def installed(self) -> tuple[str, ...]:
        """Give the names of all versions, sorted: names that link to virtualenvs are among them."""
        try:
            entries = sorted(entry.name for entry in os.scandir(self._versions) if entry.is_dir())
        except OSError:
            return ()
        return tuple(entries)

    def folder(self, name: str) -> str | None:
        """Give the folder of exactly this version, or None: `3.12.1/envs/NAME` is one, and `../..` is none."""
        path = os.path.normpath(os.path.join(self._versions, name))
        inside = path.startswith(os.path.join(os.path.normpath(self._versions), ""))
        return path if inside and "\0" not in name and os.path.isdir(path) else None

    def meant(self, name: str) -> str | None:
        """Give the folder of the version that a name stands for, or None; `system` is none."""
        if (exact := self.folder(name) or self.folder(name.removeprefix("python-"))) is not None:
            return exact
        found = meant(name, self.installed())
        return self.folder(found) if found is not None else None

    def program(self, folder: str, name: str) -> str:
        """Give the path of a program of a version."""
        return os.path.join(folder, *([] if os.name == "nt" else ["bin"]), name)

    def is_shim(self, path: str) -> bool:
        """Tell whether a path is a shim, which starts what pyenv's rules choose in the folder where it is started."""
        return os.path.normpath(os.path.dirname(path)) == os.path.normpath(os.path.join(self.root, "shims"))

    def active(self, environ: Mapping[str, str], folder: Path) -> Choice:
        """Give the versions that pyenv's programs would use in a folder.

        `PYENV_VERSION` comes first; then the `.python-version` above `PYENV_DIR`, then the one above the folder, then
        `$PYENV_ROOT/version`; what names nothing stands for `system`.
        """
        if declared := environ.get("PYENV_VERSION"):
            return Choice(tuple(filter(None, declared.split(":"))), "PYENV_VERSION")
        starts = filter(None, (environ.get("PYENV_DIR"), str(folder)))
        path = next(filter(None, map(version_file, starts)), os.path.join(self.root, "version"))
        return Choice(names_of(path) or (SYSTEM,), path)


def names_of(path: str) -> tuple[str, ...]:
    """Give the names in a version file, or none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return names_in(file.read(_LARGEST).decode("utf-8", "surrogateescape"))
    except OSError:
        return ()


def installation(environ: Mapping[str, str]) -> Pyenv | None:
    """Give the user's pyenv: at `PYENV_ROOT`, or where it is by default; None where there is none."""
    home = environ.get("USERPROFILE" if os.name == "nt" else "HOME")
    default = os.path.join(home, ".pyenv", *(["pyenv-win"] if os.name == "nt" else [])) if home else None
    root = environ.get("PYENV_ROOT") or default
    return Pyenv(root) if root and os.path.isdir(os.path.join(root, "versions")) else None


def without_exec(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the variables as they were before `pyenv exec`, or a shim, started this session.

    It sets `PYENV_VERSION` for all that it starts, to the version that runs it, and `PYENV_DIR` to where it was started;
    the shells that users set a version in have the first alone.
    """
    ours = {"PYENV_DIR", "PYENV_VERSION"} if environ.get("PYENV_DIR") else set()
    return {name: value for name, value in environ.items() if name not in ours}
