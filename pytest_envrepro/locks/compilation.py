"""What a compile command reads, and how the lock is compiled again."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.command import SHELL_WORDS, read_command
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.origin import DEFAULTS, commented, default_output, groups_of, outsider, unread_mention
from pytest_envrepro.locks.paths import is_url
from pytest_envrepro.locks.project import Choice
from pytest_envrepro.locks.settings import Settings, read_settings
from pytest_envrepro.provenance import Recipe

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.command import Command
    from pytest_envrepro.locks.header import Header
    from pytest_envrepro.locks.origin import Folder, Origin
    from pytest_envrepro.locks.statements import Document
    from pytest_envrepro.model import Pin
    from pytest_envrepro.outcome import Finding


def read_inputs(path: str, header: Header, origin: Origin, pins: tuple[Pin, ...], tree: Tree) -> tuple[Command, Inputs]:
    """Read all that the lock's command reads.

    Returns:
        the command with what its tool's settings add to it, and the inputs.
    """
    inputs = Inputs(tree=tree, tool=header.tool)
    refused: list[Finding] = []
    try:
        settings = read_settings(header.command, origin.folder.path, origin.paths, tree)
    except LockError as error:
        settings = Settings(command=header.command)
        refused.append(unreadable((error.file, error.line), error.message))
    command = settings.command
    inputs.unread = inputs.unread or settings.unread
    inputs.settings = settings.file
    inputs.constraints += settings.constraints
    inputs.overrides += settings.overrides
    inputs.excluded |= settings.excluded
    choice = Choice(
        extras=None if command.all_extras else frozenset(map(canonicalize_name, command.extras)),
        dependencies=not command.only_build,
        build=command.build,
    )
    # A command of groups alone names their files as its inputs, but not what else stands in them.
    for source in origin.paths if command.sources or not command.groups else ():
        inputs.add(source, choice, origin.place)
    _add_options(path, command, origin, inputs)
    if not command.argv:
        for bound in commented(path, (bound for pin in pins for bound in pin.bounds), tree)[0]:
            if bound != path:
                inputs.add_requirements(bound, inputs.constraints, (path, None))
    inputs.faults += (fault for fault in refused if fault not in inputs.faults)  # An input may hold the settings too.
    inputs.unread = inputs.unread or unread_mention(origin, inputs.files) or _unknown(header, origin)
    return command, inputs


def _add_options(path: str, command: Command, origin: Origin, inputs: Inputs) -> None:
    """Read the files that stand in the options of a command."""
    folder, place = origin.folder, (path, origin.place[1])
    groups = groups_of(command, folder)
    lists = [(command.constraints, inputs.constraints), (command.overrides, inputs.overrides)]
    excluded = Inputs(tree=inputs.tree, tool=inputs.tool)
    lists.append((command.excludes, excluded.roots))
    named = [file if is_url(file) else folder.join(file) for files, _ in lists for file in files]
    # As with its inputs, a header may name files of the project alone.
    outside = outsider((*(file for file, _ in groups), *named))
    if outside is not None:
        inputs.unread = inputs.unread or outside
        return
    for file, name in groups:
        inputs.add(file, Choice(groups=(name,), dependencies=False), place)
    for files, into in lists:
        reader = excluded if into is excluded.roots else inputs
        for file in files:
            reader.add_requirements(folder.join(file), into, place)
    inputs.excluded |= {root.requirement.name for root in excluded.roots if root.requirement.name}
    inputs.files |= excluded.files
    inputs.faults += excluded.faults


def _unknown(header: Header, origin: Origin) -> str | None:
    """Say why the inputs cannot be compared, where there must be some and none is known."""
    if header.command.exported or origin.paths or header.tool is None:
        return None
    return origin.unknown or "its inputs were not found: name them in [[tool.envrepro.locks]]"


def record(path: str, header: Header, origin: Origin, declaration: Declaration | None) -> tuple[Recipe | None, str]:
    """Give how the lock is compiled, by the table or its header; or the reason why that is not known."""
    command = header.command
    told = declaration.command if declaration else None
    if told and is_own(read_command(told)):
        return own_recipe(told)
    if command.argv:
        folder = origin.folder
        tool = "uv export" if command.exported else command.tool
        words = tuple(_words(path, command, origin))
        return Recipe(tool, words, folder.path, folder.above, is_trusted=told is not None), ""
    if command.own:
        return None, f"its header says '{command.own}', which is no command of pip-compile or uv"
    return None, "it does not say how it was compiled"


def is_own(command: Command) -> bool:
    """Tell whether a command of the table is run as it is, on a copy of all: what it reads is not known."""
    return not command.argv or (command.exported and command.tool != "uv")


def own_recipe(command: str) -> tuple[Recipe | None, str]:
    """Read a command of the project's own in the table."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        return None, f"the command in the table cannot be split into words: {error}"
    if any(word in SHELL_WORDS or word.endswith(";") for word in words) or not words:
        return None, f"the command in the table needs a shell: put '{redact(command)}' into a script, and name that"
    return Recipe(None, words, is_trusted=True), ""


def repair(path: str, header: Header, origin: Origin, document: Document) -> str | None:
    """Give the command that compiles the lock again, from the root, for people; None where none is known."""
    command = header.command
    if command.argv and (not command.exported or command.tool == "uv"):
        folder = origin.folder
        words = _words(path, command, origin)
        text = command.text if tuple(words) == command.argv else redact(shlex.join(words))
        return f"cd {shlex.quote(folder.path)} && {text}" if folder.path else text
    if command.text or not origin.paths:
        return command.text or None
    hashes = ("--generate-hashes",) if any(entry.hashes for entry in document.entries) else ()
    compiler = ("uv", "pip", "compile") if header.tool == "uv" else ("pip-compile",)
    return shlex.join((*compiler, *hashes, f"--output-file={path}", *origin.paths))


def _words(path: str, command: Command, origin: Origin) -> list[str]:
    """Give the words of a command that compiles this lock from the inputs that it is judged by, which it may not name."""
    words = _output_of(path, command, origin.folder)
    defaults = [origin.folder.join(default) for default in DEFAULTS]
    if command.sources or command.groups or (origin.paths and origin.paths[0] in defaults):
        return words
    return [*words, *(posixpath.relpath(source, origin.folder.path or ".") for source in origin.paths)]


def _output_of(path: str, command: Command, folder: Folder) -> list[str]:
    """Give the words of a command that writes this lock, also where it was moved or written from standard output."""
    written = command.output or default_output(command)
    if written is not None and folder.join(written) == path:
        return list(command.argv)
    output = posixpath.relpath(path, folder.path or ".")
    if command.output is None:
        return [*command.argv, f"--output-file={output}"]
    words: list[str] = []
    for word in command.argv:
        if words[-1:] in (["-o"], ["--output-file"]):
            words.append(output)
        elif word.startswith("--output-file="):
            words.append(f"--output-file={output}")
        elif word.startswith("-o") and word != "-o":
            words.append(f"-o{output}")
        else:
            words.append(word)
    return words
