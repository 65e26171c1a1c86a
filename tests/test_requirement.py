"""Requirements are parsed as `packaging` parses them, only faster."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PackagingRequirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.credentials import has_credentials, redact
from pytest_envrepro.places import equal_but_for_variables
from pytest_envrepro.requirement import parse, parse_marker_or_raise

EXAMPLES = 5 * int(os.environ.get("ENVREPRO_EXAMPLES", "200"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize="ENVREPRO_EXAMPLES" not in os.environ
)

spaces = st.sampled_from(["", "", " ", "  ", "\t", "\n", "\u00a0"])
names = st.sampled_from(["a", "flask", "Zope.Interface", "a--b", "a_", "-a", "A1", "é"])
versions = st.sampled_from(["1", "1.0.*", "2rc1", "1!2.0", "1.0+cpu", "1.0-1", "v1", "*", "1.0-", "", "٣", "1_0"])
clauses = st.tuples(
    spaces, st.sampled_from(["==", "!=", ">=", "<=", "<", ">", "~=", "===", "=", "@"]), spaces, versions, spaces
).map("".join)
specifiers = st.lists(clauses, max_size=3).map(",".join)
extras = st.lists(st.tuples(spaces, names, spaces).map("".join), max_size=2).map(",".join)
tests = st.tuples(
    st.sampled_from(["extra", "python_version", "sys_platform", "os_name", "'x'", "nothing"]),
    spaces,
    st.sampled_from(["==", "!=", ">=", "<", "in", "not in", "~=", "==="]),
    spaces,
    st.sampled_from(['"dev"', "'Test_Docs'", '"3.8"', '"win32"', "''", "extra", '"or"']),
).map("".join)
markers = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", "and"]), inner).map("".join),
        inner.map("({})".format),
    ),
    max_leaves=4,
)


@st.composite
def requirements(draw: st.DrawFn) -> str:
    """Give `name[extras]>=1; marker`, or something like it."""
    text = draw(spaces) + draw(names) + draw(spaces)
    if draw(st.integers(0, 2)) == 0:
        text += f"[{draw(extras)}]{draw(spaces)}"
    specifier = draw(specifiers)
    text += f"({specifier})" if draw(st.integers(0, 4)) == 0 else specifier
    if draw(st.booleans()):
        text += f"{draw(spaces)};{draw(spaces)}{draw(markers)}{draw(spaces)}"
    return text


@generated
@given(requirements())
def test_parse_agrees_with_packaging(text: str) -> None:
    """The short way past the general parser gives the same result, and refuses the same texts."""
    try:
        expected = PackagingRequirement(text)
    except InvalidRequirement:
        with pytest.raises(ValueError, match=r"."):
            parse(text)
        return

    found = parse(text)

    assert found.name == canonicalize_name(expected.name)
    assert found.extras == {canonicalize_name(extra) for extra in expected.extras}
    assert found.specifier == expected.specifier
    assert found.url == expected.url
    assert (Marker(found.marker) if found.marker else None) == expected.marker


@pytest.mark.parametrize(
    ("text", "written", "admitted", "refused"),
    [
        ("a==2.3", "==2.3", "2.3+cpu", "2.3.1"),
        ("a>=2", ">=2", "3.0rc1", "1.9"),
        ("a === 1.0-special", "===1.0-special", "1.0", "1.0"),
        ("a ~= 1.4", "~=1.4", "1.9", "2.0"),
    ],
)
def test_admits(text: str, written: str, admitted: str, refused: str) -> None:
    """Versions are compared by meaning, pre-releases and local versions too."""
    requirement = parse(text)

    assert requirement.written == written
    assert requirement.admits(Version(admitted)) == (not written.startswith("==="))
    assert not requirement.admits(Version(refused))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--index-url https://me:secret@example.org/", "--index-url https://****@example.org/"),
        ("f @ git+https://token@example.org/f", "f @ git+https://****@example.org/f"),
        (
            "https://example.org/f.zip?access_token=abc&x=1#egg=f",
            "https://example.org/f.zip?access_token=****&x=1#egg=f",
        ),
        ("git+ssh://git@example.org/f", "git+ssh://git@example.org/f"),
        ("git+ssh://deploy@example.org/f", "git+ssh://deploy@example.org/f"),
        ("https://${USER}:${PASSWORD}@example.org/f", "https://${USER}:${PASSWORD}@example.org/f"),
        ("flask @ https://a@b:c@example.org/f", "flask @ https://****@example.org/f"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    """A credential is never shown; a variable and the user of a repository are none."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://me:secret@example.org/", True),
        ("https://example.org/f.zip?access_token=abc", True),
        ("https://ghp_16C7e42F292c6912E7@example.org/", True),
        ("https://abcdef:x-oauth-basic@example.org/", True),
        ("https://q7w2e9r4t1y6u3i8o5p0a1s2d3f4@example.org/", True),
        ("git+ssh://deploy:secret@example.org/f", True),
        ("git+ssh://deploy@example.org/f", False),
        ("git+https://org@dev.azure.example/org/p/_git/foo@v1", False),
        ("https://a-department-with-a-long-name-2024@example.org/", False),
        ("https://${U}:${PW}@example.org/", False),
        ("https://me:${PW}@example.org/", False),
        ("https://${TOKEN}:x-oauth-basic@example.org/", False),
        ("https://****@example.org/", False),
    ],
)
def test_has_credentials(text: str, secret: bool) -> None:  # noqa: FBT001
    """A user name is no secret, unless it looks like a token; what is shown of a URL is less."""
    assert has_credentials(text) == secret


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("https://h/${PW}/a.zip", "https://h/hunter2/a.zip", True),
        ("https://h/x/a.zip", "https://h/${A}${B}/a.zip", True),
        ("https://h/${PW}/a.zip", "https://h/hunter2/b.zip", False),
        ("https://h/${PW}/a/${PW}", "https://h/x/b/y", False),
        ("a${B}a", "a", False),
        ("a", "b", False),
    ],
)
def test_equal_but_for_variables(one: str, other: str, equal: bool) -> None:  # noqa: FBT001
    """A variable stands for any text."""
    assert equal_but_for_variables(one, other) == equal


def test_written() -> None:
    """As text, a requirement is what a person would write, without its marker."""
    assert str(parse("Flask[b,a] >= 3 , <4 ; os_name == 'nt'")) == "flask[a,b]>=3,<4"
    assert str(parse("f @ https://me:x@example.org/f.zip")) == "f @ https://****@example.org/f.zip"


@pytest.mark.parametrize("variable", ["dependency_groups", "extras"])
def test_sets(variable: str) -> None:
    """A variable that only `pylock.toml` has is refused: nothing else can tell whether such a marker holds."""
    message = f"'{variable}' may stand after 'in' in a pylock.toml, and nowhere else"
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse(f"flask ; 'dev' in {variable}")
    with pytest.raises(ValueError, match=f"^the marker '\"dev\" in {variable}' is not valid: {message}$"):
        parse_marker_or_raise(f'"dev" in {variable}')
    assert str(parse_marker_or_raise(f"sys_platform == '{variable}'")) == f'sys_platform == "{variable}"'
