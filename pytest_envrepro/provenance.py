"""Where a lock comes from, and what it is for: how it is compiled, of what, for which Pythons, and from which other lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Option(NamedTuple):
    """An option that a requirements file gives to whatever installs what it asks for.

    Attributes:
        name: its long name: `--index-url`.
        value: variables expanded; empty of a flag. It may hold credentials.
        written: the value as it stands there.
        file: the file that it stands in, relative to the root.
    """

    name: str
    value: str
    written: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Dynamic:
    """An input that tells its requirements only when it is run or built, such as `setup.py`.

    Attributes:
        file: the input.
        project: the canonical name of the project, or None where no file tells it.
        extras: the extras that the lock was compiled with; None for all.
        changed: when the project's files were last changed, in seconds since the epoch.
    """

    file: str
    project: str | None
    extras: frozenset[str] | None = frozenset()
    changed: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a lock was compiled for, where that is not simply the machine that looks.

    Attributes:
        python: the version compiled for (`3.11`, `3.11.7`), or None where the lock does not say.
        line: the line that says so.
        environment: marker variables of another platform, or nothing.
        platform: that platform's name, as it was asked for.
        universal: whether one lock is for all platforms and for all Pythons from `python` on.
        covers: of a lock for some platforms side by side, the marker that holds on each of them; None for all.
    """

    python: str | None = None
    line: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    platform: str | None = None
    universal: bool = False
    covers: str | None = None


class Support(NamedTuple):
    """What a lock is for, by its own word: elsewhere its tool does not install it.

    Attributes:
        marker: holds where it may be installed.
        written: what stands there: `requires-python = ">=3.9"`.
    """

    marker: str
    written: str
    line: int | None = None


class Recipe(NamedTuple):
    """How a lock is compiled, as its header or the table records it, or as all locks of its format are.

    Attributes:
        tool: the compiler (`pip-compile`, `uv lock`), or None for a command of the project's own.
        argv: the words of the command; never for a shell.
        folder: where it runs, relative to the root.
        above: the root, as a path from where it runs (`sub/`), where that lies above the root; else empty.
        is_trusted: whether the table says so. A header does not: whoever changes a lock can write one.
    """

    tool: str | None
    argv: tuple[str, ...]
    folder: str = ""
    above: str = ""
    is_trusted: bool = False


class Stamp(NamedTuple):
    """What a lock keeps of its inputs, to know by whether they have changed.

    Attributes:
        name: the key that it stands under: `content-hash`.
        written: what stands there.
        accepted: what its tool would write today, in all variants that are known; None where that cannot be told.
        line: where it stands.
        cause: what of the inputs has changed, where that can be told.
        untold: why it cannot be told whether they have, where nothing else does; empty elsewhere. The lock is then unchecked.
    """

    name: str
    written: str
    accepted: frozenset[str] | None
    line: int | None = None
    cause: str = ""
    untold: str = ""


class Exported(NamedTuple):
    """That a lock was written from another one, and what of that it has to hold.

    Attributes:
        parent: the other lock, relative to the root.
        is_known: whether it is known what of it; else it is what fits best.
        main: whether what is installed with the project anyway, `MAIN`.
        usual: whether the parts that the parent's tool installs where it is not told otherwise.
        every: `groups`, `extras`: all of these; `groups unless named`: all groups where none is among those added.
        added: further parts, as `Root.part` names them.
        removed: parts that are left out.
        omitted: canonical names of packages that are left out.
    """

    parent: str
    is_known: bool = False
    main: bool = True
    usual: bool = False
    every: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    omitted: frozenset[str] = frozenset()
