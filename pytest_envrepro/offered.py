"""What this project offers by name: its dependency groups (PEP 735) and its extras, with all that they ask for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError, SettingsError
from pytest_envrepro.locks import Choice, Inputs, read_pyproject, read_setup_cfg
from pytest_envrepro.requirement import Requirement
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from pytest_envrepro.locks import ProjectFile, Tree

_BUILT = "setup.py"


class Offered:
    """The groups and extras of one project.

    Every property and method raises a `SettingsError` where a file of the project cannot be read, with its place.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    @cached_property
    def _files(self) -> tuple[ProjectFile, ...]:
        """The project's files; a `setup.cfg` counts where `pyproject.toml` says nothing of the project."""
        found: list[ProjectFile] = []
        for path, reader in (("pyproject.toml", read_pyproject), ("setup.cfg", read_setup_cfg)):
            if self._tree.exists(path) and not (found and found[0].name):
                try:
                    found.append(reader(path, self._tree.read(path)))
                    _refuse_groups_of_one_name(found[-1])
                except LockError as error:
                    raise SettingsError(str(error)) from error
        return tuple(found)

    @property
    def groups(self) -> frozenset[str]:
        """The canonical names of the groups."""
        return frozenset(group for file in self._files for group in file.groups)

    @property
    def extras(self) -> frozenset[str]:
        """The canonical names of the extras that files tell."""
        return frozenset(extra for file in self._files for extra in file.extras)

    @property
    def tells_extras(self) -> bool:
        """Whether there are no other extras than those: `setup.py` and some builds have the last word."""
        if any(file.dynamic_extras for file in self._files):
            return False
        return any(file.name for file in self._files) or not self._tree.exists(_BUILT)

    @property
    def uses_uv(self) -> bool:
        """Whether people install this project with uv."""
        return self._tree.exists("uv.lock")

    def of_group(self, name: str) -> tuple[Requirement, ...]:
        """Give the requirements of a group that exists, the groups that it includes followed."""
        file = next(file for file in self._files if name in file.groups)
        return self._read(file.path, Choice(groups=(name,), dependencies=False))

    def of_extra(self, name: str) -> tuple[Requirement, ...]:
        """Give the requirements of an extra; of one that only a build tells, the project itself with it."""
        file = next((file for file in self._files if name in file.extras), None)
        if file is not None:
            return self._read(file.path, Choice(extras=frozenset({name}), dependencies=False))
        return self._itself(name)

    def _read(self, path: str, choice: Choice) -> tuple[Requirement, ...]:
        inputs = Inputs(tree=self._tree)
        inputs.add(path, choice, (path, 1))
        inputs.settle(lambda file: file, (), follow=False)
        faults = sorted(f"{fault.file}:{fault.line}: {fault.message}" for fault in inputs.faults)
        if inputs.unread:
            faults.append(inputs.unread)
        if faults:
            raise SettingsError("\n".join(faults))
        found = [root.requirement for root in inputs.roots]
        for each in inputs.dynamic:
            found += [own for extra in sorted(each.extras or ()) for own in self._itself(extra)]
        return tuple(dict.fromkeys(found))

    def _itself(self, extra: str) -> tuple[Requirement, ...]:
        name = next((file.name for file in self._files if file.name), None)
        if name is None:
            message = f"the extra '{extra}' cannot be judged: no file tells this project's name"
            raise SettingsError(message)
        return (Requirement(name=name, extras=frozenset({extra}), specifier=SpecifierSet()),)


def _refuse_groups_of_one_name(file: ProjectFile) -> None:
    """Refuse two groups whose names differ in case and dashes alone: tools are to raise an error for them (PEP 735).

    Raises:
        LockError: there are two.
    """
    if not file.groups or not file.path.endswith(".toml"):
        return
    seen: dict[str, str] = {}
    for name in load_toml(file.path, file.text)["dependency-groups"]:
        other = seen.setdefault(canonicalize_name(name), name)
        if other != name:
            raise LockError(
                file.path, None, f"the dependency groups '{other}' and '{name}' have the same name (PEP 735)"
            )
