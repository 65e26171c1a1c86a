"""Poetry's constraints, and what they are in the words of PEP 440; the expected values are poetry-core's."""

from __future__ import annotations

import pytest
from packaging.version import Version

from pytest_envrepro.locks.poetry_constraints import lowest, to_specifier
from pytest_envrepro.locks.poetry_words import platform_marker, python_marker, to_requirement, to_text
from pytest_envrepro.locks.project import read_pyproject
from pytest_envrepro.locks.toml_lines import TomlLines

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("*", ""),
        ("x", ""),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^1.2", ">=1.2,<2"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("^0.0.0", ">=0.0.0,<0.0.1"),
        ("^1.0a1", ">=1.0a1,<2"),
        ("^1!2.3", ">=1!2.3,<1!3"),
        ("^2020.1", ">=2020.1,<2021"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~1.2.3.4", ">=1.2.3.4,<1.3"),
        ("~=1.2", ">=1.2,<2"),
        ("~=1.2.3", ">=1.2.3,<1.3"),
        ("~=1", ">=1,<2"),
        ("~=1.2.3.4", ">=1.2.3.4,<1.2.4"),
        ("1.*", "==1.*"),
        ("==1.2.*", "==1.2.*"),
        ("!=1.2.*", "!=1.2.*"),
        (">=1.2.*", ">=1.2"),
        ("1.2.3", "==1.2.3"),
        ("=1.2", "==1.2"),
        ("==v1.2", "==1.2"),
        (">= 1.2, <1.5", ">=1.2,<1.5"),
        (">=1.2 <1.5", ">=1.2,<1.5"),
        (">=1.2,<1.5,", ">=1.2,<1.5"),
        ("(>=1.2,!=1.3)", ">=1.2,!=1.3"),
        (">=1.0+local", ">=1.0"),
    ],
)
def test_single(constraint: str, expected: str) -> None:
    """One list of comparisons is one specifier."""
    assert to_specifier(constraint) == (expected, True)


@pytest.mark.parametrize(
    ("constraint", "expected", "admitted", "refused"),
    [
        ("<2 || >2", "!=2", "1.9 2.1", "2.0"),
        (">=1,<1.5.7 || >1.5.7", ">=1,!=1.5.7", "1.5.6 1.5.8 9", "1.5.7 0.9"),
        ("^1 || ^2", ">=1,<3", "1.0 2.9", "3.0 0.9"),
        ("^1 | ^3", ">=1,!=2.*,<4", "1.0 3.9", "2.5 4.0"),
        ("~1.2 || ~1.5", ">=1.2,!=1.3.*,!=1.4.*,<1.6", "1.2.9 1.5.0", "1.3 1.4.9 1.6"),
        ("^2.0 || ^4.1", ">=2.0,!=3.*,!=4.0.*,<5", "2.5 4.1", "3.0 4.0.9"),
        ("~1.2 || ^2.0", ">=1.2,<3", "1.2.5 2.9", "1.3 1.9 3.0"),
        ("1.0 || 2.0", ">=1.0,<=2.0", "1.0 2.0", "1.5 2.1"),
        ("2.* || 1.0.*", ">=1.0.dev0,<3", "1.0.1 2.1", "1.1"),
        ("<1 || >=1.3", "!=1.0.*,!=1.1.*,!=1.2.*", "0.9 1.3", "1.0 1.2.9"),
        ("^1 || *", "", "0.1 9", ""),
        (">=1 || <2", "", "0.1 9", ""),
    ],
)
def test_alternatives(constraint: str, expected: str, admitted: str, refused: str) -> None:
    """Several are judged one by one, whatever a single specifier can say of them; that admits no less."""
    requirement = to_requirement("demo", constraint)

    assert all(requirement.admits(Version(version)) for version in admitted.split())
    assert not any(requirement.admits(Version(version)) for version in refused.split())
    assert all(Version(version) in requirement.specifier for version in admitted.split())
    assert to_specifier(constraint)[0] == expected


@pytest.mark.parametrize(
    "constraint",
    ["", "^^1", "latest", "^1.*", "~=", "1.0 - 2.0 to", ">>1", "^1 ||", "=> 1", "1." + "9" * 9000, "@main"],
)
def test_none(constraint: str) -> None:
    """What Poetry does not read is no constraint."""
    with pytest.raises(ValueError, match=r".+"):
        to_specifier(constraint)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("*", None),
        ("^3.8", 'python_version >= "3.8" and python_version < "4"'),
        ("<3.11", 'python_version < "3.11"'),
        (">=3.8.1", 'python_full_version >= "3.8.1"'),
        ("3.9", 'python_version == "3.9"'),
        ("3.9.*", 'python_full_version == "3.9.*"'),
        (
            "~2.7 || ^3.6",
            'python_version >= "2.7" and python_version < "2.8" or python_version >= "3.6" and python_version < "4"',
        ),
    ],
)
def test_python(constraint: str, expected: str | None) -> None:
    """The key `python` of an entry is a marker."""
    assert python_marker(constraint) == expected


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ("*", None),
        ("win32", 'sys_platform == "win32"'),
        ("!=win32", 'sys_platform != "win32"'),
        ("linux || darwin", 'sys_platform == "linux" or sys_platform == "darwin"'),
        ("!=linux,!=darwin", 'sys_platform != "linux" and sys_platform != "darwin"'),
    ],
)
def test_platform(platforms: str, expected: str | None) -> None:
    """The key `platform` of an entry too."""
    assert platform_marker(platforms) == expected


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [("^3.8", "3.8"), (">=3.9,<4", "3.9"), ("~2.7 || ^3.5", "2.7"), ("<4", None), ("*", None), ("3.9.*", "3.9")],
)
def test_lowest(constraint: str, expected: str | None) -> None:
    """The lowest Python that a lock is for."""
    assert lowest(constraint) == expected


def test_text() -> None:
    """As metadata would write it."""
    assert (
        to_text("Demo.X", "^1.2", extras=("a", "b"), marker="os_name == 'nt'")
        == "demo-x[a,b]>=1.2,<2 ; os_name == 'nt'"
    )


@pytest.mark.parametrize(
    ("python", "expected"), [("^3.9", ">=3.9,<4"), ("*", None), ("~2.7 || ^3.6", ">=2.7,<4"), ("^^3", None)]
)
def test_project(python: str, expected: str | None) -> None:
    """A project that Poetry's own table declares has a name, and the Pythons that it is for."""
    text = f'[tool.poetry]\nname = "My.Shop"\n\n[tool.poetry.dependencies]\nflask = "*"\npython = "{python}"\n'

    found = read_pyproject("pyproject.toml", text)

    assert found.name == "my-shop"
    if python.startswith("~2.7"):
        assert found.requires_python is not None
        assert found.requires_python.text.startswith(">=2.7,")
    else:
        assert (found.requires_python and (found.requires_python.text, found.requires_python.line)) == (
            expected and (expected, 6)
        )


def test_lines() -> None:
    """The line of a key, however it is written, and of each table in a list."""
    lines = TomlLines(
        '[a."b.c"]\nx = 1\n"y z" = [\n  { v = 1 },\n  { v = 2 },\n]\nz.w = 2\n[[d]]\n  e = [{ v = 1 }, { v = 2 }] # [f]\n'
    )

    assert [lines.of("a", "b.c", "x"), lines.of("a", "b.c", "y z"), lines.of("a", "b.c", "z", "w")] == [2, 3, 7]
    assert [lines.of("d", "e"), lines.of("a", "b.c", "none"), lines.of("none")] == [9, 1, 1]
    assert lines.of_items(2, "a", "b.c", "y z") == [4, 5]
    assert lines.of_items(2, "d", "e") == [9, 9]
    assert lines.of_items(3, "a", "b.c", "y z") == [3, 3, 3]
