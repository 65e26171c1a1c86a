"""Reads the metadata of one installed distribution; what is wrong with it becomes its `fault`, and nothing is raised."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.inventory import Distribution, Source

if TYPE_CHECKING:
    import importlib.metadata

_FIELDS = ("name", "version", "requires-dist", "requires-python")
_FOLDED = re.compile(r"\r?\n[ \t]+")
_TAG = re.compile(rb"^Tag:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_HEAD = 16 * 1024  # Bytes: nearly all headers of a METADATA fit, and few bodies are read.
_LONGEST_VERSION = 640  # Characters: no number in it can then be longer than Python reads.
_QUOTED = 60  # Characters of a version, in a message.
SETTLED = 2.0  # Seconds: the coarsest clock of a file system in use (FAT).
_LARGEST = 4 * 1024 * 1024  # Bytes of headers; those of torch, with a dependency on each of its extras, are 30 KB.


def read_distribution(path: str, name: str, version: str) -> Distribution:
    """Read a `.dist-info` folder.

    Args:
        path: the folder.
        name, version: what the folder's own name tells; empty where it does not.
    """
    label = os.path.basename(path)
    fields, changed, fault = _read_metadata(f"{path}/METADATA")
    known, wrong = to_version(_first(fields, "version") or version)
    return Distribution(
        name=name or canonicalize_name(_first(fields, "name")),
        version=known,
        requires=tuple(fields.get("requires-dist", ())),
        requires_python=_first(fields, "requires-python") or None,
        tags=_read_tags(f"{path}/WHEEL"),
        source=_read_source(path),
        label=label,
        changed=changed,
        fault=fault or _contradiction(fields, name, version) or wrong,
    )


def read_by_importlib(found: importlib.metadata.Distribution, path: str, *, root: str = "") -> Distribution:
    """Read what the standard library found: an `.egg-info`, or what lies in an archive.

    An `.egg-info` beside a project's sources is an editable installation of them (`setup.py develop`).

    Args:
        root: the folder that stands for `/`, of what is a copy of another machine's.
    """
    label = os.path.basename(path)
    name = label.removesuffix(".egg-info").partition("-")[0]
    try:
        metadata: Any = found.metadata
        requires = tuple(found.requires or ())
        name = metadata.get("Name") or name
    except (OSError, TypeError, ValueError, AttributeError):  # The versions of Python differ in what they raise.
        fault = "its PKG-INFO is missing or is not UTF-8"
        return Distribution(name=canonicalize_name(name), version=None, label=label, fault=fault)
    version, wrong = to_version(metadata.get("Version") or "")
    folder = os.path.dirname(path)
    is_beside_sources = label.endswith(".egg-info") and not folder.endswith(("site-packages", "dist-packages"))
    return Distribution(
        name=canonicalize_name(name),
        version=version,
        requires=requires,
        requires_python=metadata.get("Requires-Python"),
        source=Source(url=Path(folder[len(root) :]).as_uri(), editable=True, directory=True)
        if is_beside_sources
        else None,
        label=label,
        changed=_changed(path),
        fault=wrong,
    )


def to_version(text: str) -> tuple[Version | None, str | None]:
    """Give the version that a text tells, or what is wrong with it."""
    if len(text) <= _LONGEST_VERSION:
        try:
            return Version(text), None
        except InvalidVersion:
            pass  # Is told below, as is one that is too long to be tried.
    shown = text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."
    return None, f"its version '{shown}' is not valid (PEP 440)"


def _changed(path: str) -> float:
    """Give when an `.egg-info` was last written, in seconds since the epoch."""
    for file in (f"{path}/PKG-INFO", path):
        try:
            return os.stat(file).st_mtime
        except OSError:
            continue
    return 0.0


def _contradiction(fields: dict[str, list[str]], name: str, version: str) -> str | None:
    """Say what METADATA does not tell, or tells otherwise than the folder's name: tools believe now one, now the other."""
    missing = [key for key in ("Name", "Version") if not _first(fields, key.lower())]
    if missing:
        return f"its METADATA has no {' and no '.join(missing)}"
    written = _first(fields, "name")
    if name and canonicalize_name(written) != name:
        return f"its METADATA names another project: {written}"
    if version and version != _first(fields, "version"):
        said, _ = to_version(_first(fields, "version"))
        shown, _ = to_version(version)
        if said is not None and shown is not None and said != shown:
            return f"its METADATA tells another version: {said}"
    return None


def _first(fields: dict[str, list[str]], key: str) -> str:
    values = fields.get(key)
    return values[0] if values else ""


def _read_metadata(path: str) -> tuple[dict[str, list[str]], float, str | None]:
    """Read the headers that matter, by lower-case name; with the time of the last change, or why it cannot be read."""
    try:
        head, changed = _read(path)
    except FileNotFoundError:
        return {}, 0.0, "has no METADATA: a removal or an installation did not finish"
    except OSError as error:
        return {}, 0.0, f"its METADATA cannot be read: {error.strerror}"
    if len(head) > _LARGEST:
        return {}, changed, f"its METADATA has more than {_LARGEST // 1024 // 1024} MiB of headers"
    try:
        return _fields(head.decode("utf-8")), changed, None
    except UnicodeDecodeError:
        fields = _fields(head.decode("utf-8", "surrogateescape"))
    readable = {name: [value for value in values if _is_text(value)] for name, values in fields.items()}
    return readable, changed, None if readable == fields else "its METADATA is not UTF-8"


def _is_text(value: str) -> bool:
    """Tell whether a value was UTF-8; an author in another encoding does not matter."""
    return not any("\udc80" <= letter <= "\udcff" for letter in value)


def _fields(head: str) -> dict[str, list[str]]:
    """Take the fields that matter out of the headers, as the `email` package does, in a twentieth of its time."""
    if "\n " in head or "\n\t" in head:
        head = _FOLDED.sub(" ", head)
    fields: dict[str, list[str]] = {name: [] for name in _FIELDS}
    for line in head.split("\n"):
        if line[:1] in "NVRnvr":
            key, _, value = line.partition(":")
            values = fields.get(key.lower())
            if values is not None:
                values.append(value.strip())
    return fields


# Or a FIFO would hang the session.
NOT_BLOCKING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _read(path: str) -> tuple[bytes, float]:
    """Read a file up to its first blank line; with the time of its last change.

    It is a third of the work of a check to open these files: `open` would double that.
    """
    descriptor = os.open(path, NOT_BLOCKING)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        data = os.read(descriptor, _HEAD)
        end = _blank_line(data)
        while end < 0 and len(data) <= _LARGEST:
            more = os.read(descriptor, len(data) + _HEAD)
            if not more:
                break
            data += more
            end = _blank_line(data)
    finally:
        os.close(descriptor)
    return data if end < 0 else data[:end], status.st_mtime


def _blank_line(data: bytes) -> int:
    """Find the first blank line; -1 where there is none."""
    end = data.find(b"\n\n")
    if b"\r" not in data[: _HEAD if end < 0 else end]:
        return end
    match = re.search(rb"\r?\n\r?\n", data)
    return match.start() if match else -1


def _read_tags(path: str) -> tuple[str, ...] | None:
    try:
        return tuple(tag.decode("ascii", "replace") for tag in _TAG.findall(_read(path)[0]))
    except OSError:
        return None


def _read_source(path: str) -> Source | None:
    """Read `direct_url.json`; conda's own builds write one that names the builder's folder, and is no source."""
    file = f"{path}/direct_url.json"
    if not os.path.exists(file):
        return None
    try:
        data = json.loads(Path(file).read_bytes())
        json.dumps(data, ensure_ascii=False).encode()  # Half a character (`\\ud800`) could not be shown.
        installer = Path(path, "INSTALLER")
        if installer.exists() and installer.read_bytes().strip() == b"conda":
            return None
    except (OSError, ValueError, RecursionError):
        return None
    return parse_direct_url(data)


def parse_direct_url(data: Any) -> Source | None:
    """Turn the content of a `direct_url.json` into a source; None where it is not of the form of PEP 610."""
    url = _of(data, dict).get("url")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return None
    if not parts.scheme:
        return None
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    vcs, archive, directory = (_of(data.get(key), dict) for key in ("vcs_info", "archive_info", "dir_info"))
    hashes = {f"{name}:{value}" for name, value in _of(archive.get("hashes"), dict).items()}
    if "hash" in archive:
        hashes.add(_of(archive["hash"], str).replace("=", ":", 1))
    return Source(
        url=f"{_of(vcs.get('vcs'), str)}+{url}" if vcs else url,
        commit=_of(vcs.get("commit_id"), str) or None,
        revision=_of(vcs.get("requested_revision"), str) or None,
        editable=directory.get("editable") is True,
        directory="dir_info" in data,
        hashes=frozenset(hashes - {""}),
    )


def _of(value: Any, kind: type[Any]) -> Any:
    """Give a JSON value if it is of the kind that it should be of, else an empty one."""
    return value if isinstance(value, kind) else kind()
