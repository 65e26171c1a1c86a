"""Gathers what an environment's settings ask for: every requirement, with the place that asks for it."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.absolute import absolute, located, pep508, placed
from pytest_envrepro.discovery import tree_of
from pytest_envrepro.envs.locked import refuse_unknown
from pytest_envrepro.errors import BuildError, LockError, SettingsError
from pytest_envrepro.installers import PLACES, Asked, Sources
from pytest_envrepro.locks import Inputs, exporting, instead_of
from pytest_envrepro.replicating import installed_here, printed
from pytest_envrepro.requirement import redact
from pytest_envrepro.settingvalues import a_string_is_a_path, is_a_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Lock, Option, Pin, Root
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

_URL = re.compile(r"(?i)[a-z][a-z0-9+.-]*://|file:")


def _quiet(_: str) -> None:
    """Tell nobody."""


def gather(
    settings: Settings,
    session: Session,
    python: Python,
    *,
    offline: bool = False,
    tell: Callable[[str], None] = _quiet,
) -> Sources:
    """Collect all that the settings ask for, but for the project itself: requirements, or one lock to be taken as it is.

    Args:
        offline: whether a command of the settings is told to leave the network alone.
        tell: is told what is being done, where that takes its time.

    Raises:
        SettingsError: they name what does not exist.
        LockError: a file cannot be read, or is none of its kind.
        BuildError: the command of `replicate-local` fails.
    """
    printing = partial(printed, name=settings.name, session=session, offline=offline, tell=tell)
    gatherer = _Gatherer(settings, session, python, printing)
    gatherer.refuse_unknown()
    asked = tuple(gatherer.asked())
    constraints = tuple(gatherer.bounds())
    if settings.lock is None:
        return Sources(requirements=asked, constraints=constraints, options=gatherer.options)
    lock = gatherer.lock(settings.lock)
    pins = [pin for pin in lock.pins if pin.requirement.applies(python.interpreter.environment)]
    gatherer.note(lock.options, is_hashed=all(pin.hashes for pin in pins))
    if not asked and not constraints and not settings.project and all(pin.version and pin.hashes for pin in pins):
        return Sources(lock=_as_text(pins, lock.path), options=gatherer.options)
    pinned = tuple(Asked(_pinned(pin, session.root), f"{lock.path}:{pin.line}") for pin in pins)
    return Sources(requirements=(*pinned, *asked), constraints=constraints, options=gatherer.options)


def _as_text(pins: Iterable[Pin], path: str) -> str:
    """Write pins with their hashes, and where they stand, as a requirements file."""
    return "".join(
        f"{pep508(pin.requirement, marker=False)}{_hashes(pin)}\n    # via {path}:{pin.line}\n" for pin in pins
    )


def _hashes(pin: Pin) -> str:
    return "".join(f" --hash={each}" for each in pin.hashes)


def _pinned(pin: Pin, root: Path) -> str:
    """Write a pin as a requirement with its hashes, a path in it absolute."""
    requirement = pin.requirement
    if requirement.url is None or "://" in requirement.url:
        return f"{pep508(requirement, marker=False)}{_hashes(pin)}"
    text = located(requirement, root / os.path.dirname(pin.file))
    return f"-e {text}" if pin.editable else f"{text}{_hashes(pin)}"


class _Gatherer:
    """Reads what one declaration names.

    Args:
        printing: gives what a command of the settings prints.
    """

    def __init__(
        self, settings: Settings, session: Session, python: Python, printing: Callable[[tuple[str, ...]], bytes]
    ) -> None:
        self._printing = printing
        self._settings = settings
        self._session = session
        self._python = python
        self._options: dict[Option, None] = {}

    @property
    def options(self) -> tuple[Option, ...]:
        """What the files that were read so far tell an installer."""
        return tuple(self._options)

    def note(self, options: Iterable[Option], *, folder: Path | None = None, is_hashed: bool = False) -> None:
        """Note what files tell an installer, the places in it as URLs.

        Args:
            folder: what paths are relative to; that of the file, where it is None.
            is_hashed: whether all that they ask for has hashes, as `--require-hashes` has it.
        """
        for option in options:
            base = folder or self._session.root / os.path.dirname(option.file)
            is_path = option.name in PLACES and not _URL.match(option.value)
            path = os.path.normpath(base / os.path.expanduser(option.value)) if is_path else ""
            if not (is_hashed and option.name == "--require-hashes"):
                self._options[option._replace(value=Path(path).as_uri()) if path else option] = None

    def refuse_unknown(self) -> None:
        """Refuse groups, extras and integrations that do not exist, all of them at once.

        Raises:
            SettingsError: there are some, or they cannot be read.
        """
        settings, catalogue = self._settings, self._session.catalogue
        looks: tuple[tuple[str, tuple[str, ...], Callable[[str], object]], ...] = (
            ("groups", settings.groups, catalogue.of_group),
            ("extras", settings.extras, catalogue.of_extra),
            ("required-integrations", settings.required_integrations, catalogue.parts),
        )
        faults = []
        for key, names, look in looks:
            for index, name in enumerate(names):
                try:
                    look(name)
                except SettingsError as error:
                    where = self._declared_by(f"{key}[{index}]", key)
                    faults += [f"  {where}: {key}: {line}" for line in str(error).split("\n")]
        if faults:
            whose = f"the environment '{settings.name}'" if settings.name else "an environment"
            raise SettingsError("\n".join([f"the settings of {whose} cannot be followed:", *dict.fromkeys(faults)]))

    def asked(self) -> Iterator[Asked]:
        """Give the requirements, source by source."""
        settings, catalogue = self._settings, self._session.catalogue
        yield from self._listed(settings.requirements, "requirements")
        for name in settings.groups:
            yield from (Asked(pep508(each), f"group '{name}'") for each in catalogue.of_group(name))
        # With the project itself they are asked for together with it.
        for name in settings.extras if not settings.project else ():
            yield from (Asked(pep508(each), f"extra '{name}'") for each in catalogue.of_extra(name))
        for name in settings.required_integrations:
            for part in catalogue.asked([name]):
                yield Asked(pep508(part.requirement), f"integration '{part.by}'")
        yield from self._replicated()

    def bounds(self) -> Iterator[Asked]:
        """Give the constraints: those of the settings, and what the requirements file names with `-c`."""
        yield from self._listed(self._settings.constraints, "constraints")
        if isinstance(self._settings.requirements, str):
            inputs = self._read(self._session.tree, self._settings.requirements, "requirements")
            yield from map(self._of, inputs.constraints)

    def _listed(self, value: str | Iterable[str], key: str) -> Iterator[Asked]:
        if isinstance(value, str):
            yield from map(self._of, self._read(self._session.tree, value, key).roots)
        else:
            for index, text in enumerate(value):
                source = f"{key} of {self._declared_by(f'{key}[{index}]', key)}"
                yield Asked(absolute(text, self._session.root), source)

    def _declared_by(self, *keys: str) -> str:
        """Give where a value came from; of a list that came from several places, a part by itself."""
        return next(filter(None, map(self._settings.origins.get, keys)), "the settings")

    def _of(self, root: Root) -> Asked:
        text = placed(root.requirement, self._session.root / os.path.dirname(root.file), is_editable=root.editable)
        return Asked(text, f"{root.file}:{root.line}")

    def _read(self, tree: Tree, path: str, key: str) -> Inputs:
        """Read a requirements file, and all that it reads.

        Raises:
            LockError: something in it cannot be read; all that is wrong is told.
        """
        if not tree.exists(path):
            listed = f"; {a_string_is_a_path(path)}" if is_a_name(path) else ""
            raise SettingsError(f"the {key} of {self._declared_by(key)}: there is no file {path}{listed}")
        inputs = Inputs(tree=tree)
        inputs.add_requirements(path, inputs.roots, (path, 1))
        faults = sorted(f"{fault.file}:{fault.line}: {fault.message}" for fault in inputs.faults)
        faults += [inputs.unread] if inputs.unread else []
        if faults:
            said = "\n  ".join([f"the {key} of {self._declared_by(key)} cannot be read:", *faults])
            raise SettingsError(said)
        self.note(inputs.options, folder=self._session.root if key == "replicate-local" else None)
        return inputs

    def lock(self, path: str) -> Lock:
        """Read a lock of any format.

        Raises:
            SettingsError: there is none.
            LockError: it cannot be read, or is none: it does not pin all that it asks for.
        """
        where = self._declared_by("lock")
        try:
            return read_lock(self._session, path, where)
        except LockError as error:
            if (command := exporting(path)) is not None:
                further = f'{error.message}, or write replicate-local = "{command}" in the place of lock ({where})'
                raise LockError(error.file, None, further) from error
            found = self._session.lock(error.file)
            if not found.unpinned or found.recipe is not None:
                raise
            advice = (
                f"{error.message}, so this is no lock: other versions could be installed on another day\n"
                f'  write requirements = "{path}" in the place of lock ({where}): versions are then chosen once, and kept;'
                "\n  or compile it, as with pip-compile, and name the lock that comes of it"
            )
            raise LockError(error.file, error.line, advice) from error

    def _replicated(self) -> Iterator[Asked]:
        command = self._settings.replicate_local
        if command is True:
            yield from installed_here(self._session.inventory)
        elif command:
            shown = " ".join(command)
            tree = tree_of(self._session.files.holding(shown, self._printed(command)), self._session.environ)
            roots = self._read(tree, shown, "replicate-local").roots
            if not roots:
                raise BuildError(
                    f"replicate-local: `{redact(shown)}` printed no requirement, and ended with 0 "
                    f"({self._declared_by('replicate-local')})"
                )
            yield from (Asked(pep508(root.requirement), f"`{redact(shown)}`, line {root.line}") for root in roots)

    def _printed(self, command: tuple[str, ...]) -> bytes:
        """Give what a command prints.

        Raises:
            BuildError: it fails.
        """
        try:
            return self._printing(command)
        except BuildError as error:
            raise BuildError(f"{error} ({self._declared_by('replicate-local')})") from error.__cause__


def read_lock(session: Session, path: str, declared_by: str) -> Lock:
    """Read a lock that settings or a test name.

    Args:
        path: relative to the root, or absolute.
        declared_by: who names it, for the message.

    Raises:
        SettingsError: there is no such file, or it lies outside of the project.
        LockError: its pins cannot be read.
    """
    path = Path(os.path.relpath(session.root / path, session.root)).as_posix()
    if path.startswith("../") or os.path.isabs(path):
        raise SettingsError(f"the lock {path} of {declared_by} lies outside of this project")
    if not session.tree.exists(path):
        raise SettingsError(f"the lock {path} of {declared_by} does not exist")
    if (instead := instead_of(path)) is not None:
        raise LockError(path, None, instead)
    lock = session.lock(path)
    refuse_unknown(lock)
    return lock
