"""Inputs are read as pip and the compilers read them: files that read files, projects, groups, constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from locks.reading import faults, read, roots
from making import pip_compiled

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core

LOCK = "requirements.txt"
INPUT = "requirements.in"


def locked(command: str = "pip-compile requirements.in") -> str:
    """Give a lock that no test looks at."""
    return pip_compiled("flask==1\n", command)


def same(found: str, fault: str) -> bool:
    """Tell whether a fault is as expected; after `*` it goes on in the words of the TOML parser or of packaging."""
    beginning, star, _ = fault.partition("*")
    return found.startswith(beginning) if star else found == fault


def test_nested() -> None:
    """What a file reads is relative to that file; `-c` adds constraints and never roots."""
    lock = read(
        {
            LOCK: locked(),
            INPUT: "-r a/one.in\n-c a/bounds.txt\nx\n",
            "a/one.in": "-r ../b/two.in\n-r b/three.in\n",
            "b/two.in": "two\n",
            "a/b/three.in": "three\n",
            "a/bounds.txt": "-c ../more.txt\nfour<4\n",
            "more.txt": "five<5\n",
        }
    )

    assert roots(lock) == ["requirements.in:3 x", "b/two.in:1 two", "a/b/three.in:1 three"]
    assert [f"{root.file}:{root.line} {root.requirement}" for root in lock.constraints] == [
        "a/bounds.txt:2 four<4",
        "more.txt:1 five<5",
    ]
    assert lock.rests_on == {INPUT, "a/one.in", "b/two.in", "a/b/three.in", "a/bounds.txt", "more.txt"}


def test_read_twice() -> None:
    """A file that two files read is read once, so that its faults are told once, however many paths lead to it."""
    chain = {f"{number}.in": f"-r {number + 1}.in\n" * 2 for number in range(40)}

    lock = read({LOCK: locked("pip-compile 0.in"), **chain, "40.in": "flask\n-nonsense\n"})

    assert roots(lock) == ["40.in:1 flask"]
    assert faults(lock) == ["unreadable 40.in:2 no such option: -n"]


def test_deep() -> None:
    """Files that read one another without an end are a fault before Python's stack is."""
    chain = {f"{number}.in": f"-r {number + 1}.in\n" for number in range(2000)}

    assert faults(read({LOCK: locked("pip-compile 0.in"), **chain})) == [
        "unreadable 49.in:1 50.in is read through 50 other files"
    ]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (
            {INPUT: "x\n-r requirements.in\n"},
            "requirements.in:2 these files read each other: requirements.in -> requirements.in",
        ),
        (
            {INPUT: "-r a/b.in\n", "a/b.in": "\n\n-c ../c.in\n", "c.in": "-r a/b.in\n"},
            "c.in:1 these files read each other: a/b.in -> c.in -> a/b.in",
        ),
        (
            {INPUT: "-r a/../requirements.in\n"},
            "requirements.in:1 these files read each other: requirements.in -> requirements.in",
        ),
    ],
)
def test_cycle(files: dict[str, str], fault: str) -> None:
    """A cycle is told at the line that closes it."""
    assert faults(read({LOCK: locked(), **files})) == [f"unreadable {fault}"]


def test_cycle_of_locks() -> None:
    """Locks may read locks, but not in a circle."""
    lock = read({"a.txt": "flask==1\n-r b.txt\n", "b.txt": "click==1\n-r a.txt\n"}, "a.txt")

    assert faults(lock) == ["unreadable b.txt:2 these files read each other: a.txt -> b.txt -> a.txt"]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "input-missing requirements.txt:2 requirements.in does not exist"),
        ({INPUT: "a\n-r nowhere.in\n"}, "input-missing requirements.in:2 nowhere.in does not exist"),
        ({INPUT: "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n"}, "merge-conflict requirements.in:1 a merge conflict begins here"),
        ({INPUT: "a b\n"}, "unreadable requirements.in:1 'a b' is not a requirement: *"),
        ({INPUT: "a>=${NOTHING}\n"}, "unreadable requirements.in:1 'a>=${NOTHING}' is not a requirement: a variable in it is not set"),
        ({INPUT: "a @ https://me:secret@example.org/a ; x\n"}, None),
        ({INPUT: "--unknown https://me:secret@example.org\n"}, "unreadable requirements.in:1 no such option: --unknown"),
        ({INPUT: "a \\\n"}, "unreadable requirements.in:1 the file ends inside a requirement, after a backslash: it is truncated"),
        ({INPUT: "a\0b\n"}, "unreadable requirements.in:1 holds a NUL character: this is not a text file"),
    ],
)  # fmt: skip
def test_faults(files: dict[str, str], fault: str | None) -> None:
    """What is wrong with an input is told at its line, without what nobody should see."""
    found = faults(read({LOCK: locked(), **files}))

    assert len(found) == 1
    assert fault is None or same(found[0], fault)
    assert "secret" not in found[0]


def test_download() -> None:
    """What only a download would tell makes the lock unchecked."""
    lock = read({LOCK: locked(), INPUT: "a\n-r https://me:secret@example.org/b.in\n"})

    assert (roots(lock), lock.unread) == (
        ["requirements.in:1 a"],
        "requirements.in:2 reads https://****@example.org/b.in, which is not opened",
    )


def test_input_at_a_url_in_comments() -> None:
    """A URL that the comments name as an input is not opened, and its credentials are not shown."""
    text = "a==1\n    # via -r https://me:secret@example.org/b.in\n"
    lock = read({LOCK: pip_compiled(text, "make lock"), INPUT: "a\n"})

    assert lock.unread == (
        "its comments name https://****@example.org/b.in, which is not opened: "
        "name its inputs in [[tool.envrepro.locks]]"
    )


def test_variables() -> None:
    """A variable that is set is expanded, as pip does it; one with a small letter in its name is none."""
    files = {LOCK: locked(), INPUT: "a==${VERSION}\n-r ${FOLDER}/b.in\n", "x/b.in": "b @ https://x/${lower}\n"}

    lock = read(files, environ={"VERSION": "1.5", "FOLDER": "x"})

    assert roots(lock) == ["requirements.in:1 a==1.5", "x/b.in:1 b @ https://x/${lower}"]


def test_kinds() -> None:
    """Editable requirements, repositories, URLs and folders are roots too; only some of them tell a name."""
    text = "-e .\n-e ./libs/a[x]\ngit+https://example.org/b@main#egg=b\nc @ file:///srv/c.zip\n./d\n"

    found = read({LOCK: locked(), INPUT: text}).roots

    assert [(root.requirement.name, root.requirement.url, root.editable) for root in found] == [
        (None, ".", True),
        (None, "./libs/a", True),
        ("b", "git+https://example.org/b@main#egg=b", False),
        ("c", "file:///srv/c.zip", False),
        (None, "./d", False),
    ]


PYPROJECT = """\
[build-system]
requires = ["setuptools", "click"]

[project]
name = "Demo"
dependencies = ["click", 'flask; python_version > "3"']

[project.optional-dependencies]
Dev_Tools = ["click", "demo[docs]"]
docs = ["sphinx"]

[dependency-groups]
test = ["pytest", { include-group = "Dev.Base" }]
dev_base = ["click"]
one = [{ include-group = "two" }]
two = [{ include-group = "one" }]
odd = [{ path = "x" }]
lost = [{ include-group = "nowhere" }]
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["6 click", "6 flask"]),
        ("--extra dev-tools", ["6 click", "6 flask", "9 click", "10 sphinx"]),
        ("--extra=docs,dev.tools", ["6 click", "6 flask", "9 click", "10 sphinx"]),
        ("--all-extras", ["6 click", "6 flask", "9 click", "10 sphinx"]),
        ("--group Test", ["6 click", "6 flask", "13 pytest", "14 click"]),
        ("--only-build-deps", ["2 setuptools", "2 click"]),
        ("--all-build-deps", ["6 click", "6 flask", "2 setuptools", "2 click"]),
        ("--build-deps-for wheel", ["6 click", "6 flask", "2 setuptools", "2 click"]),
    ],
)
def test_project(options: str, expected: list[str]) -> None:
    """Of a `pyproject.toml`, what the command asks for is read, each at its own line."""
    lock = read({LOCK: locked(f"pip-compile {options} pyproject.toml"), "pyproject.toml": PYPROJECT})

    assert roots(lock) == [f"pyproject.toml:{root}" for root in expected]
    assert lock.complete == ("build" not in options)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("--extra nowhere", "8 has no extra 'nowhere' (it has: dev-tools, docs)"),
        ("--group nowhere", "12 has no dependency group 'nowhere' (it has: dev-base, lost, odd, one, test, two)"),
        ("--group one", "16 dependency groups include each other: one -> two -> one"),
        ("--group odd", "17 the group 'odd' holds {'path': 'x'}, which is no requirement"),
        ("--group lost", "18 has no dependency group 'nowhere' (it has: dev-base, lost, odd, one, test, two)"),
    ],
)
def test_project_faults(options: str, fault: str) -> None:
    """What a command asks for and a project does not have is told where it would stand."""
    lock = read({LOCK: locked(f"uv pip compile {options} pyproject.toml"), "pyproject.toml": PYPROJECT})

    assert faults(lock) == [f"unreadable pyproject.toml:{fault}"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[project\n", "1 is not valid TOML: *"),
        ("[project]\nname = 1\n", "2 'name' has to be a string, not int"),
        ("[project]\nname='x'\ndependencies = 'a'\n", "3 'dependencies' has to be a list of strings, not str"),
        ("[project]\nname='x'\ndependencies = [1]\n", "3 'dependencies' has to be a list of strings"),
        ("[project]\nname='x'\ndependencies = [\n 'a b']\n", "4 'a b' is not a requirement: *"),
    ],
)
def test_project_unreadable(text: str, fault: str) -> None:
    """A `pyproject.toml` that cannot be read is one fault, with its line."""
    found = faults(read({LOCK: locked("pip-compile pyproject.toml"), "pyproject.toml": text}))

    assert len(found) == 1
    assert same(found[0], f"unreadable pyproject.toml:{fault}")


@pytest.mark.parametrize(
    ("name", "files", "project", "static"),
    [
        ("pyproject.toml", {"pyproject.toml": "[project]\nname='x'\ndynamic=['dependencies']\n"}, "x", []),
        (
            "pyproject.toml",
            {"pyproject.toml": "[build-system]\nrequires=[]\n", "setup.cfg": "[metadata]\nname=y\n"},
            "y",
            [],
        ),
        ("setup.py", {"setup.py": "", "setup.cfg": "[metadata]\nname = My_Name\n"}, "my-name", []),
        ("setup.py", {"setup.py": "", "pyproject.toml": "[project]\nname = 1\n"}, None, []),
        ("setup.cfg", {"setup.cfg": "[metadata]\nname=z\n[options]\ninstall_requires = attr: r.all\n"}, "z", []),
        ("setup.cfg", {"setup.cfg": "[metadata]\nname=z\n", "setup.py": "setup(install_requires=x)"}, "z", []),
        (
            "setup.cfg",
            {
                "setup.cfg": "[metadata]\nname=z\n[options]\ninstall_requires =\n  a-b\n  a>1 # why\n",
                "setup.py": "setup()",
            },
            None,
            ["setup.cfg:5 a-b", "setup.cfg:6 a>1"],
        ),
        ("setup.cfg", {"setup.cfg": "[options]\ninstall_requires = a; b\n"}, None, ["setup.cfg:2 a", "setup.cfg:2 b"]),
    ],
)
def test_dynamic(name: str, files: dict[str, str], project: str | None, static: list[str]) -> None:
    """What only a build tells is left to installed metadata, under the project's name."""
    lock = read({LOCK: locked(f"pip-compile {name}"), **files})

    assert roots(lock) == static
    assert [dynamic.project for dynamic in lock.dynamic] == ([] if static else [project])
    assert faults(lock) == []


def test_setup_cfg_unreadable() -> None:
    """A `setup.cfg` of no form is a fault."""
    found = faults(read({LOCK: locked("pip-compile setup.cfg"), "setup.cfg": "a = b\n"}))

    assert found == ["unreadable setup.cfg:1 is not a valid setup.cfg: File contains no section headers."]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", "[tool.pip-tools]\nextra = 1\n"),
        (".pip-tools.toml", "[tool.pip-tools]\nextra = 1\n"),
    ],
)
def test_settings_of_a_wrong_type(file: str, text: str) -> None:
    """A setting that pip-tools would refuse is a fault, where it stands."""
    lock = read({LOCK: locked(), INPUT: "a\n", file: text})

    assert faults(lock) == [f"unreadable {file}:2 'extra' has to be a list of strings, not int"]


def test_settings_and_command() -> None:
    """What the command says itself stands before the settings."""
    settings = '[tool.pip-tools.compile]\nextra = "docs"\nconstraint = ["c.txt"]\nunsafe-package = ["a"]\n'
    files = {"pyproject.toml": PYPROJECT + settings, "c.txt": "c<1\n"}

    with_settings = read({**files, LOCK: locked("pip-compile pyproject.toml")})
    with_both = read({**files, LOCK: locked("pip-compile --extra=dev-tools pyproject.toml")})
    with_none = read({**files, LOCK: locked("pip-compile --no-config pyproject.toml")})

    assert [len(lock.roots) for lock in (with_settings, with_both, with_none)] == [3, 4, 2]
    assert [len(lock.constraints) for lock in (with_settings, with_both, with_none)] == [1, 1, 0]
    assert "a" in with_settings.excluded


def test_input_of_two_encodings(project: Project) -> None:
    """An input as PowerShell writes it, and one in its own encoding, are read like any other."""
    project.write(
        {
            LOCK: pip_compiled("a==1\r\nb==1\r\n", "pip-compile one.in two.in -o requirements.txt"),
            "one.in": "a>=1\r\n".encode("utf-16"),
            "two.in": "# coding: latin-1\nb  # é\n".encode("latin-1"),
        }
    )

    assert project.findings() == []


DEMO = '[project]\nname = "demo"\ndependencies = ["flask>=2", "click"]\n[project.optional-dependencies]\nfast = ["ujson"]\n'


@pytest.mark.parametrize(
    ("line", "file", "extra"),
    [
        ("-e .", "pyproject.toml", []),
        (".[fast,nowhere]", "pyproject.toml", ["5 ujson"]),
        ("./libs/foo", "libs/foo/pyproject.toml", []),
        ("demo[fast] @ file:./libs/foo", "libs/foo/pyproject.toml", ["5 ujson"]),
    ],
)
def test_folder(line: str, file: str, extra: list[str]) -> None:
    """What a folder of the project requires is asked for too, at its own lines."""
    lock = read({LOCK: locked(), INPUT: f"{line}\n", file: DEMO})

    assert roots(lock)[1:] == [f"{file}:{root}" for root in ["3 flask>=2", "3 click", *extra]]
    assert (lock.unread, lock.complete) == (None, True)


def test_folder_is_compared(project: Project) -> None:
    """A dependency of the project that is not pinned is missing; one that is pinned is not stale."""
    lock = pip_compiled("-e file:.\n    # via -r requirements.in\nflask==3.0\n    # via demo\n")
    project.write({LOCK: lock, INPUT: "-e .\n", "pyproject.toml": DEMO})

    assert project.findings() == [
        ("missing-direct", "click", None, None, "pyproject.toml:3", "not pinned in requirements.txt")
    ]


def test_folders_of_one_another() -> None:
    """A folder that another one requires by its name is no package to pin, and a marker holds for all behind it."""
    bar = '[project]\nname = "bar"\ndependencies = ["demo[fast]"]\n'
    files = {INPUT: "-e ./bar\n./foo ; os_name == 'nt'\n", "bar/pyproject.toml": bar, "foo/pyproject.toml": DEMO}

    lock = read({LOCK: locked(), **files})

    assert [(root.requirement.name, root.requirement.marker) for root in lock.roots[2:]] == [
        ("flask", "os_name == 'nt'"),
        ("click", "os_name == 'nt'"),
        ("ujson", None),
    ]


@pytest.mark.parametrize(
    ("files", "unread"),
    [
        ({}, "requirements.in:1: there is no pyproject.toml, setup.cfg or setup.py in ./foo"),
        ({"foo/pyproject.toml": "[project]\nname = 1\n"}, "foo/pyproject.toml:2: 'name' has to be a string, not int"),
    ],
)
def test_folder_unread(files: dict[str, str], unread: str) -> None:
    """A folder that tells nothing makes the lock unchecked."""
    lock = read({LOCK: locked(), INPUT: "-e ./foo\n", **files})

    assert (lock.unread, faults(lock), len(lock.roots)) == (unread, [], 1)


def test_folder_without_its_dependencies() -> None:
    """`--no-deps` leaves out what a folder requires."""
    lock = read({LOCK: locked("pip-compile --no-deps requirements.in"), INPUT: "-e .\n", "pyproject.toml": DEMO})

    assert len(lock.roots) == 1


def test_folder_dynamic() -> None:
    """What only a build of a folder tells is left to its metadata."""
    lock = read({LOCK: locked(), INPUT: "-e .[fast]\n", "setup.py": "", "setup.cfg": "[metadata]\nname = demo\n"})

    assert [(dynamic.project, dynamic.extras) for dynamic in lock.dynamic] == [("demo", frozenset({"fast"}))]


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ("--group dev", DEMO + '[dependency-groups]\ndev = ["demo[fast]"]\n', ["flask", "click", "ujson"]),
        ("", DEMO.replace('"click"', '"demo[fast]"'), ["flask", "ujson"]),
    ],
)
def test_own_extras(options: str, text: str, expected: list[str]) -> None:
    """Extras of the project itself are followed wherever they are asked for."""
    lock = read({LOCK: locked(f"pip-compile {options} pyproject.toml"), "pyproject.toml": text})

    assert [root.requirement.name for root in lock.roots] == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pyproject.toml",
            (
                "[project]\nname='x'\ndynamic=['dependencies', 'optional-dependencies']\n[tool.setuptools.dynamic]\n"
                "dependencies = {file = ['base.in']}\noptional-dependencies.dev = {file = 'dev.in'}\n"
            ),
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires = file: base.in\n[options.extras_require]\ndev = file: dev.in\n",
        ),
    ],
)
def test_files_of_setuptools(name: str, text: str) -> None:
    """The requirements files that setuptools reads are read as it does."""
    lock = read({LOCK: locked(f"pip-compile --extra dev {name}"), name: text, "base.in": "a\n", "dev.in": "b\n"})

    assert (roots(lock), lock.dynamic) == (["base.in:1 a", "dev.in:1 b"], ())


def test_constraints_in_comments() -> None:
    """With a command of somebody's own, the comments tell which constraints there are."""
    lock = read({LOCK: pip_compiled("a==2\n    # via\n    #   -c cons.txt\n", "make lock"), "cons.txt": "a<2\n"})

    assert [str(root.requirement) for root in lock.constraints] == ["a<2"]
