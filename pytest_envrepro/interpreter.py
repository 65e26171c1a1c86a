"""The word for a Python of this machine, that environments are made with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_envrepro.inventory import Interpreter


class Layout(NamedTuple):
    """Where an environment of an interpreter has what; relative to its prefix, with forward slashes.

    Attributes:
        scripts: the folder of programs: `bin`.
        purelib, platlib: the folders of packages: `lib/python3.12/site-packages`.
        python: the name of the interpreter among the programs.
    """

    scripts: str
    purelib: str
    platlib: str
    python: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """An interpreter of this machine, as it describes itself.

    Attributes:
        executable: the absolute and real path of the base interpreter: never a shim's, never a virtualenv's.
        interpreter: its implementation, version and platform, and the marker variables of PEP 508.
        base_prefix: the real path of its installation.
        identity: changes with all that could make an environment of it another one.
        layout: of its environments, by its own `sysconfig`.
        origin: how it was found, for people: `pyenv 3.12.1`.
        is_threaded: whether it is a free-threaded build.
        is_debug: whether it is a debug build.
        bits: 32 or 64.
        libc: the C library that it runs with, `glibc 2.36`; empty where there is no telling.
        tag_groups: the wheel tags that it supports, best first: (`cp312-cp312`, platforms).
    """

    executable: str
    interpreter: Interpreter
    base_prefix: str
    identity: str
    layout: Layout
    origin: str
    is_threaded: bool = False
    is_debug: bool = False
    bits: int = 64
    libc: str = ""
    tag_groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """The wheel tags that it supports, best first, as `packaging.tags.sys_tags` gives them; none if unknown."""
        return tuple(f"{start}-{place}" for start, places in self.tag_groups for place in places)

    def found_as(self, origin: str) -> Python:
        """Give the same interpreter, with how it was found."""
        return replace(self, origin=origin)
