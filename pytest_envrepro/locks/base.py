"""What all lock formats share: the port that a format implements, and what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_envrepro.locks.syntax import read as read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_envrepro.locks.statements import Document
    from pytest_envrepro.model import Lock


class Declaration(NamedTuple):
    """What the table `[[tool.envrepro.locks]]` says of a lock.

    Attributes:
        inputs: the files that it is compiled from; None where the table leaves them to be found.
        command: the command that compiles it, or None.
    """

    inputs: tuple[str, ...] | None = None
    command: str | None = None


class Tree:
    """The files of a project, as a format may see them.

    Args:
        read: gives the text at a path relative to the root; raises `LockError`.
        exists: tells whether a path relative to the root is a file.
        changed: gives the time of a file's last change, in seconds since the epoch; 0 where there is none.
        environ: the environment variables that files may name.
        folders: gives the names of the folders in a folder, which is relative to the root too; none where there is none.
    """

    def __init__(
        self,
        *,
        read: Callable[[str], str],
        exists: Callable[[str], bool],
        changed: Callable[[str], float],
        environ: Mapping[str, str],
        folders: Callable[[str], Iterable[str]] = lambda _: (),
    ) -> None:
        self.read = read
        self.exists = exists
        self.changed = changed
        self.environ = environ
        self.folders = folders
        self._documents: dict[str, Document] = {}

    def document(self, path: str) -> Document:
        """Give what stands in a requirements file, which is taken apart once.

        Raises:
            LockError: it cannot be read.
        """
        if path not in self._documents:
            self._documents[path] = read_document(self.read(path), self.environ)
        return self._documents[path]


class LockFormat(Protocol):
    """One format of locks.

    Example behaviour:
        >>> from pytest_envrepro.locks.requirements import RequirementsFormat
        >>> RequirementsFormat().may_be("requirements/prod.txt")
        True
        >>> RequirementsFormat().may_be("README.md")
        False
    """

    name: str

    def may_be(self, path: str) -> bool:
        """Tell, by the name alone, whether the file could be a lock of this format."""

    def why_not(self, path: str, tree: Tree) -> str | None:
        """Give the reason why such a file is no lock, or None where it is one."""

    def parse(self, path: str, tree: Tree, declaration: Declaration | None) -> Lock:
        """Read the lock with its inputs. Faults of the files are among the lock's `faults`; nothing is raised."""
