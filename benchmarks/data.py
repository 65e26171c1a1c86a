"""Makes what is measured, the same in every run: distributions of realistic size, wheels of them, environments."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name

import pytest_envrepro

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The middles of the tenths of 151 distributions as PyPI has them (the development tools of two machines, November
# 2026): the bytes of METADATA, and how many of its requirements belong to an extra. Of other requirements the 151 have
# 1.4 each, being tools; applications' dependencies have more, and here they have 2.7.
_SIZES = (1312, 2350, 2690, 3395, 4149, 5553, 6602, 8353, 12803, 33653)
_WITH_EXTRA = (0, 0, 0, 0, 0, 0, 1, 3, 7, 35)
_WITHOUT_EXTRA = (0, 0, 0, 1, 1, 2, 3, 4, 6, 10)
_FILES = 40  # Lines of RECORD, the median of the 151.
_HEAD = """\
Metadata-Version: 2.4
Name: {name}
Version: {version}
Summary: Does what its name says
Project-URL: Homepage, https://example.org/{name}
Project-URL: Source, https://example.org/{name}.git
Author-email: Somebody <somebody@example.org>
License-Expression: MIT
Classifier: Development Status :: 5 - Production/Stable
Classifier: Intended Audience :: Developers
Classifier: Operating System :: OS Independent
Classifier: Programming Language :: Python :: 3.10
Classifier: Programming Language :: Python :: 3.11
Classifier: Programming Language :: Python :: 3.12
Classifier: Programming Language :: Python :: 3.13
Classifier: Typing :: Typed
Requires-Python: >={python}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A distribution that does not exist.

    Attributes:
        needs: the indices of those that it requires.
        requires: its requirements, as METADATA writes them.
        size: the bytes of its METADATA, at least.
        binary: whether its wheels are built for single platforms.
    """

    name: str
    version: str
    needs: tuple[int, ...]
    requires: tuple[str, ...]
    size: int
    binary: bool

    def metadata(self) -> str:
        """Write METADATA."""
        head = _HEAD.format(name=self.name, version=self.version, python=f"3.{6 + len(self.name + self.version) % 4}")
        head += "".join(f"Requires-Dist: {requirement}\n" for requirement in self.requires)
        extras = {requirement.partition('extra == "')[2].rstrip('")') for requirement in self.requires} - {""}
        head += "".join(f"Provides-Extra: {extra}\n" for extra in sorted(extras))
        line = "It is described at length, as READMEs do: how to install it, how to use it, and who made it.\n"
        return f"{head}\n{line * max(1, (self.size - len(head)) // len(line))}"

    @property
    def stem(self) -> str:
        """The beginning of the names of its wheels and of its metadata folder."""
        return f"{canonicalize_name(self.name).replace('-', '_')}-{self.version}"


def packages(count: int) -> list[Package]:
    """Make distributions that require each other without a cycle and without a conflict: later ones, all reached."""
    random = Random(count)  # noqa: S311  # The same in every run is what is wanted.
    versions = [f"{random.randrange(8)}.{random.randrange(30)}.{random.randrange(12)}" for _ in range(count)]
    names = [f"Lib.Of_{index:04}" if index % 5 == 0 else f"lib-of-{index:04}" for index in range(count)]
    shapes = [(_SIZES[index % 10], _WITHOUT_EXTRA[index % 10], _WITH_EXTRA[index % 10]) for index in range(count)]
    random.shuffle(shapes)
    made = []
    for index, (size, without, with_extra) in enumerate(shapes):
        # The next two keep everything reachable from the first few; whole-number fractions of the way reach far.
        others = [other for other in (2 * index + 1, 2 * index + 2) if other < count]
        later = range(index + 1, count)
        others += random.sample(later, min(max(0, without - len(others)), len(later)))
        needs = tuple(dict.fromkeys(others))
        requires = [f"{names[other]}{_specifier(versions[other], random)}" for other in needs]
        requires += [f'backport-of-{index:04}>=1.{index}; python_version < "3.{6 + index % 4}"'] if without > 3 else []
        for number in range(with_extra):
            other = random.choice(names) if number % 2 else f"tool-for-{random.randrange(40)}"
            extra = ("test", "docs", "all", "async")[number * 4 // with_extra]
            platform = 'sys_platform != "win32" and ' if number % 20 == 0 else ""
            requires.append(f'{other}>={random.randrange(1, 9)}.{number}; {platform}extra == "{extra}"')
        made.append(
            Package(
                name=names[index],
                version=versions[index],
                needs=needs,
                requires=tuple(requires),
                size=size,
                binary=index % 3 == 1,
            )
        )
    return made


def _specifier(version: str, random: Random) -> str:
    """Write a specifier that admits the version, in one of the usual forms: none, a lower bound, both bounds."""
    major, minor, _ = version.split(".")
    lower = f"{major}.{random.randrange(int(minor) + 1)}"
    return random.choice(("", f">={lower}", f">={lower}", f"<{int(major) + 1},>={lower}", f"!={major}.99,>={lower}"))


def install(site: Path, made: Iterable[Package]) -> None:
    """Put the metadata of distributions into a site-packages folder, as pip does."""
    for package in made:
        folder = site / f"{package.stem}.dist-info"
        folder.mkdir()
        tag = _own_tag() if package.binary else "py3-none-any"
        (folder / "METADATA").write_text(package.metadata())
        (folder / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n")
        (folder / "INSTALLER").write_text("pip\n")
        digest = _digest(package.name.encode())
        record = (f"{package.stem}/part_{number:02}.py,{digest},1234\n" for number in range(_FILES))
        (folder / "RECORD").write_text("".join(record))
        if len(package.requires) % 3 == 0:
            (folder / "entry_points.txt").write_text(f"[console_scripts]\n{package.stem} = {package.stem}:main\n")


def release(folder: Path, package: Package) -> None:
    """Write what an index has of a distribution: a source archive and, of a binary one, wheels for 37 platforms."""
    tags = ["py3-none-any"]
    if package.binary:
        pythons = [f"cp3{minor}-cp3{minor}" for minor in range(9, 15)]
        platforms = ("macosx_11_0_arm64", "win_amd64", "win_arm64", "win32")
        linux = ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "musllinux_1_2_x86_64", "musllinux_1_2_aarch64")
        tags = [f"{python}-{platform}" for python in pythons for platform in (*platforms, *linux)][:37]
        tags += [] if _own_tag() in tags else [_own_tag()]
    for tag in tags:
        with zipfile.ZipFile(folder / f"{package.stem}-{tag}.whl", "w") as archive:
            for name, text in _wheel_files(package, tag):
                archive.writestr(zipfile.ZipInfo(name), text)
    metadata = package.metadata().encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as source:
        info = tarfile.TarInfo(f"{package.stem}/PKG-INFO")
        info.size = len(metadata)
        source.addfile(info, io.BytesIO(metadata))
    (folder / f"{package.stem}.tar.gz").write_bytes(gzip.compress(stream.getvalue(), mtime=0))


def _wheel_files(package: Package, tag: str) -> Iterator[tuple[str, str]]:
    info = f"{package.stem}.dist-info"
    files = {
        f"{info}/METADATA": package.metadata(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    yield from files.items()
    record = [f"{path},{_digest(text.encode())},{len(text)}\n" for path, text in files.items()]
    yield f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"])


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _own_tag() -> str:
    """Give the tag that wheels for this interpreter usually have."""
    tags = [str(tag) for tag in sys_tags()]
    return next((tag for tag in tags if "manylinux_2_17_" in tag), tags[0])


@dataclass(frozen=True, slots=True)
class Venv:
    """A virtualenv with pip, pytest, this plugin and what they need, copied from the running environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return Path(sysconfig.get_path("scripts", "venv", self._paths())) / Path(sys.executable).name

    @property
    def site(self) -> Path:
        """Its site-packages folder."""
        return Path(sysconfig.get_path("purelib", "venv", self._paths()))

    def _paths(self) -> dict[str, str]:
        return {"base": str(self.folder), "platbase": str(self.folder), "installed_base": str(self.folder)}

    @property
    def count(self) -> int:
        """The number of distributions in it."""
        return len(list(self.site.glob("*.dist-info")))


def make_venv(folder: Path, *, without: Sequence[str] = (), besides: Sequence[str] = ()) -> Venv:
    """Make a virtualenv.

    Args:
        without: canonical names to leave out of it.
        besides: names of what is put into it with pip and this plugin.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    venv = Venv(folder)
    for name in sorted(_needed("pip", "pytest-envrepro", *besides) - set(without)):
        if name == "pytest-envrepro":
            _copy_plugin(venv.site)
        else:
            _copy(name, venv.site)
    subprocess.run([venv.python, "-m", "compileall", "-q", venv.site], check=True)
    return venv


def _needed(*names: str) -> set[str]:
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in needed:
            needed.add(name)
            requirements = map(Requirement, distribution(name).requires or ())
            waiting += [each.name for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})]
    return needed


def _copy(name: str, site: Path) -> None:
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        if ".." not in file.parts and source.suffix != ".pyc" and source.is_file():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, site / file)


def _copy_plugin(site: Path) -> None:
    """Lay the plugin out as its wheel would be, wherever it runs from: an editable install is another thing."""
    own = distribution("pytest-envrepro")
    shutil.copytree(
        Path(pytest_envrepro.__file__).parent, site / "pytest_envrepro", ignore=shutil.ignore_patterns("__pycache__")
    )
    info = site / f"pytest_envrepro-{own.version}.dist-info"
    info.mkdir()
    for name in ("METADATA", "WHEEL", "INSTALLER", "entry_points.txt"):
        (info / name).write_text(own.read_text(name) or "")
    files = sorted(path for folder in (site / "pytest_envrepro", info) for path in folder.rglob("*") if path.is_file())
    record = [f"{path.relative_to(site).as_posix()},,\n" for path in (*files, info / "RECORD")]
    (info / "RECORD").write_text("".join(record))
