"""Gathers what an environment's settings ask for: every requirement, with the place that asks for it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.absolute import absolute, located, pep508, placed
from pytest_envrepro.credentials import redact
from pytest_envrepro.discovery import tree_of
from pytest_envrepro.errors import BuildError, LockError, SettingsError
from pytest_envrepro.installers import PLACES, Asked, Sources, further_places
from pytest_envrepro.lockparts import parts_of, unknown_in
from pytest_envrepro.lockpins import pins_of, places_of, read_lock
from pytest_envrepro.locks import Inputs
from pytest_envrepro.offered import Offered
from pytest_envrepro.places import VCS
from pytest_envrepro.replicating import installed_here, printed
from pytest_envrepro.settingvalues import a_string_is_a_path, is_a_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Lock, Pin, Root
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

_STRONG = ("sha256:", "sha384:", "sha512:")  # pip takes no others; a `pylock.toml` may have more (PEP 751).
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
    lock = None if settings.lock is None else gatherer.lock(settings.lock)
    is_of_project = lock is not None and lock.install is not None
    gatherer.refuse_unknown(lock if is_of_project else None)
    asked = tuple(gatherer.asked(has_parts=is_of_project))
    constraints = tuple(gatherer.bounds())
    if lock is None:
        return Sources(requirements=asked, constraints=constraints, options=gatherer.options)
    pins = gatherer.pins(lock)
    is_closed = is_of_project or (not settings.project and all(pin.version and pin.hashes for pin in pins))
    pinned = tuple(Asked(_pinned(pin, session.root), f"{lock.path}:{pin.line}") for pin in pins)
    if is_closed and not asked and not constraints:
        return Sources(lock=pinned, options=gatherer.options)
    # Of what is not pinned, the order of the indexes is the user's word.
    options = tuple(option for option in gatherer.options if option.name != "--index-strategy")
    return Sources(requirements=(*pinned, *asked), constraints=constraints, options=options)


def _pinned(pin: Pin, root: Path) -> str:
    """Write a pin as a requirement with its hashes, a path in it absolute."""
    requirement = pin.requirement
    strong = [each for each in pin.hashes if each.startswith(_STRONG)]
    hashes = "".join(f" --hash={each}" for each in strong or pin.hashes)
    if pin.editable and not (requirement.url or "").startswith(VCS):
        return f"-e {located(replace(requirement, name=None), root / os.path.dirname(pin.file))}"
    if requirement.url is None or "://" in requirement.url:
        return f"{pep508(requirement, marker=False)}{hashes}"
    return f"{located(requirement, root / os.path.dirname(pin.file))}{hashes}"


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

    def refuse_unknown(self, lock: Lock | None) -> None:
        """Refuse groups, extras and integrations that do not exist, all of them at once.

        Args:
            lock: that the groups and extras are of; None where they are of the project.

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
        if lock is not None:
            unknown = unknown_in(lock, settings.groups, settings.extras, Offered(self._session.tree))
            faults = [f"  {self._declared_by(f'{key}[{index}]', key)}: {key}: {text}" for key, index, text in unknown]
        for key, names, look in looks[2:] if lock else looks:
            for index, name in enumerate(names):
                try:
                    look(name)
                except SettingsError as error:
                    where = self._declared_by(f"{key}[{index}]", key)
                    faults += [f"  {where}: {key}: {line}" for line in str(error).split("\n")]
        if faults:
            whose = f"the environment '{settings.name}'" if settings.name else "an environment"
            raise SettingsError("\n".join([f"the settings of {whose} cannot be followed:", *dict.fromkeys(faults)]))

    def pins(self, lock: Lock) -> tuple[Pin, ...]:
        """Give the pins of a lock that are for this Python, and note what the lock tells an installer.

        Raises:
            LockError: it is not for this Python, or what it pins could be any file.
        """
        environment, root = self._python.interpreter.environment, self._session.root
        parts = parts_of(lock, self._settings.groups, self._settings.extras)
        pins = pins_of(lock, environment, parts, root)
        if lock.install is None:
            self.note(lock.options, is_hashed=all(pin.hashes for pin in pins))
        else:
            environ = self._session.tool_environ
            self.note(places_of(lock, pins, root, environ, further=further_places(environ)))
        return pins

    def asked(self, *, has_parts: bool) -> Iterator[Asked]:
        """Give the requirements, source by source.

        Args:
            has_parts: whether groups and extras choose parts of a lock.
        """
        settings, catalogue = self._settings, self._session.catalogue
        yield from self._listed(settings.requirements, "requirements")
        for name in settings.groups if not has_parts else ():
            yield from (Asked(pep508(each), f"group '{name}'") for each in catalogue.of_group(name))
        # With the project itself they are asked for together with it.
        for name in settings.extras if not settings.project and not has_parts else ():
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
            found = self._session.lock(error.file)
            if not found.unpinned or found.recipe is not None or found.install is not None:
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
