"""The lock check on the locks of projects: a uv.lock of 500 pins, a poetry.lock of 300, and a tenth of each beside it."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks import data
from benchmarks.measuring import Line, interleaved, milliseconds, probed, process, uv, versus, wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_PEER = "uv lock --check"  # It does not look at what is installed.
_PER_PIN = 0.010 / 44  # Seconds: what DESIGN 7 gives for a requirements.txt, which has to grow linearly.
_MOST = 11.0
_FILES = 16  # Of a package, as in row 2's lock.
_URL = "https://index.example/packages/ab/cd/0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"


class _Format(NamedTuple):
    """A format that is measured.

    Attributes:
        pins: how many, at the top.
        write: gives the files of a project of some packages.
        detail: what the check says of it.
        besides: what its reader needs that the plugin does not bring.
    """

    name: str
    pins: int
    write: Callable[[Sequence[data.Package]], Mapping[str, str]]
    detail: str = "clean: {0} of {0} pins proven"
    besides: tuple[str, ...] = ()


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Check locks of each format, all of them installed, at full size and at a tenth of it."""
    works = {}
    counter = itertools.count()
    for format_ in _FORMATS:
        for count in (format_.pins // 10, format_.pins):
            here = folder / f"{format_.name}-{count}"
            venv = data.make_venv(here / "venv", besides=format_.besides)
            made = data.packages(count)
            data.install(venv.site, made)
            project = here / "project"
            project.mkdir()
            for name, text in format_.write(made).items():
                (project / name).write_text(text)
            works[format_.name, count] = probed(
                venv.python,
                *("check", "lock", str(project)),
                cwd=project,
                detail=format_.detail.format(count),
                variables=lambda: {"PYTEST_ENVREPRO_CACHE": str(folder / f"empty{next(counter)}")},
            )
            if format_.name == "uv.lock":
                offline = {"UV_OFFLINE": "1", "UV_DEFAULT_INDEX": "https://index.example/simple"}
                argv = [uv(), "lock", "--check", "--python", sys.executable]
                works[_PEER, count] = wall(process(argv, cwd=project, variables=offline))
    seconds = interleaved(runs, works)
    for format_ in _FORMATS:
        fewer, more = (seconds[format_.name, count] for count in (format_.pins // 10, format_.pins))
        peers = {_PEER: seconds[_PEER, format_.pins]} if (_PEER, format_.pins) in works else {}
        beside, ratio = versus(more, peers) if peers else ("", "")
        target, factor = _PER_PIN * format_.pins, median(more) / median(fewer)
        yield Line(
            work=f"offline check of a {format_.name}, {format_.pins} pins",
            ours=f"{milliseconds(median(more))} ({format_.pins // 10}: {milliseconds(median(fewer))}, {factor:.1f} times)",
            peers=beside,
            ratio=ratio,
            target=f"at most {milliseconds(target)}, and {_MOST:.0f} times",
            met=median(more) <= target and factor <= _MOST,
        )


def _hash(package: data.Package, number: int) -> str:
    return hashlib.sha256(f"{package.stem} {number}".encode()).hexdigest()


def _file(package: data.Package, number: int) -> str:
    tag = (
        "py3-none-any" if not package.binary else f"cp3{number}-cp3{number}-manylinux_2_17_x86_64.manylinux2014_x86_64"
    )
    return f"{package.stem}-{tag}.whl"


def _project(made: Sequence[data.Package]) -> str:
    roots = "".join(f'    "{package.name}>={package.version}",\n' for package in made[: len(made) // 4])
    return f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = [\n{roots}]\n'


def _asked(package: data.Package) -> list[Requirement]:
    """Give what a package requires but for extras."""
    asked = [Requirement(text) for text in package.requires]
    return [each for each in asked if each.marker is None]


def _uv(made: Sequence[data.Package]) -> Mapping[str, str]:
    entries: dict[str, str] = {}
    for package in made:
        name = canonicalize_name(package.name)
        needs = "".join(f'    {{ name = "{canonicalize_name(each.name)}" }},\n' for each in _asked(package))
        files = "".join(
            f'    {{ url = "{_URL}/{_file(package, number)}", hash = "sha256:{_hash(package, number)}", '
            f'size = {10000 + number}, upload-time = "2025-02-24T04:41:34.073Z" }},\n'
            for number in range(_FILES)
        )
        entries[name] = (
            f'[[package]]\nname = "{name}"\nversion = "{package.version}"\n'
            'source = { registry = "https://index.example/simple" }\n'
            + (f"dependencies = [\n{needs}]\n" if needs else "")
            + f"wheels = [\n{files}]\n"
        )
    roots = sorted((canonicalize_name(package.name), package.version) for package in made[: len(made) // 4])
    own = "".join(f'    {{ name = "{name}" }},\n' for name, _ in roots)
    copy = "".join(f'    {{ name = "{name}", specifier = ">={version}" }},\n' for name, version in roots)
    entries["shop"] = (
        f'[[package]]\nname = "shop"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [\n{own}]\n\n'
        f"[package.metadata]\nrequires-dist = [\n{copy}]\n"
    )
    head = 'version = 1\nrevision = 3\nrequires-python = ">=3.9"\n\n'
    return {"pyproject.toml": _project(made), "uv.lock": head + "\n".join(entries[name] for name in sorted(entries))}


def _poetry(made: Sequence[data.Package]) -> Mapping[str, str]:
    project = _project(made)
    entries = []
    for package in sorted(made, key=lambda each: canonicalize_name(each.name)):
        needs = "".join(
            f'{canonicalize_name(each.name)} = "{str(each.specifier) or "*"}"\n' for each in _asked(package)
        )
        files = "".join(
            f'    {{file = "{_file(package, number)}", hash = "sha256:{_hash(package, number)}"}},\n'
            for number in range(_FILES)
        )
        entries.append(
            f'[[package]]\nname = "{canonicalize_name(package.name)}"\nversion = "{package.version}"\n'
            'description = "A library that does not exist, described in a line as all of them are"\noptional = false\n'
            f'python-versions = ">=3.6"\ngroups = ["main"]\nfiles = [\n{files}]\n'
            + (f"\n[package.dependencies]\n{needs}" if needs else "")
            + '\n[package.extras]\ntest = ["pytest (>=7)", "tool-for-1 (>=2)"]\n'
        )
    roots = [f"{package.name}>={package.version}" for package in made[: len(made) // 4]]
    stated = {"project": {"requires-python": ">=3.9", "dependencies": roots}, "tool": {"poetry": {}}}
    stamp = hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()
    head = "# This file is automatically @generated by Poetry 2.5.1 and should not be changed by hand.\n\n"
    tail = f'\n[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\ncontent-hash = "{stamp}"\n'
    return {"pyproject.toml": project, "poetry.lock": head + "\n".join(entries) + tail}


def _conda(made: Sequence[data.Package]) -> Mapping[str, str]:
    entries = []
    for package in made:
        needs = "".join(
            f"    {canonicalize_name(each.name)}: '{str(each.specifier) or '*'}'\n" for each in _asked(package)
        )
        entries.append(
            f"- name: {canonicalize_name(package.name)}\n  version: {package.version}\n  manager: conda\n"
            f"  platform: {_PLATFORM}\n"
            + (f"  dependencies:\n{needs}" if needs else "  dependencies: {}\n")
            + f"  url: https://conda.example/conda-forge/{_PLATFORM}/{canonicalize_name(package.name)}-{package.version}-h1_0.conda\n"
            f"  hash:\n    md5: {_hash(package, 0)[:32]}\n    sha256: {_hash(package, 1)}\n"
            "  category: main\n  optional: false\n"
        )
    roots = [f"  - {canonicalize_name(each.name)}>={each.version}\n" for each in made[: len(made) // 4]]
    head = (
        f"version: 1\nmetadata:\n  content_hash:\n    {_PLATFORM}: {'0' * 64}\n  channels:\n  - url: conda-forge\n"
        f"    used_env_vars: []\n  platforms:\n  - {_PLATFORM}\n  sources:\n  - environment.yml\npackage:\n"
    )
    inputs = f"channels:\n  - conda-forge\nplatforms:\n  - {_PLATFORM}\ndependencies:\n{''.join(roots)}"
    return {"environment.yml": inputs, "conda-lock.yml": head + "".join(entries)}


_PLATFORM = "linux-64"
_FORMATS = (
    _Format("uv.lock", 500, _uv),
    _Format("poetry.lock", 300, _poetry),
    _Format(
        "conda-lock.yml",
        400,
        _conda,
        detail="clean: 0 of {0} pins proven, {0} by its own lists alone",
        besides=("py-rattler", "pyyaml"),
    ),
)
