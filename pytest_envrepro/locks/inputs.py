"""Reads the inputs of a lock, and all that they read: roots, constraints, and what is wrong with them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import cycle, merge_conflict, missing, not_a_requirement, unreadable
from pytest_envrepro.locks.lines import options_of, read_entry
from pytest_envrepro.locks.paths import DEEPEST, PROJECT_FILES, beside, is_url
from pytest_envrepro.locks.project import Choice, ProjectFile, read_pyproject, read_setup_cfg
from pytest_envrepro.model import Root
from pytest_envrepro.provenance import Dynamic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.locks.faults import Place
    from pytest_envrepro.locks.statements import Document
    from pytest_envrepro.model import Pin
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.requirement import Requirement

_FILE = re.compile(r"(?i)^file:(?://(?:localhost)?(?=/))?")
# An absolute path, a variable that is not set, an archive, or a folder within one.
_ELSEWHERE = re.compile(
    r"(?i)^(?:/|~|[a-z]:)|\$\{|\.(?:zip|whl|tar|tgz|tbz2?|txz|tlz|(?:tar\.)?(?:gz|bz2|xz|lz|lzma))$"
)
_TELLS = re.compile(r"^\s*\[(?:project|metadata|options)\]", re.MULTILINE)


@dataclass(kw_only=True)
class Inputs:
    """What some inputs say together, collected file by file.

    Attributes:
        tool: the compiler that reads them; None for pip.
        files: every file that was read, or should have been.
        settings: the file with the settings of the compiler itself, or None.
        options: what the requirements files tell an installer.
        has_optional: whether a project's file was read that has extras or groups.
        unread: why they cannot be read in full, or None.
    """

    tree: Tree
    tool: str | None = None
    roots: list[Root] = field(default_factory=list)
    constraints: list[Root] = field(default_factory=list)
    overrides: list[Root] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    dynamic: list[Dynamic] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    faults: list[Finding] = field(default_factory=list)
    settings: str | None = None
    options: list[Option] = field(default_factory=list)
    has_optional: bool = False
    unread: str | None = None
    _read: set[tuple[str, int]] = field(default_factory=set)
    _projects: dict[str, str] = field(default_factory=dict)  # The file of each project that was read, by its name.

    def add(self, path: str, choice: Choice, asked: Place) -> None:
        """Read one input of a compile command; `asked` is the file and the line that name it."""
        name = posixpath.basename(path)
        if name == "pyproject.toml":
            self._add_project(path, choice, asked, read_pyproject)
        elif name == "setup.cfg":
            self._add_project(path, choice, asked, read_setup_cfg)
        elif name == "setup.py":
            if self._text(path, asked) is not None:
                self._add_dynamic(path, choice)
        elif name.endswith(".py"):
            self.files.add(path)
            self.unread = f"{path} is a script (PEP 723): its requirements cannot be read yet"
        else:
            self.add_requirements(path, self.roots, asked)

    def add_requirements(self, path: str, into: list[Root], asked: Place) -> None:
        """Read a requirements file, and those that it reads, into one of the lists."""
        self._follow(path, into, asked, ())

    def _follow(self, path: str, into: list[Root], asked: Place, trail: tuple[str, ...]) -> None:
        """Read a file once for each list: two files may read the same third one."""
        if path in trail:
            self.faults.append(cycle(path, asked, trail))
            return
        if len(trail) == DEEPEST:
            self.faults.append(unreadable(asked, f"{path} is read through {DEEPEST} other files"))
            return
        if (path, id(into)) in self._read:
            return
        self._read.add((path, id(into)))
        if self._text(path, asked) is None:
            return
        document = self.tree.document(path)
        self._add_document(path, document, into)
        for include in document.includes:
            if is_url(include.path):
                self.unread = self.unread or f"{path}:{include.line} reads {redact(include.path)}, which is not opened"
                continue
            # To pip, what a file of constraints reads with `-r` is no constraint.
            nested = into if self.tool == "uv" or into is not self.constraints else self.roots
            into_other = self.constraints if include.constraint else nested
            self._follow(beside(path, include.path), into_other, (path, include.line), (*trail, path))

    def _add_document(self, path: str, document: Document, into: list[Root]) -> None:
        for line in document.conflicts:
            self.faults.append(merge_conflict(path, line))
        for fault in document.faults:
            self.faults.append(unreadable((path, fault.line), fault.message))
        self.options += options_of(path, document)
        for entry in document.entries:
            try:
                requirement = read_entry(entry)
                if entry.editable and into is self.constraints:
                    raise ValueError("a constraint cannot be editable")  # noqa: TRY301  # One more fault of the line.
            except ValueError as error:
                self.faults.append(unreadable((path, entry.line), not_a_requirement(entry.raw, error)))
            else:
                into.append(Root(requirement=requirement, file=path, line=entry.line, editable=entry.editable))

    def _add_project(self, path: str, choice: Choice, asked: Place, reader: Callable[[str, str], ProjectFile]) -> None:
        text = self._text(path, asked)
        if text is None:
            return
        try:
            project = reader(path, text)
            dynamic = choice.dependencies and self._is_dynamic(project, choice)
            self.roots.extend(
                project.roots(choice._replace(dependencies=False, extras=frozenset()) if dynamic else choice)
            )
            files = () if dynamic else tuple(project.chosen_files(choice))
        except LockError as error:
            self.faults.append(unreadable((error.file, error.line), error.message))
            return
        if project.name is not None:
            self._projects.setdefault(project.name, path)
        for file, line in files:
            self.add_requirements(beside(path, file), self.roots, (path, line))
        self.has_optional |= bool(project.extras or project.groups)
        if dynamic:
            self._add_dynamic(path, choice, project.name)

    def settle(self, join: Callable[[str], str], pins: Iterable[Pin], *, follow: bool) -> None:
        """Add what the folders among the roots require, and put the extras of a project in the place of its name.

        Args:
            join: gives a path that is relative to the folder of the command, relative to the root instead.
            pins: those of the lock; a name that stands there is a package from elsewhere.
            follow: whether the lock holds what the folders require.
        """
        pinned = {pin.requirement.name for pin in pins if pin.requirement.url is None}
        done: set[tuple[str, bool, frozenset[str], str | None]] = set()
        waiting = True
        while waiting:
            waiting = False
            for root in tuple(self.roots):
                asked = root.requirement
                own = None if asked.url or asked.name in pinned else self._projects.get(asked.name or "")
                path = own or (self._metadata_of(root, join) if follow else None)
                step = (path or "", own is None, asked.extras, asked.marker)
                if path is None or step in done:
                    continue
                done.add(step)
                waiting = True
                self._expand(path, root, Choice(extras=asked.extras, dependencies=own is None))
        gone = self._projects.keys() - pinned
        self.roots[:] = [root for root in self.roots if root.requirement.url or root.requirement.name not in gone]

    def _metadata_of(self, root: Root, join: Callable[[str], str]) -> str | None:
        """Find the file that tells the requirements of a folder below the root; None for all else."""
        url = root.requirement.url or ""
        place = unquote(_FILE.sub("", url).partition("#")[0]).replace("\\", "/")
        if not place or "://" in url or "+" in url.partition(":")[0] or _ELSEWHERE.search(place):
            return None
        folders = dict.fromkeys((join(place), beside(root.file, place)))
        within = [folder for folder in folders if folder != ".." and not folder.startswith("../")]
        for folder in within:
            found = [path for name in PROJECT_FILES if self.tree.exists(path := beside(f"{folder}/x", name))]
            for path in found:
                # Beside a `setup.cfg` or a `setup.py`, a `pyproject.toml` may say nothing of the project.
                if path == found[-1] or _TELLS.search(self._quietly(path)):
                    return path
        if within:
            message = f"{root.file}:{root.line}: there is no pyproject.toml, setup.cfg or setup.py in {redact(place)}"
            self.unread = self.unread or message
        return None

    def _quietly(self, path: str) -> str:
        try:
            return self.tree.read(path)
        except LockError:
            return ""

    def _expand(self, path: str, root: Root, choice: Choice) -> None:
        """Read what a project requires that a root names; what is wrong with its files is not this lock's fault."""
        inner = Inputs(tree=self.tree, tool=self.tool)
        wanted = choice
        name = posixpath.basename(path)
        if name != "setup.py":
            try:
                project = (read_pyproject if name == "pyproject.toml" else read_setup_cfg)(path, self.tree.read(path))
            except LockError as error:
                self.unread = self.unread or str(error)
                return
            if not self._is_dynamic(project, choice):  # pip warns of an extra that is not there, and goes on.
                wanted = choice._replace(extras=(choice.extras or frozenset()) & project.extras.keys())
        inner.add(path, wanted, (root.file, root.line))
        marker = root.requirement.marker
        unread = inner.unread or next((fault.message for fault in inner.faults), None)
        if marker and inner.dynamic:
            unread = unread or f"{path} tells its requirements only when it is built"
        self.unread = self.unread or (f"{root.file}:{root.line}: {unread}" if unread else None)
        self.dynamic += [each for each in inner.dynamic if each not in self.dynamic and not marker]
        self.files |= inner.files
        self.constraints += [each for each in inner.constraints if each not in self.constraints]
        for project_name, file in inner._projects.items():
            self._projects.setdefault(project_name, file)
        for found in inner.roots:
            bound = replace(found, requirement=_under(found.requirement, marker))
            if bound not in self.roots:
                self.roots.append(bound)

    def _is_dynamic(self, project: ProjectFile, choice: Choice) -> bool:
        """Tell whether only a build tells what is chosen; a `setup.cfg` shares its say with a `setup.py` beside it."""
        if project.dynamic or (project.dynamic_extras and choice.extras != frozenset()):
            return True
        script = beside(project.path, "setup.py")
        if posixpath.basename(project.path) != "setup.cfg" or not self.tree.exists(script):
            return False
        return not (project.dependencies or project.files) or "install_requires" in self.tree.read(script)

    def _add_dynamic(self, path: str, choice: Choice, name: str | None = None) -> None:
        folder = posixpath.dirname(path)
        changed = max(self.tree.changed(beside(path, other)) for other in PROJECT_FILES)
        project = name or self._project_name(folder)
        self.dynamic.append(Dynamic(file=path, project=project, extras=choice.extras, changed=changed))

    def _project_name(self, folder: str) -> str | None:
        """Find the name of the project that a `setup.py` builds in the files beside it."""
        for file, reader in (("pyproject.toml", read_pyproject), ("setup.cfg", read_setup_cfg)):
            path = posixpath.join(folder, file)
            if self.tree.exists(path):
                try:
                    name = reader(path, self.tree.read(path)).name
                except LockError:
                    continue  # It is not an input: its faults are not this lock's.
                if name is not None:
                    return name
        return None

    def _text(self, path: str, asked: Place) -> str | None:
        """Read a file once more or for the first time; a missing one is a finding at the line that asks for it."""
        self.files.add(path)
        try:
            if self.tree.exists(path):
                return self.tree.read(path)
            self.faults.append(missing(path, asked))
        except LockError as error:
            self.faults.append(unreadable((error.file, error.line), error.message))
        return None


def _under(requirement: Requirement, marker: str | None) -> Requirement:
    """Give a requirement that applies only where a marker does too."""
    if marker is None:
        return requirement
    return replace(requirement, marker=f"({marker}) and ({requirement.marker})" if requirement.marker else marker)
