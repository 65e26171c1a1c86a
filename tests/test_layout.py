"""The arrows of CONTRIBUTING.md, read from the source: who may import whom, who may open files, who may start a program."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "pytest_envrepro"
ROOT = Path(__file__).parents[1] / PACKAGE
CONTRIBUTING = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")

# What imports pytest when it runs; CONTRIBUTING.md says of each what for.
WITH_PYTEST = {
    *(
        "plugin",
        "options",
        "fixtures",
        "late",
    ),  # Are loaded by every session; `late` loads the others when one needs them.
    *("gate", "items", "markers", "lending", "holders", "stopping", "returning", "explaining"),
    *("listening", "answering", "audit", "audited", "multiplying", "inside", "ahead", "delivering"),
}
# What reads markers and fixtures of pytest's items, or the options of its session, and needs its types alone; `given` is what tests hold, and says what runs them; `manners` tells how bodies run elsewhere.
WITH_TYPES = {"declarations", "demand", "books", "given", "manners"}
# The face: those, and what stands behind a public function, which works in a session of pytest alone.
FACE = {*WITH_PYTEST, *WITH_TYPES, "afresh"}
# The middle: introduces the families to one another. `judging` asks the checks, `run` is one session of it, `discovery` finds
# the locks, `lookup` integrations by name, and
# `actions` writes what GitHub Actions is told, `recompiling` has locks compiled again, `compiling` runs the compilers on copies, `mending` puts locks in place;
# `asking` judges the markers of a test, `advising` says what mends it, `wanted` counts that, `answers` stand in the place of tests, `merging` joins reports.
# Of environments, `declaring` and `declared_environments` read what is declared, `axes` what matrices in it make of a test, `gathering` finds what that asks for (`lockparts` which parts of a lock, `lockpins` its pins, `replicating` what is here, `once` whoever asks, `absolute` with paths as tools need them),
# `plans` are the words for it, `planning` writes them down, `identities` tells them apart, `choosing` the versions, `depot` has them made and hands them out,
# `virtualenvs` builds those of this machine, `preparing` makes several side by side, `progress` tells what takes long; `loans` keep the books of `holdings`,
# `inspecting` looks what has changed in them, `witness` who was at work, `asserting` judges what tests hold, `cleaning` takes all away;
# of containers, `containers` starts them as `containerplanning` and `ordering` have it, by the engine that `engineuse` has, and `boxes` keeps the books; `imagemaking` makes their
# images: on what `grounding` finds or `owning` reads, for what `imagepythons` asks, with what `imagepackages` chooses, from what `imagerecipes`
# puts together, by `imagebuilding`; `blaming` names the setting that an engine refuses, `drifting` says what has moved in one, `rotting` what will rot, and `imagebook` remembers which were used;
# `services` brings up by Compose what is beside them as `declared_services` reads it, `servicestarting` waits for that, `servicenotes` tells other workers, `serving` is what tests hold of it.
# Of what runs inside, `slicing` cuts a module to what a function needs (`outlining` finds that, `scoping` knows what its statements bind and use, `effects` what they change), `shipping` writes that down with its arguments, `travelling` knows which modules go with it, `warm` is a process that
# runs it, `calling` and `arriving` what comes of it, `unfit` which fixtures it cannot have, `covered` adds the lines that it has run; `rebuilding` makes its exceptions again, and `comparisons` are those that pytest explains.
# Of audits, `claims` reads what markers name, `stripping` and `mirroring` make environments that lack it, `trials` runs tests
# in them, `auditing` judges what comes of that; `locating` finds markers in the source, and `unmarked` imports that have none.
MIDDLE = {
    "session",
    "judging",
    "run",
    "discovery",
    "config",
    "policy",
    "actions",
    *("recompiling", "compiling"),
    "mending",
    "catalogue",
    "lookup",
    "declared",
    "declared_environments",
    "axes",
    "offered",
    "assessing",
    "loading",
    "asking",
    "advising",
    "wanted",
    "answers",
    "merging",
    "asserting",
    "declaring",
    "deciding",
    *("gathering", "replicating", "once", "lockparts", "lockpins"),
    "absolute",
    "plans",
    "planning",
    "identities",
    "choosing",
    "depot",
    "virtualenvs",
    "preparing",
    "progress",
    "foreseeing",
    *("loans", "holdings", "inspecting"),
    "witness",
    "cleaning",
    *("containers", "containerplanning", "ordering", "engineuse", "boxes", "imagemaking", "grounding", "owning"),
    "imagepythons",
    *("imagepackages", "imagerecipes", "imagebuilding", "imagebook", "drifting", "rotting", "beside", "blaming"),
    "services",
    "declared_services",
    "servicestarting",
    "servicenotes",
    "serving",
    "auditing",
    "claims",
    "trials",
    "stripping",
    "mirroring",
    "locating",
    "unmarked",
    *(
        "calling",
        "arriving",
        "unfit",
        "shipping",
        "shipments",
        "travelling",
        "slicing",
        "outlining",
        "effects",
        "scoping",
        "warm",
        "rebuilding",
        "retracing",
        "comparisons",
        "covered",
    ),
}
FAMILIES = {
    "locks",
    "checks",
    "compilers",
    "integrations",
    "pythons",
    "installers",
    "store",
    "envs",
    "reports",
    "engines",
    "images",
    "builders",
}
# What is sent into environments as source, and runs there; of it, this process uses some too.
FAR = "far"
# The words that all share; each may import only those before it.
WORDS = [
    *(
        "errors",
        "values",
        "credentials",
        "requirement",
        "requirementlines",
        "places",
        "condaspecs",
        "needs",
        "outcome",
        "provenance",
        "model",
        "inventory",
        "interpreter",
    ),
    "hiding",
    "pythonspecs",
    *(
        "matrices",
        "settingvalues",
        "containervalues",
        "settingkeys",
        "settingkinds",
        "layers",
        "extending",
        "settingtext",
    ),
    *("zenmlfields", "zenmlsettings", "settings"),
    *("enginevalues", "engine"),
]
# Of these, only the one that is told may import pytest, start a program, or open files.
STARTS_PROGRAMS = {"process"}
OPENS_NO_FILE = {"locks", "checks", "reports", "images", "builders"}

# What of the engines is used past their door, and why it is the same whichever engine answers: an engine itself is asked
# for by `connect` and spoken with by the protocol in `engine`, and no module names a kind.
PAST_THE_DOOR = {
    ("services", "compose"): "the Compose tool is a program of its own: it is told which engine to ask",
    ("services", "projects"): "names of projects, which tell whose they are: Compose tools write no labels of ours",
    ("services", "owners"): "whose process a project is of, and whether it lives",
    ("boxes", "owners"): "the process that services end with, which is another one in a worker of pytest-xdist",
    ("servicestarting", "compose"): "how what it has made is described, and that it was too slow",
    ("servicestarting", "readiness"): "judges what any engine says of containers",
    ("serving", "readiness"): "reads the name of a service off a container, as Compose tools write it",
    ("servicestarting", "reaching"): "knocks at ports of containers, with no engine between",
    ("serving", "reaching"): "the same",
    ("servicestarting", "messages"): "why an image was not pulled stands in the words of the Compose tool too",
}

# Imports inside functions, each with its reason.
LATE = {
    ("locks.project", "pytest_envrepro.locks.poetry_constraints"): "a project of Poetry's alone needs it",
    ("locks.project", "pytest_envrepro.locks.toml_lines"): "the same",
    ("locks.conda", "pytest_envrepro.locks.conda_lock"): "brings PyYAML and py-rattler, which may be absent",
    ("locks.conda", "pytest_envrepro.locks.conda_lists"): "the same",
    ("needs", "pytest_envrepro.condaspecs"): "the same",
    ("envs.conda", "pytest_envrepro.condaspecs"): "the same: is needed for locks of conda alone",
    ("locks.pylock", "packaging.pylock"): "came with packaging 26.0, and older ones are supported",
    ("locks.pylock", "pytest_envrepro.locks.pdm_pylock"): "a lock of pdm's alone needs it",
    ("plugin", "pytest_envrepro.gate"): "a session that asks for nothing is spared it",
    ("plugin", "pytest_envrepro.answering"): "is needed for --env-explain and --env-audit alone",
    ("plugin", "pytest_envrepro.deciding"): "is needed where one of its variables is set alone",
    ("plugin", "pytest_envrepro.listening"): "is needed where pytest-xdist has workers alone",
    ("late", "pytest_envrepro.markers"): "a session whose tests have no markers of ours is spared it",
    ("late", "pytest_envrepro.garbage"): "a session that asks for nothing is spared it",
    ("late", "pytest_envrepro.comparisons"): "a session that runs nothing in environments is spared it",
    ("late", "pytest_envrepro.inside"): "the same",
    ("late", "pytest_envrepro.settingkeys"): "is needed for a marker that nobody follows alone",
    ("late", "pytest_envrepro.multiplying"): "a session without a matrix is spared it",
    ("late", "pytest_envrepro.lending"): "a session whose tests ask for no environment is spared it",
    ("late", "pytest_envrepro.returning"): "the same",
    ("late", "pytest_envrepro.explaining"): "the same",
    ("late", "pytest_envrepro.audit"): "starts programs: is needed for --env-audit alone",
    ("declared_environments", "pytest_envrepro.integrations"): "is needed where an environment names some alone",
    ("boxes", "pytest_envrepro.engines.owners"): "a session without containers is spared what speaks with engines",
    ("boxes", "pytest_envrepro.serving"): "the same",
    ("loans", "pytest_envrepro.serving"): "the same",
    ("process", "pytest_envrepro.conversing"): "is needed for functions that run in environments alone",
    ("lending", "pytest_envrepro.services"): "brings engines: is needed where workers have brought up services alone",
    ("depot", "pytest_envrepro.containers"): "brings engines, images and builders: is needed for containers alone",
    ("late", "pytest_envrepro.errors"): "a session that asks for nothing is spared it",
    ("late", "pytest_envrepro.reports.wording"): "is needed for an error alone",
    ("answers", "pytest_envrepro.cleaning"): "brings the store: is needed for --env-clean alone",
    ("plugin", "pytest_envrepro.answers"): "is needed for what is answered in the place of tests alone",
    ("gate", "pytest_envrepro.actions"): "brings reports.github: is needed in GitHub Actions alone",
    ("markers", "pytest_envrepro.actions"): "brings reports.github: is needed in GitHub Actions alone",
    ("gate", "pytest_envrepro.mending"): "starts programs: is needed for --env-fix alone",
    ("session", "pytest_envrepro.catalogue"): "brings the integrations: is needed where one is used alone",
    ("judging", "pytest_envrepro.compilers"): "is needed where something is broken alone",
    ("session", "pytest_envrepro.recompiling"): "starts programs: is needed where locks are compiled alone",
    ("workspace", "filelock"): "is needed where locks are compiled alone, and may be absent",
    ("config", "pytest_envrepro.declared"): "brings the providers: is needed where the table has integrations alone",
    ("config", "pytest_envrepro.declared_environments"): "is needed where the table has environments alone",
    ("__init__", "importlib"): "names that the plugin has no use for are imported when somebody asks for them",
    ("integrations.docker_engine", "pytest_envrepro.ping"): "brings http.client: is needed for an engine alone",
    ("settings", "importlib"): "the family of images is needed where somebody asks for a Dockerfile",
    ("errors", "signal"): "is needed for a program that crashed alone",
    ("values", "difflib"): "is needed for a misspelled word alone",
    ("locks.project", "configparser"): "is needed for a setup.cfg alone",
    (
        "locks.syntax",
        "pytest_envrepro.locks.options",
    ): "is needed for options other than hashes alone, and brings optparse",
    ("envs.inventory", "pytest_envrepro.envs.records"): "is needed where the table asks for integrity alone",
    ("envs.inventory", "pytest_envrepro.envs.provided"): "is needed for integrations alone",
    (
        "installers.pip",
        "virtualenv.seed.wheels.embed",
    ): "is needed for a Python that no other pip supports; takes 40 ms",
    ("installers.carrying", "virtualenv.seed.wheels.embed"): "the same: is needed for containers alone",
    ("pythons.machine", "python_discovery"): "takes 40 ms, and is needed where PATH has changed alone; may be absent",
    ("locking", "filelock"): "is needed for environments alone, and may be absent",
    ("store.background", "filelock"): "the same: has to be there before a hook of ours that it has to be called after",
    ("store.cloning", "fcntl"): "is not on every system",
    ("store.watching", "fcntl"): "is not on every system",
    ("store.watching", "ctypes"): "takes 4 ms, is needed where one looks again and again alone, and may be absent",
    ("engines", "pytest_envrepro.engines.docker"): "brings http.client: is needed for containers alone",
    ("engines.clients", "docker"): "takes 0.2 s: is needed for containers alone, and may be absent",
    ("engines.clients", "docker.errors"): "the same",
    ("engines.clients", "docker.tls"): "the same",
    ("engines.connection", "docker.errors"): "the same",
    ("ping", "docker"): "the same, for an engine by ssh alone",
    ("engines.docker", "docker"): "the same",
    ("cache", "platformdirs"): "is not needed where the variable is set, and may be absent",
}


@dataclass(frozen=True)
class Import:
    """One import: the module that imports, what it imports, and where."""

    module: str
    target: str
    in_function: bool
    for_types: bool


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def _trees() -> dict[str, ast.Module]:
    return {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def _walk(node: ast.AST, *, in_function: bool = False, for_types: bool = False) -> list[tuple[ast.AST, bool, bool]]:
    found: list[tuple[ast.AST, bool, bool]] = []
    for child in ast.iter_child_nodes(node):
        inside = in_function or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        types = for_types or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
        found.append((child, inside, types))
        found += _walk(child, in_function=inside, for_types=types)
    return found


@cache
def _imports() -> list[Import]:
    found = []
    for module, tree in _trees().items():
        for node, in_function, for_types in _walk(tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                # What is sent into environments has another name there, so that it imports itself relatively.
                assert not node.level or _top(module) == FAR, f"{module} imports relatively"
                base = ".".join(filter(None, [*([PACKAGE, FAR] if node.level else []), node.module]))
                inner = {f"{base}.{alias.name}" for alias in node.names}
                modules = {f"{PACKAGE}.{name}" for name in _trees()}
                targets = sorted(inner & modules) or [base]
            else:
                continue
            found += [Import(module, target, in_function, for_types) for target in targets]
    return found


def _own(import_: Import) -> str | None:
    """Give the name of a module of ours, without the package's."""
    head, _, rest = import_.target.partition(".")
    return rest if head == PACKAGE else None


def _top(name: str) -> str:
    return name.partition(".")[0]


def test_only_the_face_imports_pytest() -> None:
    """All but the face can be used, and tested, without pytest; each of these does import it, and two its types alone."""
    users = [each for each in _imports() if _top(each.target) in {"pytest", "_pytest"}]
    at_run_time = {each.module for each in users if not each.for_types}

    assert at_run_time == WITH_PYTEST
    assert {each.module for each in users} - at_run_time == WITH_TYPES


def test_the_face_is_shown() -> None:
    """CONTRIBUTING.md has a table of what imports pytest, with what for."""
    rows = re.findall(r"^\| `(\w+)` \| .+ \|$", CONTRIBUTING, re.MULTILINE)

    assert sorted(rows) == sorted(WITH_PYTEST)


def test_the_house_is_shown() -> None:
    """The map in CONTRIBUTING.md names every file and every folder, and nothing else."""
    house = CONTRIBUTING.partition("```text\n")[2].partition("```")[0]
    # Names stand at the left, and go on in lines that are indented by two.
    lines = re.findall(r"^(?:  )?(\w+(?:, \w+)*)[,/]?(?= |$)", house, re.MULTILINE)
    named = [name for line in lines for name in line.split(", ")]

    assert named == list(dict.fromkeys(named))
    assert set(named) == {_top(name) for name in _trees()} - {"__init__", "__main__"}


def test_no_private_module_of_pytest() -> None:
    """What is private to pytest is at most named as a type."""
    private = [each for each in _imports() if _top(each.target) == "_pytest" and not each.for_types]

    assert private == []


def test_only_one_module_starts_programs() -> None:
    """`process` alone imports `subprocess`, and nobody calls `os.system` and its like."""
    users = {each.module for each in _imports() if _top(each.target) in {"subprocess", "multiprocessing", "pty"}}
    callers = {
        module
        for module, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node).startswith(("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.fork"))
    }

    assert users | callers == {*STARTS_PROGRAMS, f"{FAR}.children"}  # It forks, where it was sent.


def test_families_do_not_know_each_other() -> None:
    """A family imports itself and the shared words."""
    others = [
        each
        for each in _imports()
        if _top(each.module) in FAMILIES and (own := _own(each)) and _top(own) in (FAMILIES | FACE | MIDDLE)
        if _top(own) != _top(each.module)
    ]

    assert others == []


def test_kinds_do_not_know_their_door() -> None:
    """A kind imports `.base` and the helpers of its folder, never the table that names it."""
    wrong = [each for each in _imports() if "." in each.module and _own(each) == _top(each.module)]

    assert wrong == []


def test_engines_are_used_by_their_door() -> None:
    """Beside the door, others use of the engines what is listed with its reason; types do not count."""
    used = {
        (each.module, own.partition(".")[2])
        for each in _imports()
        if _top(each.module) != "engines" and not each.for_types and (own := _own(each)) and own.startswith("engines.")
    }

    assert used == set(PAST_THE_DOOR)


def test_words_know_nothing_above_them() -> None:
    """The shared words import only each other, and only upwards in their list; types do not count."""
    for index, word in enumerate(WORDS):
        own = {_own(each) for each in _imports() if each.module == word and not each.for_types} - {None, ""}

        assert own <= set(WORDS[:index]), word


def test_the_middle_knows_no_face() -> None:
    """Only the face imports the face; the door of the package gives what is public, when somebody asks for it."""
    wrong = [
        each
        for each in _imports()
        if each.module not in FACE and _own(each) in FACE and not (each.module == "__init__" and each.for_types)
    ]

    assert wrong == []


def test_nobody_imports_the_door_of_the_package() -> None:
    """What users import from the package is for them: it names nearly all there is, and each cycle would go through it."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in _trees().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == PACKAGE)
        or (isinstance(node, ast.Import) and PACKAGE in {alias.name for alias in node.names})
    ]

    assert wrong == []


def test_no_part_of_a_family_imports_its_door() -> None:
    """Not even to have another part by it: the door imports them all."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == f"{PACKAGE}.{_top(module)}"
        and not _is_leaf(_top(module))
        and module not in {_top(module), f"{_top(module)}.__init__"}
    ]

    assert wrong == []


def _is_leaf(family: str) -> bool:
    """Tell whether a folder's door imports nothing of its folder."""
    text = (ROOT / family / "__init__.py").read_text(encoding="utf-8") if (ROOT / family).is_dir() else ""
    return f"from {PACKAGE}.{family}" not in text


def test_no_cycles() -> None:
    """No module imports itself in a roundabout way: types, late imports and the package's own door included."""
    graph: dict[str, set[str]] = {}
    for each in _imports():
        own = _own(each)
        if own is not None:
            graph.setdefault(each.module, set()).add(own or "__init__")
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for target in sorted(graph.get(module, ())):
                visit(target, (*path, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


def test_pure_families_open_no_file() -> None:
    """Locks, checks and reports are given text and values."""
    openers = ("open", "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "glob", "rglob", "scandir")
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in _trees().items()
        if _top(module) in OPENS_NO_FILE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in openers
    ]

    assert wrong == []


def test_late_imports_have_a_reason() -> None:
    """An import inside a function is a choice, and each is listed with its reason."""
    late = {(each.module, each.target) for each in _imports() if each.in_function and _top(each.module) != FAR}

    assert late == set(LATE)


def test_far_stands_by_itself() -> None:
    """What is sent into environments needs Python 3.8 and its standard library: each late import has its reason beside it."""
    outside = [
        each
        for each in _imports()
        if _top(each.module) == FAR and not each.for_types
        if not (each.target.startswith(f"{PACKAGE}.{FAR}") or _top(each.target) in sys.stdlib_module_names)
    ]

    # What measures coverage is the environment's own, if it has it.
    assert [(each.module, each.target) for each in outside] == [("far.covering", "coverage")]
    for path in sorted((ROOT / FAR).glob("*.py")):
        ast.parse(path.read_text(encoding="utf-8"), path.name, feature_version=(3, 8))


def test_nothing_is_missing_here() -> None:
    """Every name in these lists is that of a module or a folder."""
    tops = {_top(name) for name in _trees()}

    assert (FACE | MIDDLE | FAMILIES | set(WORDS) | STARTS_PROGRAMS) - tops == set()


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=_name)
def test_first_line(path: Path) -> None:
    """The first line of each file says which room this is."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring
    assert docstring.splitlines()[0].endswith(".")


def test_no_folder_in_a_family() -> None:
    """One folder for each family, and never a folder inside that."""
    assert {path.parent.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")} <= {".", FAR, *FAMILIES}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard library's names are those of one version")
def test_dependencies() -> None:
    """At run time the package imports the standard library, pytest, packaging, and what LATE lists."""
    foreign = {_top(each.target) for each in _imports() if not each.for_types} - set(sys.stdlib_module_names)

    assert foreign <= {
        PACKAGE,
        "coverage",
        "docker",
        "pytest",
        "packaging",
        "tomli",
        "platformdirs",
        "filelock",
        "python_discovery",
        "rattler",
        "virtualenv",
        "yaml",
    }
