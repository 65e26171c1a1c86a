"""The words that all parts share: a lock with its pins and its inputs, and a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_envrepro.provenance import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.provenance import Dynamic, Exported, Option, Recipe, Stamp, Support
    from pytest_envrepro.requirement import AnyVersion, Requirement


UNTOLD = "?"  # In the place of a part of a project, where it is not known which.
MAIN = ""  # The part of a project that is installed with it, whatever else is.


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package in a lock.

    Attributes:
        requirement: what stands there; its specifier is the pin itself, its marker says where the pin applies.
        version: the pinned version; None for a URL or a path, and where nothing is pinned.
        hashes: as written, `sha256:...`.
        parents: the canonical names of the packages that need it, by the lock's own comments.
        sources: the inputs that ask for it, by the same comments (`requirements.in`, `pyproject.toml`).
        bounds: the files of constraints that bound it, by the same comments.
        file: the file that it stands in, relative to the root.
        line: its first line, counted from 1.
        editable: whether it is installed with `-e`.
        requires: what it needs by the lock's own list, as metadata writes it (`six>=1; extra == "x"`); None where the
            format has no such lists. What a package of conda's needs is a match-spec after `conda:`.
            A part of the project stands there as an extra after a colon (`extra == ":[cpu]"`, `extra != ":dev"`).
        parts: the parts of the project that it is locked for, as `Root.part` names them; empty for all.
        markers: of single ones of these parts, the marker that it has there, in which `extra` means the extras that are
            installed; a part that is not named has none. Empty where the requirement's marker is that of all parts; else
            that holds wherever one of these may.
        hashless: whether there was no hash to keep: its index tells none.
        described: whether the project says what it needs, in the place of its own metadata.
        index: where it is found, as it stands there: the URL of an index, or a folder; empty where the lock names none.
    """

    requirement: Requirement
    version: AnyVersion | None
    hashes: tuple[str, ...] = ()
    parents: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    file: str
    line: int | None
    editable: bool = False
    requires: tuple[str, ...] | None = None
    parts: frozenset[str] = frozenset()
    markers: tuple[tuple[str, str], ...] = ()
    hashless: bool = False
    described: bool = False
    index: str = ""

    @property
    def name(self) -> str:
        """The canonical name, or the URL or path of a pin that does not tell one."""
        return self.requirement.name or self.requirement.url or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A requirement or a constraint that a person wrote in an input, with its place.

    Attributes:
        part: the part of the project that asks for it: `MAIN`, the name of a group, or an extra in brackets (`[pg]`);
            `UNTOLD` where nothing says it.
    """

    requirement: Requirement
    file: str
    line: int | None
    editable: bool = False
    part: str = MAIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A lock of any format, with all that its inputs say.

    Attributes:
        path: relative to the root, with forward slashes.
        tool: the program that wrote it (`pip-compile`, `uv`), or None where it does not say.
        pins: in the order of the file.
        inputs: the files that it is compiled from, as far as they are known.
        roots: the requirements of the inputs.
        constraints: what bounds the pins without asking for them.
        overrides: requirements that replace whatever a package asks of that name.
        excluded: canonical names that are left out on purpose.
        alike: canonical names that something asks for and no pin has, each with the pins of another kind that are called
            alike: one of them may bring it.
        dynamic: the inputs whose requirements only installed metadata tells.
        rests_on: every file that the inputs read, other locks among them.
        target: what it was compiled for.
        closed: False where its command promises no closure (`--no-deps`).
        complete: False where its command adds requirements that no file tells (build requirements).
        fix: the command that compiles it again, for people to run, or None.
        recipe: how it was compiled, or None.
        settings: the file with settings of the compiler itself, which the recipe does not tell, or None.
        unrecorded: why that is not known, where there is no recipe.
        faults: what is wrong with the files themselves.
        unread: why the lock cannot be judged, or None.
        partial: why some of its pins are not known, or None: what is not among the pins may still be locked.
        unpinned: canonical names that stand in the lock without one version.
        options: what it, and the files that it reads, tell an installer.
        stamp: what it keeps of its inputs, or None.
        parts: the parts of the project that it can be installed with, besides `MAIN`: groups, and extras in brackets.
        usual: those of them that its tool installs where it is not told otherwise.
        by_need: whether a pin applies where a pin or a root needs it that applies, and not by its own marker alone.
        asks: of such a lock, each part of the project with a requirement of it, by the lock's own lists, as
            `Pin.requires` has them; None where only the roots tell.
        install: the command that makes an environment equal to it, or None for that of requirements files.
        relock: the command for what its tool does not see otherwise, as it believes what the lock says of each package: a
            package that is gone with all that named it; None where `fix` sees it.
        choosing: the words that `install` takes for each part of the project that is installed with it.
        exported: what it was written from, where that is another lock.
        supports: where it may be installed: all of these hold there.
    """

    path: str
    tool: str | None = None
    pins: tuple[Pin, ...] = ()
    inputs: tuple[str, ...] = ()
    roots: tuple[Root, ...] = ()
    constraints: tuple[Root, ...] = ()
    overrides: tuple[Root, ...] = ()
    excluded: frozenset[str] = frozenset()
    alike: tuple[tuple[str, tuple[str, ...]], ...] = ()
    dynamic: tuple[Dynamic, ...] = ()
    rests_on: frozenset[str] = frozenset()
    target: Target = field(default_factory=Target)
    closed: bool = True
    complete: bool = True
    fix: str | None = None
    recipe: Recipe | None = None
    settings: str | None = None
    unrecorded: str = "it does not say how it was compiled"
    faults: tuple[Finding, ...] = ()
    unread: str | None = None
    partial: str | None = None
    unpinned: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()
    stamp: Stamp | None = None
    parts: frozenset[str] = frozenset()
    usual: frozenset[str] = frozenset()
    by_need: bool = False
    asks: tuple[tuple[str, str], ...] | None = None
    install: str | None = None
    relock: str | None = None
    choosing: tuple[tuple[str, str], ...] = ()
    exported: Exported | None = None
    supports: tuple[Support, ...] = ()

    @property
    def has_choices(self) -> bool:
        """Whether two pins of one name may be for different needs or parts, so that each requirement means one of them."""
        return self.by_need or bool(self.parts)

    def stated(self) -> Iterator[Requirement]:
        """Give the requirements of all pins and of all roots."""
        for pin in self.pins:
            yield pin.requirement
        for root in self.roots:
            yield root.requirement


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A value that a file declares: the text and its place."""

    text: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What the project says of itself.

    Attributes:
        name: the canonical name, or None.
        requires_python: the Pythons that it supports (PEP 440 specifier).
        python_versions: the lines of `.python-version`.
        anchor: the file that checks of the whole environment are shown at.
        root: the folder's URL (`file:///...`), to know its own installation by.
    """

    name: str | None = None
    requires_python: Declared | None = None
    python_versions: tuple[Declared, ...] = ()
    anchor: str
    root: str = ""
