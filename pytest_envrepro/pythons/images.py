"""The Python of an image: asked in a container of it, as those of this machine are asked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from pytest_envrepro.engine import ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.pythons.probing import described
from pytest_envrepro.pythons.questions import PACKAGING, QUESTION_DIGEST, answer_of, question
from pytest_envrepro.pythonspecs import parse

if TYPE_CHECKING:
    from pytest_envrepro.cache import VerdictCache
    from pytest_envrepro.engine import Container
    from pytest_envrepro.interpreter import Python

_NAMES = ("python3", "python")
_ARCHIVE = "/tmp/envrepro-asking.zip"  # noqa: S108  # Of a container of its own, which ends after the question.
_PATIENCE = 60.0  # Seconds: under emulation an interpreter takes its time.


def is_probed(image: str, memory: VerdictCache) -> bool:
    """Tell whether an image has answered before: no container is needed then."""
    return memory.get(_key(image)) is not None


def probe_image(container: Container | None, image: str, memory: VerdictCache) -> Python | None:
    """Ask the first Python on the `PATH` of a container what it is; None where there is none.

    Args:
        container: of the image; a file is written to its folder for temporary ones. None where it has answered before.
        image: its id.
        memory: what images have answered before.

    Raises:
        InterpreterNotFound: it does not answer, or is older than 3.8.
        EngineError: the container is gone.
    """
    known = memory.get(_key(image))
    if known is None:
        if container is None:
            return None
        container.write(_ARCHIVE, _packaging())
        found = next(filter(None, (_asked(container, name) for name in _NAMES)), None)
        known = {"said": found}
        memory.put(_key(image), known)
    said = known["said"]
    if said is None:
        return None
    python = described(said, said["asked"], decisive=[said["asked"]])
    return python.found_as("the image's own")


def _packaging() -> bytes:
    """Give `packaging` as one file that Pythons import from: an engine takes 50 ms for each file that it is given."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # Not compressed: there are Pythons without zlib.
        for path in sorted(Path(PACKAGING).glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"packaging/{path.name}"), path.read_bytes())
    return file.getvalue()


def _key(image: str) -> str:
    return f"image {image} {QUESTION_DIGEST}"


def _asked(container: Container, name: str) -> dict[str, object] | None:
    try:
        done = container.run(question(name, _ARCHIVE), user="0", workdir="/", timeout=_PATIENCE)
    except ProgramNotFoundError:
        return None
    except ExecutionTimeoutError as error:
        raise InterpreterNotFound(f"{name} of the image does not answer within {_PATIENCE:g} seconds") from error
    texts = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return answer_of(f"{name} of the image", done.returncode, *texts).said


def is_wanted(python: Python, spec: str) -> bool:
    """Tell whether the Python of an image is the one that settings ask for.

    Raises:
        InterpreterNotFound: they name a place or a name of this machine, which no image has.
    """
    wanted = parse(spec)
    if wanted is None:
        raise InterpreterNotFound(
            f"python = {spec!r} means one of this machine: in a container write a version or a range, such as '3.12'"
        )
    version = Version(python.interpreter.version)
    return wanted.implementation == python.interpreter.implementation and wanted.fits_version(version)
