"""Makes an environment right for another path: scripts, activation, configuration, and the RECORDs that tell their hashes.

Both paths differ in one folder's name alone, and these names are of one length (see `store`). So the name is replaced
as it stands, however a file quotes or escapes the rest of the path, and whether it is text or not: no size changes, and
no offset. What begins with the interpreter's path is rendered anew besides, since installers write that for some paths
in a way that does not start.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import stat
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store.hashing import content_of
from pytest_envrepro.store.looking import paths, scan
from pytest_envrepro.store.manifest import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A signature covers the file, and the system refuses to start what differs: such a file stays as it is.
_SIGNED = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LONGEST = 127  # Bytes of a first line that every Linux reads; what is longer was cut before 5.1 (binfmt_script).
# What pip, distlib and uv write where a path is too long or has a space: a shell starts the interpreter, and to Python
# the same lines are a string.
_BY_SHELL = re.compile(rb"#![ ]?/bin/sh\r?\n'''exec' (?P<rest>[^\n]*)\n' '''\r?\n")
_PYTHON = re.compile(rb"[/\\]env[/\\](?P<path>(?:bin|Scripts)[/\\](?:python|pypy|graalpy)[\w.]*)(?P<after>[^\r\n]*)")


class Settled(NamedTuple):
    """What is known of an environment once all its files are right for its path.

    Attributes:
        carriers: files that hold the path, but for bytecode: an import sets the path in it anew (`co_filename`).
        records: RECORDs that tell the hashes of carriers, with those.
        links: symbolic links with their targets.
        hashed: the SHA-256 of every regular file, as JSON.
    """

    carriers: tuple[str, ...]
    records: dict[str, list[str]]
    links: dict[str, str]
    hashed: bytes


def settle(root: Path, old: str, new: str) -> Settled:
    """Make an environment right for the path that it will be moved to, and hash its files.

    No file is changed in place, and none keeps a name elsewhere: an installer may have linked its own cache's files.
    Bytecode is rewritten too: what it is written of must not depend on the folder of one build.

    Args:
        root: of the environment, within a folder called `old`.
        old, new: the names of the folders, of one length.

    Raises:
        OSError: a file cannot be read or written.
    """
    before, after = old.encode(), new.encode()
    final = root.parent.with_name(new) / root.name
    hashes: dict[str, str] = {}
    links: dict[str, str] = {}
    rewritten: dict[str, tuple[bytes, bytes]] = {}
    for path, status in paths(scan(root)):
        place = root / path
        if stat.S_ISLNK(status[0]):
            links[path] = _settled_link(place, old, new)
        elif stat.S_ISREG(status[0]):
            with content_of(place) as data:
                content = bytes(data) if data.find(before) >= 0 and data[:4] not in _SIGNED else None
                if content is not None:
                    settled = _first_line(content.replace(before, after), after, os.fsencode(final))
                    if not path.endswith(".pyc"):
                        rewritten[path] = (content, settled)
                    _put(place, settled)
                    hashes[path] = hashlib.sha256(settled).hexdigest()
                else:
                    hashes[path] = hashlib.sha256(data).hexdigest()
                    if place.stat().st_nlink > 1:
                        _put(place, bytes(data))
    records = _settled_records(root, rewritten, hashes)
    return Settled(tuple(sorted(rewritten)), records, links, encoded(hashes))


def copied(
    carriers: Mapping[str, bytes],
    records: Mapping[str, bytes],
    told: Mapping[str, list[str]],
    names: tuple[str, str],
) -> dict[str, bytes]:
    """Give the content that files have in a copy: those that hold the path, and the RECORDs that tell of them.

    Args:
        carriers: their content in the environment that is copied.
        records: the content of the RECORDs there.
        told: the carriers that each of those tells of.
        names: of the folders that the environment and its copy lie in, of one length.
    """
    before, after = (name.encode() for name in names)
    made = {path: content.replace(before, after) for path, content in carriers.items()}
    for record, paths_told in told.items():
        content = records[record]
        for path in paths_told:
            content = content.replace(_hash(carriers[path]), _hash(made[path]))
        made[record] = content
    return made


def _settled_link(place: Path, old: str, new: str) -> str:
    target = os.readlink(place)
    if old not in target:
        return target
    place.unlink()
    place.symlink_to(target.replace(old, new))
    return target.replace(old, new)


def _put(place: Path, content: bytes) -> None:
    """Put a file in the place of another; mode and time stay, since bytecode tells the time of its source."""
    status = place.stat()
    temporary = place.with_name(f".{os.urandom(8).hex()}")
    temporary.write_bytes(content)
    temporary.chmod(stat.S_IMODE(status.st_mode))
    os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
    temporary.replace(place)


def _settled_records(
    root: Path, rewritten: Mapping[str, tuple[bytes, bytes]], hashes: dict[str, str]
) -> dict[str, list[str]]:
    """Correct the rows of rewritten files; give the RECORDs that have such rows."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in hashes if path.endswith(".dist-info/RECORD")):
        folder = os.path.dirname(os.path.dirname(path))
        content = (root / path).read_bytes()
        lines = content.splitlines(keepends=True)
        told = []
        for index, line in enumerate(lines):
            # A name with a comma or a quote is left alone: no installer gives a script one.
            place = os.path.normpath(f"{folder}/{os.fsdecode(line.partition(b',')[0])}").replace(os.sep, "/")
            if place not in rewritten:
                continue
            old, new = rewritten[place]
            row = b",%s,%d" % (_hash(old), len(old))
            if row in line:
                lines[index] = line.replace(row, b",%s,%d" % (_hash(new), len(new)))
                told.append(place)
        if told:
            settled = b"".join(lines)
            _put(root / path, settled)
            hashes[path] = hashlib.sha256(settled).hexdigest()
            found[path] = told
    return found


def _hash(content: bytes) -> bytes:
    """Hash a content as RECORD does (PEP 376, PEP 427)."""
    return b"sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")


def _first_line(content: bytes, folder: bytes, prefix: bytes) -> bytes:
    """Render the beginning of a script that this environment's interpreter runs, in a form that starts everywhere.

    Args:
        folder: the name of the folder that the environment lies in.
        prefix: the path of the environment.
    """
    if os.name == "nt":  # No system reads such a line there: a launcher does, and it takes any path.
        return content
    by_shell = _BY_SHELL.match(content)
    first, newline, rest = content.partition(b"\n")
    if by_shell:
        first, rest = by_shell["rest"], content[by_shell.end() :]
    elif first[:2] != b"#!" or not newline:
        return content
    found = _PYTHON.match(first, first.find(folder) + len(folder)) if folder in first else None
    if found is None:
        return content
    arguments = [word for word in found["after"].split() if word not in {b'"$0"', b'"$@"'} and word.startswith(b"-")]
    return shebang(prefix + b"/" + found["path"].replace(b"\\", b"/"), arguments) + rest


def shebang(executable: bytes, arguments: list[bytes] | tuple[bytes, ...] = ()) -> bytes:
    """Write the first line of a script, or the first three where the interpreter's path is too long or has a space."""
    line = b" ".join((b"#!" + executable, *arguments))
    if len(line) <= _LONGEST and not re.search(rb"\s", executable):
        return line + b"\n"
    words = b" ".join((os.fsencode(shlex.quote(os.fsdecode(executable))), *arguments))
    return b"#!/bin/sh\n'''exec' " + words + b' "$0" "$@"\n' + b"' '''\n"
