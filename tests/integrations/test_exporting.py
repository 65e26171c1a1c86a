"""Exports: what pip is to install, each name once, and what cannot be met together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integrations.cataloguing import HEAD, Shop
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pytest_envrepro.exporting import is_possible

pytestmark = pytest.mark.core

TABLE = f"""
{HEAD}
optional-dependencies = {{ sql = ["SQLAlchemy[asyncio]>=2"], demo = ["demo[sql]"] }}
[dependency-groups]
test = ["click<9"]
[tool.envrepro.integrations.a]
requirements = ["Click>=8", "zope_interface", "tomli; python_version < '3.11'", "p @ git+https://example.org/p@main"]
groups = ["test"]
includes = ["b"]
[tool.envrepro.integrations.b]
requirements = ["sqlalchemy[mypy]!=2.1", "tomli>=2 ; python_version<\\"3.11\\"", "tomli"]
extras = ["sql"]
tools = ["git"]
"""
LINES = (
    "click<9,>=8",
    "p @ git+https://example.org/p@main",
    "sqlalchemy[asyncio,mypy]!=2.1,>=2",
    "tomli",
    'tomli>=2; python_version < "3.11"',
    "zope-interface",
)


def test_lines(shop: Shop) -> None:
    """Names are canonical, specifiers and extras merged, markers kept; sorted, and each can be parsed."""
    shop.write({"pyproject.toml": TABLE})

    exported = shop.catalogue.export(["all"])

    assert exported == (LINES, (), ())
    assert exported == shop.catalogue.export(["a"])
    assert [str(Requirement(line)) for line in LINES]


def test_by_name(shop: Shop) -> None:
    """One integration, of any source; an extra that stands for others is what they ask for."""
    shop.write({"pyproject.toml": TABLE})
    catalogue = shop.catalogue

    assert catalogue.export(["test", "demo"]).lines == ("click<9", "sqlalchemy[asyncio]>=2")
    assert catalogue.export([]).lines == ()


def test_contradictions(shop: Shop) -> None:
    """What no version can be is told with who asks, once; lines that do not apply together do not contradict."""
    table = """
    [integrations.a]
    requirements = ["f<1; python_version < '3'", "a>=2", "b>1; python_version > '3'", "c==1; python_version < '3'", "d @ https://example.org/d-1.whl"]
    [integrations.b]
    requirements = ["a<2", "b<=1", "c==2", "d @ https://example.org/d-2.whl", "e>=1", "e<2", "f>1; python_version<'3'"]
    """
    shop.write({"envrepro.toml": table})

    exported = shop.catalogue.export(["a", "b"])

    assert exported.contradictions == (
        "a: no version is <2 (b) and >=2 (a)",
        "b: no version is <=1 (b) and >1 (a)",
        "d: cannot be installed from https://example.org/d-1.whl (a) and https://example.org/d-2.whl (b)",
        "f: no version is <1 (a) and >1 (b)",
    )
    assert "a<2,>=2" in exported.lines


POSSIBLE = [
    ("", True),
    (">=2,<2", False),
    (">2,<2.0.1", True),
    (">=2,<3,!=2.0,!=2.*", False),
    (">=1,!=1.*,<2.5", True),
    ("==1.4.*,>=1.4.7", True),
    ("==1.4.*,==1.5.*", False),
    ("~=1.4.2,<1.4.2", False),
    ("~=1.4,>=1.9", True),
    ("~=2.1,!=2.1.*", True),
    ("==1.4.*,>1.4", True),
    ("<0rc1", True),
    ("==2,!=2.0", False),
    (">=2.0rc1,<2", False),  # "<2" leaves out the pre-releases of 2.
    (">=2.0rc1,<2.0.1", True),
    (">1.0,<1.0.post2", False),  # ">1.0" leaves out its post-releases.
    (">1.0.post1,<1.0.post3", True),
    (">1.0rc1,<1.0rc3", True),
    (">1.0.dev1,<1.0.dev3", True),
    ("==1.0.post1,<=1.0", False),
    ("===1.0,>=1", True),
    ("===1.0,>=2", False),
    ("===latest", True),
    (">=1!2,<1!3", True),
    (">=1!2,<3", False),
    ("<0", False),  # For the same reason as "<2".
    ("<0.1,<0.0.1,>0", True),
]


@pytest.mark.parametrize(("specifier", "possible"), POSSIBLE)
def test_is_possible(specifier: str, *, possible: bool) -> None:
    """Whether there is any version that a specifier admits."""
    assert is_possible(SpecifierSet(specifier)) is possible


NUMBERS = ["0", "1", "2", "1.0", "1.1", "1.2", "2.0", "1.1.1", "1.2.9", "1!1"]
VERSIONS = [f"{number}{rest}" for number in NUMBERS for rest in ("", "rc1", "rc2", ".post1", ".dev1", "a1.dev2")]
GRID = [
    Version(f"{number}{rest}")
    for number in (*NUMBERS, "0.5", "1.0.5", "1.1.5", "1.5", "3")
    for rest in ("", "a2", ".post2")
]
CLAUSES = st.one_of(
    st.builds(str.__add__, st.sampled_from([">=", "<=", ">", "<", "==", "!="]), st.sampled_from(VERSIONS)),
    st.builds(lambda sign, number: f"{sign}{number}.*", st.sampled_from(["==", "!="]), st.sampled_from(NUMBERS)),
    st.builds(lambda number: f"~={number}", st.sampled_from([each for each in NUMBERS if "." in each])),
)


@given(st.lists(CLAUSES, min_size=1, max_size=4))
def test_possible_is_never_missed(clauses: list[str]) -> None:
    """Whatever a version of a grid fits is possible."""
    specifier = SpecifierSet(",".join(clauses))

    assert is_possible(specifier) or not any(specifier.contains(version, prereleases=True) for version in GRID)
