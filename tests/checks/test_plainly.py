"""What is met at a glance is met for `packaging` too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.checks.plainly import plain_release, see

numbers = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
clauses = st.builds("{}{}{}".format, st.sampled_from(("==", "!=", "<=", ">=", "<", ">", "~=", "===")), st.sampled_from(("", " ")), numbers)  # fmt: skip
suffixes = st.sampled_from(("", "", "", "", "", "rc1", ".dev2", ".post1", "+cpu", ".*"))


@given(
    st.lists(st.builds("{}{}".format, clauses, suffixes), max_size=3).map(",".join),
    st.sampled_from(("", " ", "; os_name == 'x'", " ; python_version >= '3'", "[x]", "; nonsense")),
    st.builds("{}{}".format, numbers, st.sampled_from(("", "", "", "rc1", ".post1", "+cpu", ".dev1"))),
)
def test_against_packaging(written: str, rest: str, installed: str) -> None:
    """Never is met what `packaging` does not admit, or does not read."""
    text = f"Demo.App{written}{rest}"
    version = Version(installed)
    plain = see(text)
    if plain is not None and plain.is_met({"demo-app": plain_release(version)}):
        assert Requirement(text).specifier.contains(version, prereleases=True)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("demo", True),
        ("demo>=1", True),
        ("demo (>=1.0,<2)", True),
        ("demo == 1.5 ; python_version < '3'", True),
        ("demo<1.5.0", False),
        ("demo~=1.0", False),
        ("demo[x]>=1", False),
        ("demo>=1; nonsense", False),
        ("other", False),
        ("", False),
    ],
)
def test_glance(text: str, met: bool) -> None:  # noqa: FBT001  # A column of the table.
    """The common forms are seen, anything else is left to `packaging`."""
    plain = see(text)

    assert (plain is not None and plain.is_met({"demo": (1, 5)})) is met


@pytest.mark.parametrize(
    ("text", "applies"),
    [
        ("demo", True),
        ("demo[x] (>=1)", True),
        ("demo; python_version < '3'", False),
        ("demo>=1 ; extra == 'x'", False),
    ],
)
def test_everywhere(text: str, applies: bool) -> None:  # noqa: FBT001  # A column of the table.
    """What has no marker is needed everywhere."""
    plain = see(text)

    assert plain is not None
    assert plain.applies is applies


tests = st.one_of(
    st.builds(
        "extra{}=={}{}{}{}".format,
        st.sampled_from(("", " ")),
        st.sampled_from(("", " ")),
        st.sampled_from("\"'"),
        st.sampled_from(("dev", "Test_Docs", "or", "")),
        st.sampled_from("\"'"),
    ),
    st.sampled_from(("python_version < '3'", "(os_name == 'posix')", "extra != 'dev'", "'dev' == extra", "nonsense")),
)
markers = st.lists(tests, min_size=1, max_size=3).flatmap(
    lambda several: st.sampled_from((" and ", " or ", " and(")).map(lambda joint: joint.join(several))
)


@given(
    st.sampled_from(("Demo.App", "demo[x]", "demo (>=1)", "demo>=1,", "demo[x,y]<2", "demo ==1.*", "-demo")),
    markers,
    st.frozensets(st.sampled_from(("dev", "test-docs", "or"))),
)
def test_for_another_extra(head: str, marker: str, wanted: frozenset[str]) -> None:
    """What is seen is valid, and what is left out for its extra does not apply with the extras that are wanted."""
    text = f"{head}; {marker}"
    plain = see(text)
    if plain is not None:
        parsed = Requirement(text)

        assert plain.name == canonicalize_name(parsed.name)
        if plain.extra is not None and plain.extra not in wanted:
            assert parsed.marker is not None
            assert not any(parsed.marker.evaluate({"extra": extra}) for extra in ("", *wanted))
