"""What stands on one line of a requirements file is read as pip reads it."""

from __future__ import annotations

import pytest

from pytest_envrepro.requirementlines import parse_editable, parse_line

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("text", "name", "extras", "url", "marker"),
    [
        ("flask[Async]>=3; os_name == 'nt'", "flask", {"async"}, None, "os_name == 'nt'"),
        (
            "Flask @ https://example.org/f.zip ; os_name == 'nt'",
            "flask",
            set(),
            "https://example.org/f.zip",
            "os_name == 'nt'",
        ),
        (
            "https://example.org/Flask-3.0-py3-none-any.whl",
            "flask",
            set(),
            "https://example.org/Flask-3.0-py3-none-any.whl",
            None,
        ),
        ("git+https://example.org/f@main#egg=F_x[a]", "f-x", {"a"}, "git+https://example.org/f@main#egg=F_x[a]", None),
        ("./libs/a[b] ; os_name == 'nt'", None, {"b"}, "./libs/a", "os_name == 'nt'"),
        ("libs\\a", None, set(), "libs\\a", None),
        ("https://example.org/a;b", None, set(), "https://example.org/a;b", None),
    ],
)
def test_parse_line(text: str, name: str | None, extras: set[str], url: str | None, marker: str | None) -> None:
    """What stands on a line may be a requirement, a URL or a path."""
    found = parse_line(text)

    assert (found.name, set(found.extras), found.url, found.marker) == (name, extras, url, marker)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://example.org/not.whl", "'not.whl' is not the name of a wheel"),
        ("git+https://example.org/f#egg=f>=1", "'f>=1' after #egg= is not a name"),
        ("./a ; nothing", "the marker 'nothing' is not valid: Expected a marker variable or quoted string"),
    ],
)
def test_no_line(text: str, message: str) -> None:
    """What is none of these is an error in one line."""
    with pytest.raises(ValueError, match=r"^") as raised:
        parse_line(text)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        (".", None, "."),
        ("flask", None, "flask"),
        ("./a[b]", None, "./a"),
        ("file:./a#egg=Flask", "flask", "file:./a#egg=Flask"),
        ("git://example.org/f#egg=F", "f", "git+git://example.org/f#egg=F"),
        ("F @ git+https://example.org/f", "f", "git+https://example.org/f"),
    ],
)
def test_parse_editable(text: str, name: str | None, url: str) -> None:
    """What follows `-e` is a folder, or a repository that tells its name."""
    found = parse_editable(text)

    assert (found.name, found.url) == (name, url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("git+https://example.org/f", "the URL does not tell a name: write NAME @ URL"),
        ("https://example.org/f.zip", "only a folder or a VCS URL can be editable"),
        ("f @ https://example.org/f.zip", "only a folder or a VCS URL can be editable"),
    ],
)
def test_not_editable(text: str, message: str) -> None:
    """Nothing else can be editable."""
    with pytest.raises(ValueError, match=r"^") as raised:
        parse_editable(text)

    assert str(raised.value) == message


def test_written() -> None:
    """As text, a path is written with the extras that are asked for."""
    assert str(parse_line("./a[b]")) == "./a[b]"
