"""What is read as plain TOML is what the parser reads, and what is none is none for both."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import pdm_golden, poetry_goldens, uv_golden

from pytest_envrepro.locks.toml_plain import read_plain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.core
EXAMPLES = 5 * int(os.environ.get("ENVREPRO_EXAMPLES", "200"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize="ENVREPRO_EXAMPLES" not in os.environ
)

STATEMENTS = (
    *('name = "a"', 'name = "b"', '"name" = "c"', ' name = "d"', 'name= "e"', 'name = "f" # so', 'name = "g" ', "name"),
    *(
        'text = ""',
        r'text = "\"a\" \\ \t"',
        r'text = "\u00e9"',
        r'text = "\ud800"',
        r'text = "\x"',
        r'text = "\/"',
        "text = 'a'",
    ),
    *('text = "é"', 'text = "a\tb"', 'text = "\x7f"', 'text = """a"""', "text = '#'", 'text = "a = [', '"" = "empty"'),
    *("a.b = 1", "a.c = 2", "a = 0", "a = 01", "a = +1", "a = 0x1F", "a = 1_0", "a = 1.0", "a = 2026-01-01", "a = inf"),
    *("b = true", "b = false", "b = True", "b = null", "a = 123456789012345678", "a = 1234567890123456789", "é = 1"),
    *(
        "c = []",
        'c = ["a", "b"]',
        'c = ["a","b"]',
        'c = ["a", ]',
        "c = [1, 2]",
        "c = [[]]",
        r'c = ["\"", "]"]',
        "c = [ ]",
    ),
    *('d = {a = "b"}', 'd = { a = "b", b = 1 }', 'd = { a = "b", a = 1 }', "d = {}", "d = { }", "d = { a = {} }"),
    *('d = { a = "b", }', 'd = { "a" = ["b"] }', "d = { a.b = 1 }", "# so", " # so", "\t", "#\x00"),
)
HEADERS = (
    *("[[one]]", "[one]", "[one.two]", "[one.two.three]", "[[one.two]]", "[[one.two.three]]", "[other]", "[other.d]"),
    *(" [one.two]", "[one] # so", '["one"]', "[ one ]", "[[one]", "[one]]", "[]", "[.]", "[one.]", "[a]", "[d]", "[c]"),
)
LISTS = (
    *("c = [", "c = [[", "c = [ ", "[", "]", "]]", " ]", "],", "], [", "] # so", '    "a",', '    "a"', '  "b" ,'),
    *(
        '    { name = "a", extra = ["x"] },',
        '    { name = "a" }, # so',
        '    "a" # so,',
        '    "a", "b",',
        "    [],",
        ",",
    ),
    *('    {file = "a", hash = "b"},', '"""', 'text = """', "'''", "    1,", "    [", "    ],", '    "a]"', "c = [1,"),
)
lines = st.sampled_from((*STATEMENTS, *HEADERS, *LISTS, ""))
DOCUMENTS = (
    *(uv_golden.PROJECT["uv.lock"], uv_golden.WORKSPACE["uv.lock"], uv_golden.CHOICES["uv.lock"]),
    *(poetry_goldens.LOCK_1_1, poetry_goldens.LOCK_2_0, poetry_goldens.LOCK, pdm_golden.LOCK, pdm_golden.PYLOCK),
)


def read_by(read: Callable[[str], object], text: str) -> str | None:
    """Give what is read, with the order and the types of all; None for what is no TOML."""
    try:
        return repr(read(text))
    except ValueError:
        return None


@given(st.lists(lines, max_size=8), st.sampled_from(("\n", "\n", "\r\n")), st.sampled_from(("\n", "\n", "")))
@generated
def test_against_the_parser(several: list[str], between: str, end: str) -> None:
    """The two read the same, and refuse the same."""
    text = between.join(several) + end

    assert read_by(read_plain, text) == read_by(tomllib.loads, text)


@pytest.mark.parametrize(
    "text",
    {
        "a header within what seems to be a list": "[[one]]\nc = [\n1 ]\n[other]\nd = [\n    1,\n]\n",
        "a table in the later of two": "[[one]]\n[one.two]\n[[one]]\n[one.two.three]\n",
        "lists of tables in each of two": "[[one]]\n[[one.two]]\n[[one]]\n[[one.two]]\n",
        "a table that is opened last": "[one.two]\na = 1\n[one]\nb = 2\n",
        "a table within a plain one": 'd = { a = "b" }\n[d.e]\n',
        "no comma": 'c = [\n    "a"\n    "b",\n]\n',
        "no last comma": 'c = [\n    "a",\n    "b"\n]\n',
        "a comma in a comment": 'c = [\n    "a" # so,\n    "b",\n]\n',
        "a list that goes on": 'c = [\n    "a",\n] # so\n',
        "nothing in a list": "c = [\n]\nd = [\n\n]\n",
        "no end of a list": 'c = [\n    "a",\n]',
        "escapes of JSON": 'a = "\\/"\n',
        "halves of a character": 'a = "\\ud83d\\ude00"\n',
        "a mark at the start": "\ufeffa = 1\n",
        "nothing": "",
    }.values(),
)
def test_places(text: str) -> None:
    """So they do where one line says what another one means."""
    assert read_by(read_plain, text) == read_by(tomllib.loads, text)


@given(st.sampled_from(DOCUMENTS), st.lists(st.tuples(st.integers(0), st.one_of(st.none(), st.integers(0), lines)), max_size=3))  # fmt: skip
@generated
def test_edited_locks(lock: str, edits: list[tuple[int, int | str | None]]) -> None:
    """So they do with locks as tools write them, of which lines are gone, stand there twice, or are others."""
    several = lock.split("\n")
    for place, edit in edits:
        if edit is None:
            del several[place % len(several)]
        else:
            line = edit if isinstance(edit, str) else several[edit % len(several)]
            several.insert(place % len(several), line)
    text = "\n".join(several)

    assert read_by(read_plain, text) == read_by(tomllib.loads, text)


FILES = 'files = [\n    {file = "a"},\n    {file = "b"},\n]\n'


@pytest.mark.parametrize(
    ("text", "files"),
    {
        "plain": (FILES, [2]),
        "beside what is not plain": (f"text = 'a'\nnumber = 0x1F\n{FILES}a.b = 1\n", [2]),
        "beside a list within a list": (f"conflicts = [[\n    1,\n], [\n    2,\n]]\n{FILES}", [2]),
        "with Windows' ends of lines": (FILES.replace("\n", "\r\n"), [2]),
        "beside a text of several lines": (f'text = """\n"""\n{FILES}', [{"file": "a"}, {"file": "b"}]),
        "of another form": ("files = [{file = 'a'}]\n", [{"file": "a"}]),
    }.values(),
)
def test_form_of_their_own(text: str, files: list[object]) -> None:
    """Lists are read in a form of their own wherever the parser does not have to read all of the text."""
    assert read_plain(text, lambda lines: [lines.count("\n")])["files"] == files
