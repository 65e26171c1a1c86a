"""The formats of locks: text to `Lock`. A new one is a file here and a line in `FORMATS`."""

from pytest_envrepro.kinds import added
from pytest_envrepro.locks.base import Declaration, LockFormat, Tree
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.ondemand import OnDemand
from pytest_envrepro.locks.project import Choice, ProjectFile, read_pyproject, read_setup_cfg
from pytest_envrepro.locks.requirements import RequirementsFormat

# A file is of the first that takes it by its name; requirements files take nearly any.
FORMATS: tuple[LockFormat, ...] = (
    OnDemand("pylock", ("pylock.toml", "pylock.*.toml"), "pylock"),
    OnDemand("uv.lock", ("uv.lock",), "uv_lock"),
    OnDemand("poetry", ("poetry.lock",), "poetry"),
    OnDemand("pdm", ("pdm.lock",), "pdm"),
    OnDemand("pipenv", ("Pipfile.lock",), "pipfile"),
    OnDemand("conda", ("conda-lock.y*ml", "*.conda-lock.y*ml", "conda-*.lock"), "conda"),
    RequirementsFormat(),
)


def formats() -> tuple[LockFormat, ...]:
    """Give all formats, those of other distributions before requirements files, which would take their locks."""
    return (*FORMATS[:-1], *added("locks"), FORMATS[-1])


def format_of(path: str) -> LockFormat:
    """Give the format of a lock that somebody names: any other name than those known is a requirements file's."""
    kinds = formats()
    return next((kind for kind in kinds if kind.may_be(path)), kinds[-1])


__all__ = [
    "FORMATS",
    "Choice",
    "Declaration",
    "Inputs",
    "LockFormat",
    "ProjectFile",
    "Tree",
    "format_of",
    "formats",
    "read_pyproject",
    "read_setup_cfg",
]
