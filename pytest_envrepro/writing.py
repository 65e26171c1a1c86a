"""Writes files: whole, or not at all; or to the end of one that is not ours."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")


def is_stream(path: Path) -> bool:
    """Tell whether what is written to a path cannot be written again: `/dev/stdout`, a pipe, a device."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file() and not path.is_dir())


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it; folders above it are made, and links are followed.

    Raises:
        OSError: it cannot be written.
    """
    data = text.encode("utf-8", "backslashreplace")  # A file's name may hold what is no text: JSON escapes it so too.
    if is_stream(path):
        _write_stream(path, data)
        return
    put_whole(path, data)


def put_whole(path: Path, data: bytes, staging: Path | None = None) -> None:
    """Put a file in the place of another so that nobody ever sees half of it; its permissions stay.

    Args:
        staging: a folder to write it in first, if that is on the same disk: were we killed meanwhile, nothing would be
            left beside the file.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f".{path.name}.{os.urandom(8).hex()}"
    is_near = staging is not None and staging.is_dir() and staging.stat().st_dev == path.parent.stat().st_dev
    temporary = staging / name if staging is not None and is_near else path.with_name(name)
    try:
        temporary.write_bytes(data)
        if path.exists():
            status = path.stat()
            temporary.chmod(status.st_mode & 0o777)
            if hasattr(os, "chown"):
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, status.st_uid, status.st_gid)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if staging is None or error.errno != errno.EXDEV:  # One disk may be mounted twice.
            raise
        put_whole(path, data)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(path: Path, text: str) -> None:
    """Add text to the end of a file, at once.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab", buffering=0) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def _write_stream(path: Path, data: bytes) -> None:
    """Write where it stands: to open `/dev/stdout` anew would overwrite a file that it is redirected to."""
    descriptor = _descriptor(path)
    if descriptor is None:
        path.write_bytes(data)
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)


def _descriptor(path: Path) -> int | None:
    """Give the file descriptor that a path stands for."""
    text = path.as_posix()
    number = next((text.removeprefix(prefix) for prefix in _DESCRIPTORS if text.startswith(prefix)), "")
    return int(number) if number.isdecimal() else _STANDARD.get(text)
