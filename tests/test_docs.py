"""The documentation says what the package does: codes, options, keys, examples and printed output are held against it."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import platform
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from indexes import PYTHON, Index, use
from interpreters import need
from test_examples import (
    COMMAND_LINE,
    MLOPS,
    OPTIONAL_PARTS,
    PROVEN_LOCK,
    QUICKSTART,
    another_step,
    shell,
    without_network,
)

from pytest_envrepro.checks import CHECKS
from pytest_envrepro.config import Config, DeclaredLock, InstalledFrom, Waiver, read_config
from pytest_envrepro.integrations import Integration
from pytest_envrepro.policy import STALE_WAIVER
from pytest_envrepro.settings import Settings
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projects import Project, Site

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
CODES_IN_ORDER = [*(check.codes for check in CHECKS), (STALE_WAIVER,)]
# What the commands of a section end with.
CODES_OF_COMMANDS = {
    "Make CI fail and a laptop skip": [1],
    "Allow one integration to be missing in one job": [0],
    "Find out why a test was skipped": [0],
    "See which tests ran in no CI job": [0, 0, 1],
    "A test that needs something": [0, 1],
}
# As on a reader's terminal: tests in the order of their files, lines of the usual length, ticks.
TERMINAL = {"PYTEST_ADDOPTS": "-p no:randomly", "COLUMNS": "80", "PYTHONUTF8": "1"}
_SHOWN = {".py", ".toml"}
CODES = {check.name: set(check.codes) for check in CHECKS} | {"any": {STALE_WAIVER}}


def read(page: str) -> str:
    """Give a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Give the fenced blocks of a language that a page's text holds."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def sections(page: str) -> dict[str, str]:
    """Give the sections of a page, by title."""
    return dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", read(page), re.MULTILINE | re.DOTALL))


def typed(section: str) -> list[tuple[str, list[list[str]]]]:
    """Give the commands that a section's console shows, each with the pieces of its output: `...` stands between."""
    found: list[tuple[str, list[list[str]]]] = []
    for line in "".join(blocks(section, "console")).splitlines():
        if line.startswith("$ "):
            found.append((line[2:].replace(".venv/bin/", ""), [[]]))
        elif line == "...":
            found[-1][1].append([])
        else:
            found[-1][1][-1].append(plain(line))
    return found


def said_in_order(said: list[str], pieces: list[list[str]]) -> bool:
    """Tell whether an output has all pieces, each in one and one after the other."""
    position = 0
    for piece in pieces:
        places = range(position, len(said) - len(piece) + 1)
        start = next((place for place in places if said[place : place + len(piece)] == piece), None)
        if start is None:
            return False
        position = start + len(piece)
    return True


@pytest.fixture
def optional_part(tmp_path: Path) -> Path:
    """Give an empty folder, on a machine that has not what the pages say is missing."""
    if importlib.util.find_spec("openpyxl") is not None:
        pytest.skip("openpyxl is installed")
    return tmp_path / "it"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A section of `docs/codes.md`: a project, what is installed beside it, and a line of the report."""

    code: str
    files: dict[str, str]
    installed: tuple[str, ...]
    uploaded: tuple[str, ...]
    reported: str

    @classmethod
    def read(cls, code: str, section: str) -> Example:
        """Read one from its Markdown."""
        files = dict(re.findall(r"^`([^`\n]+)`\n\n```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
        reported = re.search(r"^Reported:\n\n```text\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
        assert reported, f"{code} has no example"
        installed = re.findall(r"^Installed: (.*)$", section, re.MULTILINE)
        uploaded = re.findall(r"^On the index: `(.*)`$", section, re.MULTILINE)
        files = {path: text.replace("with Python 3.11", f"with Python {PYTHON}") for path, text in files.items()}
        return cls(code=code, files=files, installed=tuple(installed), uploaded=tuple(uploaded), reported=reported[1])

    def install(self, site: Site) -> None:
        """Put what is installed into an environment: `name version`, and what is said of it in the same line."""
        for text in self.installed:
            (name, version), *rest = (quoted.split() for quoted in re.findall(r"`([^`]*)`", text))
            values = [" ".join(words) for words in rest]
            options: dict[str, Any] = {}
            if "which requires" in text:
                options["requires"] = tuple(values)
            if "which supports" in text:
                options["python"] = values[0]
            if "built as" in text:
                options["tags"] = values
            if "from" in text:
                options["direct_url"] = {"url": values[0], "dir_info": {}}
            if "with the file" in text:
                options["files"] = {values[0]: "works = True\n"}
            folder = site.add(name, version, **options)
            if "edited since" in text:
                (site.path / values[0]).write_text("works = False\n")
            if "removed since" in text:
                (site.path / values[0]).unlink()
            if "without METADATA" in text:
                (folder / "METADATA").unlink()


def examples() -> list[Example]:
    """Give the examples of all codes."""
    sections = re.split(r"^### ", read("docs/codes.md"), flags=re.MULTILINE)[1:]
    return [Example.read(section.partition("\n")[0], section) for section in sections]


def run(project: Project, *args: str) -> list[str]:
    """Run the checks, and give the lines that are printed."""
    return project.run(*args).outlines


def plain(text: str) -> str:
    """Take out of a line what differs between machines: times, rulers, padding, this Python, what else is installed."""
    text = text.replace(platform.python_version(), "3.11.7")
    text = re.sub(r" in \d+\.\d\ds", "", text)
    text = re.sub(r"(, )?\d+ ms", "", re.sub(r"\d+ distributions", "N distributions", text))
    return re.sub(r"={3,}", "=", re.sub(r"  +", "  ", text)).strip()


def quickstart(project: Project, site: Site) -> None:
    """Copy the example, as if compiled with this Python, and install the metadata of its lock."""
    source = ROOT / "examples" / "quickstart"
    files = {
        name: (source / name).read_text(encoding="utf-8")
        for name in ("requirements.in", "requirements.txt", "pyproject.toml")
    }
    here = ".".join(platform.python_version_tuple()[:2])
    files["requirements.txt"] = files["requirements.txt"].replace("with Python 3.11", f"with Python {here}")
    # What else is installed where this suite runs is not the example's business.
    files["pyproject.toml"] += '[tool.envrepro.severity]\nextraneous = "ignore"\n'
    project.write(files)
    pins: dict[str, tuple[str, list[str]]] = {}
    for name, version, comments in re.findall(
        r"^(\S+)==(\S+) (.*?)(?=^\S|\Z)", files["requirements.txt"], re.MULTILINE | re.DOTALL
    ):
        pins[name] = (version, re.findall(r"^    # +(?:via )?([a-z][\w-]*)$", comments, re.MULTILINE))
    for name, (version, _) in pins.items():
        site.add(name, version, tuple(other for other, (_, parents) in pins.items() if name in parents))


def follow(section: str, folder: Path, codes: list[int]) -> int:
    """Type the commands of a section, one after the other, and compare what they say and end with; tell how many lines."""
    commands = typed(section)
    assert len(commands) == len(codes)
    for (command, pieces), expected in zip(commands, codes, strict=True):
        code, lines = shell(command, folder, **TERMINAL)

        assert code == expected, lines
        assert said_in_order([plain(line) for line in lines], pieces), lines
    return sum(len(piece) for _, pieces in commands for piece in pieces)


def ask_for_httpx(project: Project) -> None:
    """Do what the README's reader is told to do: ask for one more package, and do not compile."""
    inputs = project.path / "requirements.in"
    inputs.write_text(inputs.read_text(encoding="utf-8") + "httpx\n", encoding="utf-8")


def spoil(project: Project, site: Site) -> None:
    """Ask for one more package, and install another version of one that is pinned."""
    ask_for_httpx(project)
    (folder,) = site.path.glob("click-*.dist-info")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    site.add("click", "8.1.8")


def names(kind: Any) -> set[str]:
    """Give the names of the fields, as keys of a table."""
    return {field.replace("_", "-") for field in kind._fields}


def shape(value: Any) -> Any:
    """Give the keys of a value, all the way down."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else None


def without_seconds(check: dict[str, Any]) -> dict[str, Any]:
    """Give a check without its time."""
    return {key: value for key, value in check.items() if key != "seconds"}


def headings(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.code)
def test_example_of_a_code(example: Example, project: Project, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project of the example is reported as the page says."""
    project.write(example.files)
    example.install(site)
    index = Index(project.path / "index")
    for release in example.uploaded:
        name, version = release.split()
        index.add(name, version)
    use(index, monkeypatch)

    result = run(project, "-v", *(["--env-recompile"] if example.uploaded else []))

    assert plain(example.reported) in [plain(line) for line in result]


def test_codes_page_names_all_codes() -> None:
    """The page has the codes of each check in its table, and a section for each."""
    page = read("docs/codes.md")
    table = {
        check: set(re.findall(r"\[`([a-z-]+)`\]", codes))
        for check, codes in re.findall(r"^\| `?(\w+)`? \| (\[.*) \|$", page, re.MULTILINE)
    }

    assert table == CODES
    assert [example.code for example in examples()] == list(
        dict.fromkeys(code for codes in CODES_IN_ORDER for code in codes)
    )


def test_readme_names_all_codes() -> None:
    """The table of the README has the codes of each check."""
    rows = re.findall(r"^\| (?:`?(\w+)`?)? ?\| `([a-z-]+)` \| .* \|$", read("README.md"), re.MULTILINE)
    table: dict[str, set[str]] = {}
    check = ""
    for named, code in rows:
        check = named or check
        table.setdefault(check, set()).add(code)

    assert table == CODES


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_options(page: str, pytester: pytest.Pytester) -> None:
    """The options of `--help` are those of the page."""
    listed = "\n".join(pytester.runpytest_inprocess("--help", "-p", "no:hypothesispytest").outlines)
    section = read(page).partition("\n## Options\n")[2].partition("\n## ")[0]

    given = set(re.findall(r"^  (--(?:no-)?env-[\w-]+)", listed, re.MULTILINE))
    told = {name for row in re.findall(r"^\| `(--.*?)` \|", section, re.MULTILINE) for name in row.split()[:1]}

    assert told == given


def test_examples_of_options(pytester: pytest.Pytester) -> None:
    """The reference shows how each option is typed."""
    listed = "\n".join(pytester.runpytest_inprocess("--help", "-p", "no:hypothesispytest").outlines)
    (shown,) = blocks(sections("docs/reference.md")["Options"], "sh")

    assert set(re.findall(r"(--(?:no-)?env-[\w-]+)", shown)) == set(
        re.findall(r"^  (--(?:no-)?env-[\w-]+)", listed, re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("page", "names"),
    [("docs/reference.md", "requires_|environment"), ("docs/why-skipped.md", "requires_")],
    ids=["reference", "why-skipped"],
)
def test_markers(page: str, names: str, pytester: pytest.Pytester) -> None:
    """The markers of `--markers` are those of the page, with their signatures."""
    listed = "\n".join(pytester.runpytest_inprocess("--markers").outlines)

    assert re.findall(r"^\| `(\w+\(.*?\))` \|", sections(page)["Markers"], re.MULTILINE) == re.findall(
        rf"^@pytest\.mark\.((?:{names}).*?\)):", listed, re.MULTILINE
    )


@pytest.mark.parametrize("page", ["docs/reference.md", "docs/environments.md"])
def test_fixtures(page: str, pytester: pytest.Pytester) -> None:
    """The fixtures of `--fixtures` are those of the page, with their scopes."""
    title = {"docs/reference.md": "Fixtures", "docs/environments.md": "The fixtures"}[page]
    listed = "\n".join(pytester.runpytest_inprocess("--fixtures", "-p", "no:randomly").outlines)

    told = re.findall(r"^\| `(\w+)` \| (\w+) \|", sections(page)[title], re.MULTILINE)
    given = re.findall(r"^(\w+)(?: \[(\w+) scope\])? -- .*pytest_envrepro", listed, re.MULTILINE)

    assert sorted(told) == sorted((name, scope or "function") for name, scope in given)


def test_variables() -> None:
    """The reference has each of our variables that the package reads."""
    rows = re.findall(r"^\| `(PYTEST_ENVREPRO_\w+)` \|", read("docs/reference.md"), re.MULTILINE)
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pytest_envrepro").rglob("*.py"))

    assert set(rows) == set(re.findall(r'"(PYTEST_ENVREPRO_\w+)"', code))


def test_keys_of_the_table() -> None:
    """The reference has a section for each key, and a row for each key of a waiver and of a lock."""
    page = read("docs/reference.md").partition("\n## Configuration\n")[2].partition("\n## ")[0]
    sections = dict(re.findall(r"^### `([\w-]+)`\n(.*?)(?=^### |\Z)", page, re.MULTILINE | re.DOTALL))
    rows = {key: re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE) for key, section in sections.items()}

    assert set(sections) == names(Config) - {"file"}
    assert set(rows["waivers"]) == names(Waiver) - {"place"}
    assert set(rows["locks"]) == names(DeclaredLock)
    assert all(f"`{name}`" in sections["installed"] for name in names(InstalledFrom))
    assert set(rows["integrations"]) == names(Integration) - {"name", "declared-in", "asks"}
    assert set(rows["environments"]) == {*Settings().origins, "extends"}


def test_examples_of_keys_of_environments() -> None:
    """Every example in the reference's table of their keys is accepted, as a table of its own."""
    section = read("docs/reference.md").partition("\n### `environments`\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| `(.*?)` \|", section, re.MULTILINE)
    containers = dict(
        re.findall(r"^\| `([\w-]+)` \| `(.*?)` \|", section.partition("for containers alone")[2], re.MULTILINE)
    )

    for key, example in rows:
        besides = 'environments.it.kind = "container"\n' if key in containers else ""
        besides += 'environments.it.dockerfile = "Dockerfile"\n' if key == "context" else ""
        table = load_toml("a page", f"environments.it.{key} = {example}\n{besides}environments.client = {{}}\n")
        declared = read_config(table, file="envrepro.toml", prefix="", codes=()).environments
        assert key in declared["it"].values

    assert rows


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_table(project: Project, page: str) -> None:
    """The table that a page shows can be followed, and shows every key."""
    table = next(block for block in blocks(read(page), "toml") if block.startswith("[tool.envrepro]"))
    project.write({"pyproject.toml": table, "requirements.txt": "a==1\n", "deploy/pins.txt": "", "deploy/prod.in": ""})

    project.run()

    assert project.report()["schema"] == 1
    shown = set(re.findall(r"^(?:\[+tool\.envrepro\.)?([\w-]+)(?: =|[.\]]+)", table, re.MULTILINE))
    assert names(Config) - {"file"} <= shown


def test_printed_output(project: Project, site: Site) -> None:
    """What the README prints of the example, clean and then broken, is what a session prints."""
    quickstart(project, site)
    clean, broken = (block.splitlines()[2:-1] for block in blocks(read("README.md"), "console"))

    assert plain(clean[0]) in map(plain, run(project))

    spoil(project, site)
    said = [plain(line) for line in run(project)]
    expected = [plain(line) for line in broken]
    start = said.index(expected[0])

    assert said[start : start + len(expected)] == expected


def test_printed_report(project: Project, site: Site) -> None:
    """The report that is printed has the keys of a real one, and says the same of the lock."""
    quickstart(project, site)
    ask_for_httpx(project)
    page = read("docs/report.md")
    printed = json.loads(blocks(page, "json")[0])

    run(project)
    real = project.report()

    assert shape(printed) == shape(real)
    assert [without_seconds(each) for each in printed["checks"]] == [without_seconds(each) for each in real["checks"]]
    finding = printed["checks"][-1]["findings"][0]
    told = {key for row in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    integration = {"name", "status", "needs"}  # The example has none, nor an environment.
    environment = {"name", "kind", "key", "cached", "seconds"}
    assert told == set(printed) | set(printed["checks"][0]) | set(finding) | integration | environment


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
@pytest.mark.parametrize("title", [title for title, text in sections("docs/how-to.md").items() if typed(text)])
def test_printed_how_to(optional_part: Path, title: str) -> None:
    """What the how-to prints of the example of integrations is what its commands say."""
    shutil.copytree(OPTIONAL_PARTS, optional_part, ignore=shutil.ignore_patterns(".*", "__pycache__"))

    assert follow(sections("docs/how-to.md")[title], optional_part, CODES_OF_COMMANDS[title]) > 0


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
def test_printed_tutorial(optional_part: Path) -> None:
    """The test that the tutorial has its reader write skips and fails as it says."""
    section = sections("docs/tutorial.md")["A test that needs something"]
    shutil.copytree(QUICKSTART, optional_part, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (test,) = blocks(section, "python")
    (optional_part / "tests" / "test_workbook.py").write_text(test, encoding="utf-8")

    assert follow(section, optional_part, CODES_OF_COMMANDS["A test that needs something"]) > 0


def test_declared_as_in_the_example() -> None:
    """The tables with which the how-to declares a need are those of the example."""
    (shown,) = blocks(sections("docs/how-to.md")["Declare what a test needs"], "toml")
    table, real = load_toml("a page", shown), load_toml("it", read("examples/optional_parts/pyproject.toml"))

    assert table["dependency-groups"] == real["dependency-groups"]
    assert table["tool"]["envrepro"] == real["tool"]["envrepro"]


@pytest.mark.requires_tools("bash", "pip")  # The program: whose it is, the commands do not ask.
def test_installing_what_is_missing(optional_part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both commands give pip what is missing, whatever a conftest does; of a wrong name the first ends with 0."""
    shutil.copytree(OPTIONAL_PARTS, optional_part, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (optional_part / "conftest.py").write_text("import what_is_not_there\n", encoding="utf-8")
    index = Index(tmp_path / "index")
    index.add("openpyxl", "3.1.5")
    use(index, monkeypatch)
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    by_pipe, by_file = blocks(sections("docs/how-to.md")["Install what is missing"], "sh")

    def run(command: str) -> tuple[int, bool]:
        code, lines = shell(f"bash -c {shlex.quote(command)}", optional_part)
        return code, "Would install openpyxl-3.1.5" in lines

    assert (run(by_pipe), run(by_file)) == ((0, True), (0, True))
    assert run(by_pipe.replace("workbook", "workbok")) == (0, False)
    assert run(by_file.replace("all", "workbok", 1)) == (4, False)
    with (optional_part / "pyproject.toml").open("a", encoding="utf-8") as table:
        table.write('[tool.envrepro.integrations.old]\nrequirements = ["openpyxl<3"]\n')
    assert run(by_file) == (1, False)


class Shown(NamedTuple):
    """A test that a page shows, and the pieces of what is said when it fails; None where it passes."""

    name: str
    code: str
    said: list[list[str]] | None


def shown_tests(page: str) -> list[Shown]:
    """Give the tests of a page's sections on environments, and what the page says that they print."""
    found = []
    # They show how something is written, and what for.
    left_out = {"Settings", "Interpreters", "Several services"}
    text = "".join(section for title, section in sections(page).items() if title not in left_out)
    fences = [*re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL), ("", "")]
    for (language, code), (following, said) in itertools.pairwise(fences):
        named = re.search(r"^def (test_\w+)", code, re.MULTILINE)
        if language == "python" and named:
            pieces = [piece.splitlines() for piece in said.split("...\n")] if following == "text" else None
            found.append(Shown(named[1], code, pieces))
    return found


def placeless(line: str) -> str:
    """Take out of a line what `plain` does, and: folders, keys, versions of tools and Pythons, the mark of a failure."""
    line = re.sub(r"^E  +pytest_envrepro\.[\w.]+\.(?:RefusedError: )?|^E  ", "", line)
    line = re.sub(r"\S*/envs/at/[\w.-]+/env", "ENV", re.sub(r"\b[0-9a-f]{64}\b", "KEY", line))
    line = re.sub(r"\d+ environments? \(\d+ MiB\) from .*|(?<=remembered: ).*", "some", line)
    line = re.sub(
        r"removed .* from (?:Docker|Podman) .*|containers and images stay.*", "of the engine, if there is one", line
    )
    line = re.sub(r"\b(3\.\d+)\.\d+ \(.*\)", r"\1 (there)", re.sub(r"python3\.\d+", "python3.N", line))
    line = re.sub(r"(?<=Python )3\.\d+\.\d+|(?<=uv )\d[\d.]*\d|\d+\.\d+ s(?:econds)?\b", "N", line)
    return re.sub(r"-{3,}", "-", plain(line))


def settled(lines: list[str]) -> list[str]:
    """Give lines without places, and what is made side by side in one order: a busy machine has another, and tells more."""
    found = [placeless(line) for line in lines if not re.match(r"envrepro: .* \.\.\.$", line)]
    groups = itertools.groupby(found, key=lambda line: line.startswith("envrepro: "))
    return [line for is_told, group in groups for line in (sorted(group) if is_told else group)]


@pytest.fixture
def both_examples(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Give a project that declares what the page does, and the variables of a shell without a network."""
    need("3.9", tmp_path / "known")
    folder = tmp_path / "it"
    for example in (PROVEN_LOCK, COMMAND_LINE):
        left_out = shutil.ignore_patterns(".*", "__pycache__", "tests")
        shutil.copytree(example, folder, ignore=left_out, dirs_exist_ok=True)
    start = sections("docs/environments.md")["Start"]
    own, others = blocks(start, "toml")
    table = folder / "pyproject.toml"
    assert own in table.read_text(encoding="utf-8")
    table.write_text(f"{table.read_text(encoding='utf-8')}\n{others}", encoding="utf-8")
    (folder / "tests").mkdir()
    for each in shown_tests("docs/environments.md"):
        (folder / "tests" / f"{each.name}.py").write_text(each.code, encoding="utf-8")
    return folder, without_network(folder, Index(tmp_path / "index"))


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
@pytest.mark.requires_integration("compilers")
@pytest.mark.requires_packages("virtualenv")
def test_printed_environments(both_examples: tuple[Path, dict[str, str]]) -> None:
    """The tests that the page of environments shows pass, or fail with what it shows; so do its commands."""
    folder, environ = both_examples
    shown = shown_tests("docs/environments.md")
    for title in ("Start", "Matrix", "When a test fails"):
        for command, pieces in typed(sections("docs/environments.md")[title]):
            lines = shell(command, folder, **environ, **TERMINAL)[1]

            assert said_in_order(settled(lines), [settled(piece) for piece in pieces]), lines

    lines = shell("pytest -rA tests", folder, **environ, **TERMINAL)[1]

    failed = set(re.findall(r"^FAILED tests/(\w+)\.py", "\n".join(lines), re.MULTILINE))
    assert failed == {each.name for each in shown if each.said} | {"test_kept"}
    plainly = [placeless(line) for line in lines]
    for each in shown:
        for piece in each.said or ():
            wanted = [placeless(line) for line in piece]
            assert any(_begins(plainly[at:], wanted) for at in range(len(plainly))), (wanted, lines)

    ((command, [removed]),) = typed(sections("docs/environments.md")["Where environments are kept"])
    lines = shell(command, folder, **environ)[1]
    assert [placeless(line) for line in lines[: len(removed)]] == [placeless(line) for line in removed]


@pytest.fixture
def mlops(tmp_path: Path, base_image: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give the example of containers with the tests of the page, an image that is here, and a shell without a network."""
    need("3.11", tmp_path / "known")
    folder = tmp_path / "it"
    shutil.copytree(MLOPS, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    another_step(folder)
    (shown,) = blocks(sections("docs/containers.md")["Start"], "toml")
    table = folder / "pyproject.toml"
    text = table.read_text(encoding="utf-8")
    assert set(shown.splitlines()) <= set(text.splitlines())
    table.write_text(text.replace("python:3.11-slim", base_image), encoding="utf-8")
    (folder / "tests").mkdir()
    for each in shown_tests("docs/containers.md"):
        (folder / "tests" / f"{each.name}.py").write_text(each.code, encoding="utf-8")
    environ = without_network(folder, Index(tmp_path / "index"))
    yield folder, environ
    shell("pytest --env-clean", folder, **environ)  # The images of this test, and what is kept of it.


def boxless(line: str) -> str:
    """Take out of a line what `placeless` does, and the image that is used, containers' names, the number of a step."""
    line = re.sub(r"python:3\.11-slim|envrepro-tests/python:3\.11", "IMAGE", placeless(line))
    return re.sub(r"(?<=step )\d+ of \d+|(?<=> )\d+|(?<=by-hand-)[0-9a-f]{8}", "N", line)


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
@pytest.mark.requires_integration("compilers", "docker-engine")
@pytest.mark.requires_packages("virtualenv")
def test_printed_containers(mlops: tuple[Path, dict[str, str]]) -> None:
    """The tests that the page of containers shows pass, or fail with what it shows; what is kept is told as it says."""
    folder, environ = mlops
    shown = shown_tests("docs/containers.md")
    for title, keep in (("Start", "none"), ("When a test fails", "failed")):
        ((command, pieces),) = typed(sections("docs/containers.md")[title])
        lines = shell(command, folder, **environ, **TERMINAL, PYTEST_ENVREPRO_KEEP=keep)[1]

        assert said_in_order([boxless(line) for line in lines], [[boxless(x) for x in piece] for piece in pieces]), (
            lines
        )

    lines = shell("pytest -rA tests", folder, **environ, **TERMINAL, PYTEST_ENVREPRO_KEEP="none")[1]

    failed = set(re.findall(r"^(?:FAILED|ERROR) tests/(\w+)\.py", "\n".join(lines), re.MULTILINE))
    assert failed == {each.name for each in shown if each.said}
    plainly = [boxless(line) for line in lines]
    for each in shown:
        for piece in each.said or ():
            wanted = [boxless(line) for line in piece]
            assert any(_begins(plainly[at:], wanted) for at in range(len(plainly))), (wanted, lines)


def test_told_elsewhere() -> None:
    """What other pages show of environments is what their own page does, or stands in an example: both are tested."""
    files = [
        file for example in (COMMAND_LINE, MLOPS, PROVEN_LOCK) for file in example.rglob("*.*") if file.suffix in _SHOWN
    ]
    tested = [
        read("docs/environments.md"),
        read("docs/containers.md"),
        *(file.read_text(encoding="utf-8") for file in files),
    ]
    titles = {
        "README.md": ["Tests that run in an environment of their own", "Containers"],
        "docs/how-to.md": [
            "Test a command line on several Pythons",
            "Prove a lock",
            "Find out why an environment differs",
        ],
    }

    shown = [
        block
        for page, several in titles.items()
        for title in several
        for block in re.findall(r"^```\w+\n(.*?)^```$", sections(page)[title], re.MULTILINE | re.DOTALL)
    ]

    assert len(shown) > len(titles)
    for block in shown:
        assert any(block in text for text in tested), block


def _begins(lines: list[str], wanted: list[str]) -> bool:
    """Tell whether lines begin with some; the last one may say more than the page."""
    *whole, last = wanted
    return lines[: len(whole)] == whole and len(lines) > len(whole) and lines[len(whole)].startswith(last)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """Every link within the repository leads to a file and, where it names one, to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in headings(file), target


@pytest.mark.parametrize(
    ("language", "parse"),
    [
        ("python", lambda block: compile(block, "a page", "exec")),
        ("toml", lambda block: load_toml("a page", block)),
        ("json", json.loads),
    ],
    ids=["python", "toml", "json"],
)
def test_examples_can_be_parsed(language: str, parse: Callable[[str], object]) -> None:
    """What is printed as Python, TOML or JSON is that, and there is some."""
    found = [block for page in PAGES for block in blocks(page.read_text(encoding="utf-8"), language)]

    assert found
    assert all(parse(block) is not None for block in found)


def test_ci_runs_the_command_of_the_readme() -> None:
    """The README's command for the tests is what CI runs."""
    command = next(block for block in blocks(read("README.md"), "sh") if "tox" in block)

    assert f"\n    {command}" in read(".ci/run")
