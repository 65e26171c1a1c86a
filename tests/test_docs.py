"""The documentation says what the package does: codes, options, keys, examples and printed output are held against it."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from indexes import PYTHON, Index, use

from pytest_envrepro.checks import CHECKS
from pytest_envrepro.config import Config, DeclaredLock, InstalledFrom, Waiver
from pytest_envrepro.integrations import Integration
from pytest_envrepro.policy import STALE_WAIVER
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Project, Site

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
CODES_IN_ORDER = [*(check.codes for check in CHECKS), (STALE_WAIVER,)]
CODES = {check.name: set(check.codes) for check in CHECKS} | {"any": {STALE_WAIVER}}


def read(page: str) -> str:
    """Give a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Give the fenced blocks of a language that a page's text holds."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


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


def test_table_of_the_readme(project: Project) -> None:
    """The table that the README shows can be followed, and shows every key."""
    table = next(block for block in blocks(read("README.md"), "toml") if block.startswith("[tool.envrepro]"))
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
    integration = {"name", "status", "needs"}  # The example has none.
    assert told == set(printed) | set(printed["checks"][0]) | set(finding) | integration


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
