"""Each of ZenML's integrations in many environments: we say what ZenML says, but where ZenML does not look.

An environment is a folder of metadata before all that is installed. ZenML's registry judges it in a process of its own.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, NamedTuple

import making
import pytest
from integrations.cataloguing import Shop
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from real_zenml.asking import ZenML

from pytest_envrepro.envs.inventory import read_inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.inventory import Inventory

pytestmark = pytest.mark.requires_integration("zenml")

_APT = "Package: {}\nStatus: install ok installed\nVersion: 1\n\n"


class Wanted(NamedTuple):
    """What an integration asks of one distribution, in all of its requirements."""

    name: str
    specifier: SpecifierSet
    extras: tuple[str, ...]

    def version(self, *, fits: bool = True, pre: bool = False) -> str | None:
        """Give a version that is, or is not, one of those asked for, if there is any."""
        for bound in (*sorted(each.version.removesuffix(".*") for each in self.specifier), "1.0", "999.0"):
            *before, last = Version(bound).release
            numbers = [(*before, last), (*before, last + 1), (*before, max(0, last - 1), 9)]
            beside = [".".join(map(str, each)) for each in numbers]
            for version in [f"{each}rc1" for each in beside] if pre else [bound, *beside]:
                if self.specifier.contains(version, prereleases=True) == fits:
                    return version
        return None


class Made(NamedTuple):
    """A distribution to be: how its name is written, its version, what it requires, and the extras that it declares."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


class State(NamedTuple):
    """What has happened to an environment.

    Attributes:
        name: in words.
        make: gives what is installed for what an integration asks for; None where that has no such state.
        met: what we have to say.
        differs: whether ZenML says the other.
    """

    name: str
    make: Callable[[list[Wanted]], list[Made] | None]
    met: bool
    differs: bool = False


def join(requirements: list[str]) -> list[Wanted]:
    """Give what requirements ask for, in their order; what no version can be is left to the tests of contradictions."""
    bounds: dict[str, SpecifierSet] = {}
    extras: dict[str, set[str]] = {}
    for each in map(Requirement, requirements):
        bounds[each.name] = bounds.get(each.name, SpecifierSet()) & each.specifier
        extras.setdefault(each.name, set()).update(each.extras)
    return [Wanted(name, specifier, tuple(sorted(extras[name]))) for name, specifier in bounds.items()]


def complete(wanted: list[Wanted]) -> list[Made]:
    """Install all that is asked for."""
    versions = [each.version() for each in wanted]
    return [
        Made(each.name, version, (), each.extras) for each, version in zip(wanted, versions, strict=True) if version
    ]


def first(wanted: list[Wanted], requires: tuple[str, ...], *more: Made) -> list[Made] | None:
    """Install all, where the first needs something more."""
    made = complete(wanted)
    return [made[0]._replace(requires=requires), *made[1:], *more] if made else None


def all_but_one(wanted: list[Wanted]) -> list[Made] | None:
    """Leave out the last that is not installed for real."""
    absent = [each for each in wanted if not is_here(each.name)]
    return complete([each for each in wanted if each is not absent[-1]]) if absent else None


def is_here(name: str) -> bool:
    """Tell whether something of the name is installed where this runs."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def too_old(wanted: list[Wanted]) -> list[Made] | None:
    """Install one in a version that is not asked for."""
    for index, each in enumerate(wanted):
        version = each.version(fits=False)
        if version is not None:
            made = complete(wanted)
            return [*made[:index], made[index]._replace(version=version), *made[index + 1 :]]
    return None


def pre_releases(wanted: list[Wanted]) -> list[Made] | None:
    """Install pre-releases that are asked for."""
    versions = [each.version(pre=True) for each in wanted]
    made = [each._replace(version=version or "") for each, version in zip(complete(wanted), versions, strict=True)]
    return made if made and all(versions) else None


def spelled_otherwise(wanted: list[Wanted], how: Callable[[str], str]) -> list[Made] | None:
    """Install all, under names that are written otherwise."""
    return [each._replace(name=how(each.name)) for each in complete(wanted)] or None


def with_extra(
    wanted: list[Wanted], requires: tuple[str, ...], *more: Made, declares: bool = True
) -> list[Made] | None:
    """Install all, where each with an extra has more requirements; `{}` in them is that extra."""
    if not any(each.extras for each in wanted):
        return None
    made = complete(wanted)
    for index, each in enumerate(made):
        if each.extras:
            asked = tuple(text.format(extra=each.extras[0], name=each.name) for text in requires)
            made[index] = each._replace(requires=asked, extras=(*each.extras, "other") if declares else ())
    return [*made, *more]


_GONE = "no-such-thing>=2"
STATES = [
    State("all is installed", lambda wanted: complete(wanted) or None, met=True),
    State("nothing is needed", lambda wanted: None if wanted else [], met=True),
    State("one is missing", all_but_one, met=False),
    State("one is too old, or too new", too_old, met=False),
    State("pre-releases are installed", pre_releases, met=True),
    State("names in capitals", partial(spelled_otherwise, how=str.upper), met=True),
    State("canonical names", partial(spelled_otherwise, how=canonicalize_name), met=True),
    State("names with dots", partial(spelled_otherwise, how=lambda name: name.replace("-", ".")), met=True),
    State("a dependency is missing", partial(first, requires=(_GONE,)), met=False),
    State(
        "a dependency that another platform needs",
        partial(first, requires=(f"{_GONE}; sys_platform == 'none'",)),
        met=True,
    ),
    State(
        "a dependency of an extra that nobody asks for", partial(first, requires=(f"{_GONE}; extra == 'x'",)), met=True
    ),
    State(
        "dependencies in a circle",
        lambda wanted: first(
            wanted, ("made-one",), Made("made-one", "1", ("made-two",)), Made("made-two", "1", ("made-one",))
        ),
        met=True,
    ),
    State(
        "an extra's dependency is missing",
        partial(with_extra, requires=(_GONE + "; extra == '{extra}'",)),
        met=False,
    ),
    State(
        "another extra's dependency is missing", partial(with_extra, requires=(_GONE + "; extra == 'other'",)), met=True
    ),
    # Where ZenML does not look: the table of docs/integrations.md has a row for each.
    State(
        "a dependency's dependency is missing",
        lambda wanted: first(wanted, ("made-one",), Made("made-one", "1", (_GONE,))),
        met=False,
        differs=True,
    ),
    State("an extra that nobody declares", partial(with_extra, requires=(), declares=False), met=False, differs=True),
    State(
        "an extra is made of another, whose dependency is missing",
        partial(with_extra, requires=("{name}[other]; extra == '{extra}'", _GONE + "; extra == 'other'")),
        met=False,
        differs=True,
    ),
]


class Bench(Shop):
    """An environment of what is installed where this runs, behind a folder of a test's own; all Debian packages are there."""

    @property
    def inventory(self) -> Inventory:
        """What is installed."""
        return read_inventory([str(self.site), *sys.path], self.interpreter)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give an environment that is judged."""
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def zenml(tmp_path_factory: pytest.TempPathFactory) -> ZenML:
    """Give ZenML, with settings of its own."""
    return ZenML(tmp_path_factory.mktemp("zenml"))


@pytest.fixture(scope="module")
def registry(zenml: ZenML, bench: Bench) -> dict[str, list[Wanted]]:
    """Give what each integration asks for."""
    told = zenml.registry()
    bench.dpkg.write_text("".join(_APT.format(name) for each in told.values() for name in each["apt"]))
    return {name: join(each["requirements"]) for name, each in told.items()}


class Judged(NamedTuple):
    """Whether ZenML calls each integration installed in a state, and the environments that it was asked about."""

    folders: dict[str, Path]
    said: dict[str, bool]


@pytest.fixture(scope="module")
def judged(
    registry: dict[str, list[Wanted]], zenml: ZenML, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Judged]:
    """Make an environment for each state of each integration, and ask ZenML once about all of them: to load it takes long."""
    places: dict[tuple[str, str], Path] = {}
    root = tmp_path_factory.mktemp("states")
    for state in STATES:
        for name, wanted in registry.items():
            made = state.make(wanted)
            if made is not None:
                folder = places[state.name, name] = root / str(len(places))
                folder.mkdir()
                for each in made:
                    making.install(folder, each.name, each.version, each.requires, extras=each.extras)
    said = dict(zip(places, zenml.judge((name, folder) for (_, name), folder in places.items()), strict=True))
    return {
        state.name: Judged(
            {name: folder for (other, name), folder in places.items() if other == state.name},
            {name: answer for (other, name), answer in said.items() if other == state.name},
        )
        for state in STATES
    }


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_agreement(state: State, judged: dict[str, Judged], bench: Bench) -> None:
    """We tell what is missing; ZenML says the same of each integration, or of none where it does not look."""
    folders, theirs = judged[state.name]
    ours = {}
    for name, bench.site in folders.items():
        ours[name] = bench.catalogue.check(f"zenml:{name}").status == "met"

    assert folders
    assert ours == dict.fromkeys(folders, state.met)
    assert theirs == dict.fromkeys(folders, state.met != state.differs)


def test_as_it_is(registry: dict[str, list[Wanted]], bench: Bench, zenml: ZenML, tmp_path: Path) -> None:
    """With nothing installed beside ZenML, each of its integrations is as it says."""
    bench.site = tmp_path

    statuses = {name: bench.catalogue.check(f"zenml:{name}").status for name in registry}

    assert {name: status == "met" for name, status in statuses.items()} == zenml.listed().installed
