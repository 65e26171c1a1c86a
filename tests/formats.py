"""One project in the words of each tool that writes locks, and what may go wrong with it: for tests of all formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import toolshed
from locks.documents import TOML_ENTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexes import Index

RELEASES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("flask", "3.0"): ("werkzeug>=3", "itsdangerous; sys_platform != 'win32'"),
    ("werkzeug", "3.0"): ("markupsafe>=2",),
    ("markupsafe", "2.0"): (),
    ("itsdangerous", "2.0"): (),
    ("click", "8.0"): (),
    ("six", "1.16"): (),
    ("blinker", "1.0"): (),
}
INSTALLED = ("flask==3.0", "werkzeug==3.0", "markupsafe==2.0", "itsdangerous==2.0", "click==8.0", "six==1.16")

_PYPROJECT = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.9"
dependencies = [
    "flask>=2",
    "click",
]

[dependency-groups]
dev = ["six"]
"""
_POETRY_SOURCE = f"""
[[tool.poetry.source]]
name = "example"
url = "{toolshed.INDEX}"
"""
_PIPFILE = f"""\
[[source]]
name = "example"
url = "{toolshed.INDEX}"
verify_ssl = false

[packages]
flask = ">=2"
click = "*"

[dev-packages]
six = "*"

[requires]
python_version = "PYTHON"
"""
_IN = "flask>=2\nclick\nsix\n"


class Format(NamedTuple):
    """A format, by one of the tools that write it.

    Attributes:
        name: for people.
        tool: the program.
        lock: the lock's path.
        files: the project.
        lock_command: how it is locked.
        check: what the tool has to check a lock with, or nothing.
        block: a pattern of a package's entry in the lock, with its name to be filled in.
        edge: the same of a line that says that another package needs it; empty where the format has none.
        hashes: a pattern of the hash in a package's entry.
        stamp: what of the lock the stamp is, and another one; None where it has none.
    """

    name: str
    tool: str
    lock: str
    files: Mapping[str, str]
    lock_command: tuple[str, ...]
    check: tuple[str, ...]
    block: str
    edge: str
    hashes: str
    stamp: tuple[str, str] | None = None


_LINES_BLOCK = r"^{0}==.*\n(?: .*\n)*"
FORMATS = (
    Format(
        name="`requirements.txt` of pip-compile",
        tool="pip-compile",
        lock="requirements.txt",
        files={"requirements.in": _IN},
        lock_command=(
            *("--quiet", "--generate-hashes", "--no-emit-index-url", "--no-emit-trusted-host"),
            *("--output-file=requirements.txt", "requirements.in"),
        ),
        check=(),
        block=_LINES_BLOCK,
        edge="",
        hashes=r" \\\n    --hash=sha256:\w+",
    ),
    Format(
        name="`requirements.txt` of `uv pip compile`",
        tool="uv",
        lock="requirements.txt",
        files={"requirements.in": _IN},
        lock_command=(
            *("pip", "compile", "--quiet", "--generate-hashes"),
            *("--output-file=requirements.txt", "requirements.in"),
        ),
        check=(),
        block=_LINES_BLOCK,
        edge="",
        hashes=r" \\\n    --hash=sha256:\w+",
    ),
    Format(
        name="`uv.lock`",
        tool="uv",
        lock="uv.lock",
        files={"pyproject.toml": _PYPROJECT},
        lock_command=("lock", "--quiet"),
        check=("lock", "--check"),
        block=TOML_ENTRY,
        edge=r'^    {{ name = "{0}".*}},\n',
        hashes=r', hash = "sha256:\w+"',
        stamp=('specifier = ">=2"', 'specifier = ">=2.1"'),
    ),
    Format(
        name="`poetry.lock`",
        tool="poetry",
        lock="poetry.lock",
        files={"pyproject.toml": _PYPROJECT + _POETRY_SOURCE},
        lock_command=("lock", "--quiet"),
        check=("check", "--lock"),
        block=TOML_ENTRY,
        edge=r"^{0} = .*\n",
        hashes=r"(?<=files = \[\n)    \{file = .*\n",
        stamp=('content-hash = "', 'content-hash = "0'),
    ),
    Format(
        name="`pdm.lock`",
        tool="pdm",
        lock="pdm.lock",
        files={"pyproject.toml": _PYPROJECT},
        lock_command=("lock", "--quiet"),
        check=("lock", "--check"),
        block=TOML_ENTRY,
        edge=r'^    "{0}.*",\n',
        hashes=r"(?<=files = \[\n)    \{file = .*\n",
        stamp=('content_hash = "sha256:', 'content_hash = "sha256:0'),
    ),
    Format(
        name="`Pipfile.lock`",
        tool="pipenv",
        lock="Pipfile.lock",
        files={"Pipfile": _PIPFILE},
        lock_command=("lock", "--quiet"),
        check=("verify",),
        block=r'^        "{0}": \{{\n(?:            .*\n)*        \}},?\n',
        edge="",
        hashes=r'(?<="hashes": \[\n)                "sha256:\w+"\n',
        stamp=('"sha256": "', '"sha256": "0'),
    ),
    Format(
        name="`pylock.toml` of `uv pip compile`",
        tool="uv",
        lock="pylock.toml",
        files={
            "requirements.in": _IN,
            "envrepro.toml": '[[locks]]\npath = "pylock.toml"\ninputs = ["requirements.in"]\n',
        },
        lock_command=("pip", "compile", "--quiet", "-o", "pylock.toml", "requirements.in"),
        check=(),
        block=TOML_ENTRY,
        edge="",
        hashes=r", hashes = \{ sha256 = .*? \}",
    ),
)

# By itself: what it locks comes from a channel, and from a solver.
CONDA = Format(
    name="`conda-lock.yml`",
    tool="conda-lock",
    lock="conda-lock.yml",
    files={
        "environment.yml": "channels:\n  - conda-forge\nplatforms:\n  - linux-64\ndependencies:\n"
        "  - flask>=2\n  - click\n  - six\n"
    },
    lock_command=("lock", "--lockfile", "conda-lock.yml", "-f", "environment.yml", "--conda"),
    check=(),
    block=r"^- name: {0}\n(?:  .*\n)*",
    edge=r"^    {0}: .*\n",
    hashes=r"  hash:\n(?:    .*\n)*",
    stamp=("url: conda-forge", "url: other"),
)


def upload(index: Index) -> None:
    """Put all releases into an index."""
    for (name, version), requires in RELEASES.items():
        index.add(name, version, requires)


def _input(old: str, new: str) -> Callable[[Format, dict[str, str]], None]:
    """Give a change of the inputs; in a Pipfile each side is spelled its own way."""

    def change(_: Format, files: dict[str, str]) -> None:
        name = next(
            name for name in files if name in ("pyproject.toml", "requirements.in", "Pipfile", "environment.yml")
        )
        before, after = old, new
        if name == "requirements.in":
            before, after = (re.sub(r'^    "(.*)",$', r"\1", text, flags=re.MULTILINE) for text in (old, new))
        elif name == "environment.yml":
            spelled = r"^    \"([\w.-]+)(.*)\",$"  # Names of conda's are written small.
            before, after = (
                re.sub(spelled, lambda line: f"  - {line[1].lower()}{line[2]}", text, flags=re.MULTILINE)
                for text in (old, new)
            )
        elif name == "Pipfile":
            spelled = r"^    \"([\w.-]+)\s*(.*)\",$"
            before, after = (
                re.sub(spelled, lambda line: f'{line[1]} = "{line[2] or "*"}"', text, flags=re.MULTILINE)
                for text in (old, new)
            )
        assert files[name].count(before) == 1, (files[name], before)
        files[name] = files[name].replace(before, after)

    return change


def _lock(change: Callable[[Format, str], str]) -> Callable[[Format, dict[str, str]], None]:
    """Give a change of the lock, which has to change it."""

    def changed(format_: Format, files: dict[str, str]) -> None:
        text = change(format_, files[format_.lock])
        assert text != files[format_.lock]
        files[format_.lock] = text

    return changed


def drop(format_: Format, text: str, name: str, *, edges: bool) -> str:
    """Take a package out of a lock, and, where that is asked for, out of the lists of those that need it."""
    text, count = re.subn(format_.block.format(name), "", text, flags=re.MULTILINE)
    assert count == 1, (name, text)
    if edges and format_.edge:
        text = re.sub(format_.edge.format(name), "", text, flags=re.MULTILINE)
        text = re.sub(r"^  dependencies:\n(?=  \w)", "  dependencies: {}\n", text, flags=re.MULTILINE)
    return re.sub(r",(\n    \})", r"\1", text) if format_.lock == "Pipfile.lock" else text


def _repinned(name: str, old: str, new: str) -> Callable[[Format, str], str]:
    def change(format_: Format, text: str) -> str:
        block = re.search(format_.block.format(name), text, flags=re.MULTILINE)
        assert block is not None
        # In the names of its files too, as a merge has it that takes the other side.
        return text.replace(block[0], re.sub(rf"(?<=[=\"' -]){re.escape(old)}\b", new, block[0]))

    return change


def _without_hash(format_: Format, text: str) -> str:
    block = re.search(format_.block.format("click"), text, flags=re.MULTILINE)
    assert block is not None
    return text.replace(block[0], re.sub(format_.hashes, "", block[0]))


def _merged(_: Format, text: str) -> str:
    first, rest = text.split("\n", 1)
    return f"<<<<<<< HEAD\n{first}\n=======\n{first} \n>>>>>>> other\n{rest}"


def _stamped(format_: Format, text: str) -> str:
    assert format_.stamp is not None
    before, after = format_.stamp
    return text.replace(before, after, 1)


ROOTS = '    "flask>=2",\n    "click",'
# What happens to a project, in the order of the page.
CHANGES: Mapping[str, Callable[[Format, dict[str, str]], None]] = {
    "nothing": lambda _, __: None,
    "a root is added": _input(ROOTS, f'{ROOTS}\n    "blinker",'),
    "a root is removed": _input(ROOTS, '    "flask>=2",'),
    "a root is tightened past its pin": _input('    "flask>=2",', '    "flask>=4",'),
    "a root is loosened": _input('    "flask>=2",', '    "flask>=1",'),
    "roots are reordered": _input(ROOTS, '    "click",\n    "flask>=2",'),
    "a root is spelled otherwise": _input('    "flask>=2",', '    "Flask >= 2",'),
    "a root is deleted from the lock": _lock(lambda format_, text: drop(format_, text, "click", edges=True)),
    "a transitive package is deleted, what needs it still says so": _lock(
        lambda format_, text: drop(format_, text, "markupsafe", edges=False)
    ),
    "a transitive package is deleted everywhere": _lock(
        lambda format_, text: drop(format_, text, "markupsafe", edges=True)
    ),
    "a transitive pin is changed past what needs it": _lock(_repinned("markupsafe", "2.0", "1.0")),
    "a pin is edited": _lock(_repinned("click", "8.0", "8.1")),
    "a hash is removed": _lock(_without_hash),
    "the stamp is edited": _lock(_stamped),
    "a merge is not finished": _lock(_merged),
    "the Python is too old": lambda _, __: None,
}
