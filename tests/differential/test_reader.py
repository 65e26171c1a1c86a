"""The reader of requirements files agrees with pip's own, line by line, over generated files.

pip is asked for each statement alone, at its own line, so that one fault does not hide what comes after it. Where we
differ on purpose, it is one of `DIFFERENCES`, with the reason.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.utils import canonicalize_name
from pip._internal.exceptions import PipError
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements
from pip._internal.utils.urls import path_to_url

from pytest_envrepro.discovery import tree_of
from pytest_envrepro.files import Files
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.syntax import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pip._internal.req.req_install import InstallRequirement

    from pytest_envrepro.model import Root

EXAMPLES = int(os.environ.get("ENVREPRO_EXAMPLES", "200"))
ENVIRON = {"ENVREPRO_NAME": "flask", "ENVREPRO_VERSION": "3.0", "ENVREPRO_EMPTY": ""}
SESSION = PipSession()
MARKS = ("<<<<<<<", "=======", ">>>>>>>")  # Of a merge: the whole file is not read then.
DIGEST = "0123456789abcdef" * 4

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pip")


class Fact(NamedTuple):
    """All that both readers say of one requirement."""

    file: str
    line: int | None
    constraint: bool
    editable: bool
    name: str | None
    extras: tuple[str, ...]
    specifier: str
    marker: str | None
    url: str | None
    hashes: tuple[str, ...]


names = st.sampled_from(["flask", "Zope.Interface", "a", "py_test--x", "A1", "ruamel.yaml.clib", "${ENVREPRO_NAME}"])
versions = st.sampled_from(
    ["1", "1.0", "2.0rc1", "1!2.0", "1.0.post1", "2.3+cpu", "1.*", "3.0.dev0", "${ENVREPRO_VERSION}"]
)
operators = st.sampled_from(["==", "!=", ">=", "<=", "<", ">", "~=", "==="])
spaces = st.sampled_from(["", "", "", " ", "  ", "\t"])
markers = st.sampled_from(
    [
        'python_version >= "3.8"',
        "sys_platform == 'win32' and python_version<'4'",
        '(os_name == "nt" or extra == "x") and python_full_version != "3.8.1"',
        'platform_machine in "x86_64 arm64"',
        'implementation_name == "cp -y" ',
        "python_version > 3",
        "nothing",
    ]
)
extras = st.sampled_from(["", "", "[a]", "[A_b, c.d]", "[ a ]", "[]", "[a,]"])
urls = st.sampled_from(
    [
        "https://example.org/pkg-1.0.tar.gz",
        f"https://example.org/pkg-1.0.tar.gz#sha256={DIGEST}",
        "https://example.org/pkg-1.0-py3-none-any.whl",
        "https://example.org/My_Pkg-1.0+local-py3-none-any.whl#egg=other",
        "https://example.org/not-a-wheel.whl",
        "https://user:secret@example.org/pkg.zip#egg=Pkg",
        "git+https://example.org/pkg.git@main#egg=Pkg_x&subdirectory=sub",
        "git+ssh://git@example.org/pkg.git@0123#egg=pkg",
        "https://example.org/pkg.zip#no-comment",
        "git+https://example.org/pkg.git",
        "git+https://example.org/pkg.git#egg=pkg>=1",
        "hg+http://example.org/pkg#egg=pkg",
        "file:///srv/pkg-1.0.zip",
        "HTTPS://example.org/pkg.zip",
        "https://example.org/a;b.zip",
        "svn+svn://example.org/pkg#egg=-",
    ]
)
paths = st.sampled_from(
    ["./project", "./project[a,B_c]", "project/", "./pkg-1.0.tar.gz", "pkg-1.0.zip", "./Pkg-2.0-py3-none-any.whl"]
)
hashes = st.sampled_from(
    [
        f"--hash=sha256:{DIGEST}",
        f"--hash sha256:{DIGEST}",
        f"--hash=sha512:{DIGEST * 2}",
        f"--hash=md5:{DIGEST[:32]}",
        "--hash=nonsense",
        "--hash",
    ]
)
joints = st.sampled_from([" ", "  ", " \\\n    ", " \\\r\n\t", "\t"])


@st.composite
def named(draw: st.DrawFn) -> str:
    """Give `name[extras]>=1,<2 ; marker`, or something like it."""
    parts = [draw(names), draw(spaces), draw(extras), draw(spaces)]
    clauses = [
        f"{draw(operators)}{draw(spaces)}{draw(versions)}{draw(spaces)}"
        for _ in range(draw(st.sampled_from([0, 1, 1, 2])))
    ]
    specifier = ",".join(clauses)
    parts.append(f"({specifier})" if draw(st.integers(0, 9)) == 0 else specifier)
    if draw(st.booleans()):
        parts += [draw(spaces), ";", draw(spaces), draw(markers)]
    return "".join(parts)


@st.composite
def located(draw: st.DrawFn) -> str:
    """Give a URL or a path, with or without a name before it and a marker behind it."""
    place = draw(urls | urls | paths)
    if draw(st.booleans()) and "://" in place:
        place = f"{draw(names)}{draw(extras)}{draw(spaces)}@{draw(spaces)}{place}"
    if draw(st.integers(0, 3)) == 0:
        place += f"{draw(st.sampled_from([' ; ', '; ', ';']))}{draw(markers)}"
    return place


@st.composite
def requirement(draw: st.DrawFn) -> str:
    """Give a requirement with options after it, on one or on many lines."""
    text, joint = draw(st.tuples(named(), joints) | st.tuples(located(), st.just(" ")))
    options = draw(st.lists(hashes | st.sampled_from(["--config-settings a=b", "-C nothing", "--pre"]), max_size=3))
    return "".join([text, *(f"{joint}{option}" for option in options)])


options = st.sampled_from(
    [
        "-e ./project",
        "-e project[a]",
        "--editable=git+https://example.org/pkg@main#egg=pkg",
        "-e git+https://example.org/pkg",
        '-e "pkg @ https://example.org/pkg.zip"',
        "-e \"pkg @ git+https://example.org/pkg ; os_name == 'nt'\"",
        "-e https://example.org/pkg.zip",
        "-e ./project -e ./other",
        "-e",
        "-e git:pkg#egg=pkg",
        "-r other.txt",
        "-rother.txt",
        "--requirement=folder/deep.txt",
        "--requirement folder/deep.txt --constraint other.txt",
        "-c other.txt",
        "-c folder/bounds.txt",
        "-r other.txt -r folder/deep.txt",
        "--req other.txt",
        "-i https://example.org/simple",
        "--extra-index-url https://user:secret@example.org/simple --trusted-host example.org",
        "--find-links ./wheels",
        "--no-index",
        "--pre --prefer-binary",
        "--no-binary :all: --only-binary=a,b",
        "--require-hashes",
        "--no-require-hashes",
        "--only-final :all:",
        "--use-feature fast-deps",
        f"--hash=sha256:{DIGEST}",
        "--unknown",
        "--index-url",
        "-x",
        "--find-links 'open",
        "- a list",
        "--pre=yes",
        "--re other.txt",
    ]
)
garbage = st.text(alphabet="ab1-_=<>!~;,@[]() \t#'\"$&*%^é", min_size=1, max_size=12).filter(
    lambda text: text.strip() and text[:7] not in MARKS
)
blanks = st.sampled_from(["", " ", "# a comment", "  # flask==1", "\t", "\x0c", "# not continued \\"])
comments = st.sampled_from(["", "", "", "  # why", " #", "\t# tab", " \\\n    # ends it"])
statements = st.tuples(requirement() | requirement() | options | garbage, comments).map("".join)
files = st.lists(statements | blanks, max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder to be in, with what the generated files name."""
    path = tmp_path_factory.mktemp("reader")
    for name in ("project", "other"):
        (path / name).mkdir()
        (path / name / "pyproject.toml").touch()
    (path / "folder").mkdir()
    (path / "folder" / "deep.txt").write_text("-c ../third.txt\n-e ./project\ndeep>=1\n")
    (path / "folder" / "bounds.txt").write_text("bound<3\n-r ../third.txt\n-c ../other.txt\n")
    (path / "other.txt").write_text("# first\nother==1 ; python_version > '3'\n-r third.txt\n")
    (path / "third.txt").write_text("\nthird<2\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for name, value in ENVIRON.items():
            patch.setenv(name, value)
        yield path


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="ENVREPRO_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(parts=files, ending=st.sampled_from(["\n", "\r\n"]), bom=st.sampled_from(["", "\ufeff"]))
def test_same_as_pip(folder: Path, parts: list[str], ending: str, bom: str) -> None:
    """Every requirement is the same to pip and to us, and so is every line that cannot be read.

    A file that is read twice says nothing new: we read it once, pip twice.
    """
    expected: list[Fact] = []
    broken: set[int] = set()
    line = 1
    for part in parts:
        found = ask_pip(folder, "\n" * (line - 1) + part)
        if found is None:
            broken.add(line)
        else:
            expected += found
        line += len(f"{part}.".splitlines())

    content = bom + "".join(f"{part}{ending}" for part in parts)
    facts, faults = ask_us(folder, content)

    assert (sorted(set(facts), key=repr), faults) == (sorted(set(expected), key=repr), broken)
    assert ask_pip(folder, content) == (None if broken else expected)


DIFFERENCES = {
    "a digest that is cut short": (
        f"flask==1 --hash=sha256:{DIGEST[:-1]}\n",
        (True, False),
        "pip finds out when it has downloaded the file; a lock that was cut is found out here",
    ),
    "a file that ends inside a line": (
        "flask==1 \\",
        (True, False),
        "the rest of the line was cut off, however well its beginning reads",
    ),
    "a folder that does not exist": (
        "./nowhere\n",
        (False, True),
        "whether a folder is there is asked where it matters; a lock may be read on another machine",
    ),
    "a name that is a path only on this disk": (
        "-e nowhere\n",
        (False, True),
        "the same",
    ),
    "extras after #egg=": (
        "git+https://example.org/pkg#egg=pkg[a]\n",
        (False, True),
        "older versions of pip read them, so that they stand in many files",
    ),
    "an option of an older pip": (
        "flask==1 --install-option=--prefix=/opt\n",
        (False, True),
        "pip before 23.1 writes and reads it: the requirement on the line is none the worse",
    ),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_different_from_pip(folder: Path, difference: str) -> None:
    """Where we differ from pip, we do so on purpose."""
    content, readable, reason = DIFFERENCES[difference]

    assert (ask_pip(folder, content) is not None, not ask_us(folder, content)[1]) == readable, reason


def test_editable_constraint(folder: Path) -> None:
    """Neither pip nor we let a constraint be editable."""
    (folder / "editable.txt").write_text("-e ./project\n")

    assert ask_pip(folder, "-c editable.txt\n") is None
    assert ask_us(folder, "-c editable.txt\n") == ([], {1})


def ask_pip(folder: Path, content: str) -> list[Fact] | None:
    """Read a file as pip does; None where pip cannot."""
    path = folder / "requirements.txt"
    path.write_bytes(content.encode())
    try:
        parsed = list(parse_requirements(str(path), SESSION))
        return [of_pip(folder, install_req_from_parsed_requirement(each)) for each in parsed]
    except (PipError, ValueError):  # Some faults are those of pip's parts, in their own words.
        return None


def of_pip(folder: Path, found: InstallRequirement) -> Fact:
    """Give what pip says of a requirement."""
    file, _, line = str(found.comes_from)[3:].removesuffix(")").partition(" (line ")
    return Fact(
        file=os.path.relpath(file, folder),
        line=int(line),
        constraint=found.constraint,
        editable=found.editable,
        name=canonicalize_name(found.req.name) if found.req else None,
        extras=tuple(sorted(map(canonicalize_name, found.extras))),
        specifier=str(found.req.specifier) if found.req else "",
        marker=str(found.markers) if found.markers else None,
        url=found.link.url if found.link else None,
        hashes=tuple(sorted(f"{kind}:{value}" for kind, values in found.hash_options.items() for value in values)),
    )


def ask_us(folder: Path, content: str) -> tuple[list[Fact], set[int]]:
    """Read a file as we do: the requirements, and the lines that cannot be read."""
    path = folder / "requirements.txt"
    path.write_bytes(content.encode())
    inputs = Inputs(tree=tree_of(Files(folder), os.environ))
    inputs.add_requirements(path.name, inputs.roots, (path.name, None))
    entries = read(Files(folder).read(path.name), os.environ).entries
    hashes = {(path.name, entry.line): tuple(sorted(entry.hashes)) for entry in entries}
    facts = [of_us(root, hashes, constraint=False) for root in inputs.roots]
    facts += [of_us(root, hashes, constraint=True) for root in inputs.constraints]
    return facts, {fault.line or 0 for fault in inputs.faults}


def of_us(root: Root, hashes: Mapping[tuple[str, int], tuple[str, ...]], *, constraint: bool) -> Fact:
    """Give what we say of a requirement."""
    found = root.requirement
    url = found.url
    if url is not None and url.startswith((".", "project", "pkg-")):
        url = path_to_url(url)
    return Fact(
        file=root.file,
        line=root.line,
        constraint=constraint,
        editable=root.editable,
        name=found.name,
        extras=tuple(sorted(found.extras)),
        specifier=str(found.specifier),
        marker=str(Marker(found.marker)) if found.marker else None,
        url=url,
        hashes=hashes.get((root.file, root.line or 0), ()),
    )
