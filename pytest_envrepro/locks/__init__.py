"""The formats of locks: text to `Lock`. A new one is a file here and a line in `FORMATS`."""

from pytest_envrepro.kinds import added
from pytest_envrepro.locks.base import Declaration, LockFormat, Tree
from pytest_envrepro.locks.foreign import instead_of, is_foreign
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.ondemand import OnDemand
from pytest_envrepro.locks.project import Choice, ProjectFile, read_pyproject, read_setup_cfg
from pytest_envrepro.locks.requirements import RequirementsFormat

FORMATS: tuple[LockFormat, ...] = (
    RequirementsFormat(),
    OnDemand("pylock", ("pylock.toml", "pylock.*.toml"), "pylock"),
    OnDemand("uv.lock", ("uv.lock",), "uv_lock"),
    OnDemand("poetry", ("poetry.lock",), "poetry"),
    OnDemand("pdm", ("pdm.lock",), "pdm"),
    OnDemand("pipenv", ("Pipfile.lock",), "pipfile"),
    OnDemand("conda", ("conda-lock.y*ml", "*.conda-lock.y*ml", "conda-*.lock"), "conda"),
)


def formats() -> tuple[LockFormat, ...]:
    """Give all formats, those of other distributions last."""
    return (*FORMATS, *added("locks"))


__all__ = [
    "FORMATS",
    "Choice",
    "Declaration",
    "Inputs",
    "LockFormat",
    "ProjectFile",
    "Tree",
    "formats",
    "instead_of",
    "is_foreign",
    "read_pyproject",
    "read_setup_cfg",
]
