"""The words for what is installed: a distribution and where it came from, an interpreter, and the inventory of an environment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.requirement import AnyVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a distribution was installed from, by its `direct_url.json` (PEP 610).

    Attributes:
        url: without credentials.
        commit: the full commit of a VCS checkout.
        revision: the branch, tag or commit that was asked for.
        editable: whether the files at the URL are the ones in use.
        directory: whether the URL is a folder.
        hashes: of an archive, `sha256:...`.
        released: whether it is a file of an index or a channel, which records that of all that it gives.
    """

    url: str
    commit: str | None = None
    revision: str | None = None
    editable: bool = False
    directory: bool = False
    hashes: frozenset[str] = frozenset()
    released: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """An installed distribution, as its metadata describes it.

    Attributes:
        name: the canonical name.
        version: None where the metadata does not tell a valid one.
        requires: the dependencies, PEP 508 text.
        requires_python: a specifier's text.
        tags: the wheel tags (`cp311-cp311-linux_x86_64`); None where it was not installed from a wheel.
        source: where it came from, if not from an index.
        label: the metadata folder's name, for messages.
        changed: when its metadata was written, in seconds since the epoch.
        fault: why the metadata cannot be trusted, or None.
        provides: of a package that is not one of Python's, the canonical names of Python's that lie in it.
    """

    name: str
    version: AnyVersion | None
    requires: tuple[str, ...] = ()
    requires_python: str | None = None
    tags: tuple[str, ...] | None = None
    source: Source | None = None
    label: str = ""
    changed: float = 0.0
    fault: str | None = None
    provides: frozenset[str] = frozenset()


class Recorded(NamedTuple):
    """The files of a distribution, compared with its RECORD.

    Attributes:
        name: its canonical name.
        label: the metadata folder's name, for messages.
        files: how many files were compared.
        faults: the files that are not what RECORD says: the path, as it stands there; the hash or the size that it
            tells, or None; and that of the file, or None where there is no file.
        left_out: why there is nothing to compare with: `no RECORD`, or `conda` or `Debian`, which change files after it
            is written; or None.
        unknown: why not all could be compared that should have been, or None.
    """

    name: str
    label: str
    files: int = 0
    faults: tuple[tuple[str, str | None, str | None], ...] = ()
    left_out: str | None = None
    unknown: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A Python: `cpython`, `3.11.7`, `linux-x86_64`, and the marker variables of PEP 508."""

    implementation: str
    version: str
    platform: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is installed in one environment.

    Attributes:
        interpreter: its Python.
        distributions: by canonical name; a mapping that may read each of them only when it is asked for.
        duplicates: for a name that lies twice in one folder, the names of all its metadata folders.
        leftovers: metadata folders that belong to no distribution, with the reason.
        versions: the versions by canonical name, as known without reading the metadata.
        state: gives a digest that changes with anything that is installed, or None where that cannot be promised.
        files: compares the files of every distribution with its RECORD, by name: those that could have changed since
            they were installed, or all of them (`True`).
        files_state: gives the same digest of all that this depends on.
        extras: gives the canonical names of the extras that a distribution declares, by its name.
        modules: gives the names that a distribution is imported by, as far as its files tell them.
        others: what other package managers than Python's have installed, by name with the kind before it
            (`conda:openssl`); a mapping that may read each of them only when it is asked for.
        kinds: the kinds that were looked for and are there.
    """

    interpreter: Interpreter
    distributions: Mapping[str, Distribution]
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leftovers: tuple[tuple[str, str], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    state: Callable[[], str | None] = lambda: None
    files: Callable[[bool], tuple[Recorded, ...]] = lambda _: ()
    files_state: Callable[[], str | None] = lambda: None
    extras: Callable[[str], frozenset[str]] = lambda _: frozenset()
    modules: Callable[[str], tuple[str, ...]] = lambda _: ()
    others: Mapping[str, Distribution] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()

    def get(self, name: str) -> Distribution | None:
        """Give what is installed of a name, of whatever kind; None where nothing is."""
        return self.distributions.get(name) or self.others.get(name)

    def has(self, name: str) -> bool:
        """Tell whether something of a name is installed, of whatever kind."""
        return name in self.versions or name in self.others

    def is_unseen(self, kind: str) -> bool:
        """Tell whether it is not known what is installed of a kind (`conda`); the empty one is Python's."""
        return bool(kind) and kind not in self.kinds

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of interpreter, platform and the sorted `name==version`, as `sha256:...`."""
        python = self.interpreter
        lines = [python.implementation, python.version, python.platform]
        lines += sorted(f"{name}=={version}" for name, version in self.versions.items())
        return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()
