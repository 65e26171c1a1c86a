"""The catalogue: names, groups and extras, what includes what, what may be missing, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from integrations.cataloguing import HEAD, Shop, brief

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.session import Session

pytestmark = pytest.mark.core

TABLE = f"""
{HEAD}
optional-dependencies = {{ Postgres = ["psycopg>=3.1", "demo[sql]"], sql = ["sqlalchemy"], both = ["x"] }}
[dependency-groups]
Test_DB = ["psycopg>=3.1", {{ include-group = "base" }}]
base = ["iniconfig"]
both = ["y"]
[tool.envrepro]
allow-missing = ["GPU"]
[tool.envrepro.integrations.db]
requirements = ["psycopg>=3.1"]
groups = ["test-db"]
includes = ["gpu"]
required = true
[tool.envrepro.integrations.gpu]
tools = ["nvidia-smi"]
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Give a project with integrations of every source."""
    shop.write({"pyproject.toml": TABLE})
    return shop


def test_names(shop: Shop) -> None:
    """The names of the table, of groups and extras, and the built-in one, sorted."""
    catalogue = shop.catalogue

    assert catalogue.names() == ("base", "both", "db", "docker-engine", "gpu", "postgres", "sql", "test-db")
    assert catalogue.declared == ("db", "gpu")
    assert catalogue.required == ("db",)


def test_of_the_table(shop: Shop) -> None:
    """What the table declares, with what it includes; what two parts ask for is told once, with every way to get it."""
    checked = shop.catalogue.check("DB")

    assert (checked.name, checked.status) == ("db", "missing")
    assert [(need.sentence, need.fix) for need in checked.unmet] == [
        ("psycopg>=3.1 is not installed", "pip install 'psycopg>=3.1', or --group test-db"),
        ("iniconfig is not installed", "pip install 'iniconfig', or --group test-db"),
        ("nvidia-smi is not on PATH", None),
    ]


def test_what_two_parts_ask_for(shop: Shop) -> None:
    """A program that two parts need is told once."""
    shop.write({"pyproject.toml": TABLE.replace('groups = ["test-db"]', 'tools = ["nvidia-smi"]')})

    assert [need.requirement for need in shop.catalogue.check("db").needs] == ["psycopg>=3.1", "nvidia-smi"]


def test_extra_by_name(shop: Shop) -> None:
    """An extra of this project, and those that it asks for by the project's own name."""
    shop.install("psycopg", "3.2")

    assert shop.check("postgres") == (
        "partial",
        [("psycopg>=3.1: 3.2 is installed", "3.2", True), ("sqlalchemy is not installed", None, False)],
    )
    assert shop.catalogue.check("postgres").unmet[0].fix == "pip install 'sqlalchemy', or '.[postgres]'"


def test_group_and_extra_of_one_name(shop: Shop) -> None:
    """What is called so is needed: the extra and the group."""
    assert sorted(need.requirement for need in shop.catalogue.check("both").needs) == ["x", "y"]


def test_uv(shop: Shop) -> None:
    """Where the project has a `uv.lock`, uv is what installs its groups and extras."""
    shop.write({"uv.lock": ""})
    catalogue = shop.catalogue

    assert catalogue.check("base").unmet[0].fix == "uv sync --group base"
    assert catalogue.check_extra("sql").unmet[0].fix == "uv sync --extra sql"


def test_group_and_extra_of_a_marker(shop: Shop) -> None:
    """Several at once; their names are canonical."""
    shop.install("iniconfig", "2")
    catalogue = shop.catalogue

    assert brief(catalogue.check_group("BASE", "test_db").needs) == [
        ("iniconfig: 2 is installed", "2", True),
        ("psycopg>=3.1 is not installed", None, False),
    ]
    assert catalogue.check_extra("Postgres").status == "missing"
    assert catalogue.check_extra("Postgres").name == "Postgres"


UNKNOWN = [
    ("check", "gppu", "there is no integration 'gppu' (did you mean 'gpu'?)"),
    ("check", "docker", "there is no integration 'docker' (did you mean 'docker-engine'?)"),
    (
        "check",
        "zenm:pytorch",
        (
            "there is no integration 'zenm:pytorch': there is no provider 'zenm:' (did you mean 'zenml:'?); "
            "is the distribution that adds it installed?"
        ),
    ),
    ("check_group", "test-bd", "this project has no dependency group 'test-bd' (did you mean 'test-db'?)"),
    ("check_extra", "slq", "this project has no extra 'slq' (did you mean 'sql'?)"),
    ("export", ["gppu"], "there is no integration 'gppu' (did you mean 'gpu'?)"),
]


@pytest.mark.parametrize(("method", "name", "message"), UNKNOWN, ids=[message for _, _, message in UNKNOWN])
def test_unknown(shop: Shop, method: str, name: str, message: str) -> None:
    """What does not exist is one error, with what was meant."""
    with pytest.raises(SettingsError) as caught:
        getattr(shop.catalogue, method)(name)

    assert str(caught.value) == message


def test_allowed(shop: Shop) -> None:
    """What may be missing: by the command line, else the variable, else the table, in the words of the catalogue."""
    assert shop.catalogue.allowed() == {"gpu"}
    shop.environ["PYTEST_ENVREPRO_ALLOW_MISSING"] = " Test_DB, ,docker-engine"

    assert shop.catalogue.allowed() == {"test-db", "docker-engine"}
    assert shop.catalogue.allowed(["DB"]) == {"db"}
    assert shop.catalogue.allowed([]) == frozenset()


def test_allowed_but_unknown(shop: Shop) -> None:
    """An allowance for what does not exist allows nothing: it is an error that names its place."""
    shop.environ["PYTEST_ENVREPRO_ALLOW_MISSING"] = "gppu,dbb"

    with pytest.raises(SettingsError) as caught:
        shop.catalogue.allowed()

    assert str(caught.value).splitlines() == [
        "PYTEST_ENVREPRO_ALLOW_MISSING: there is no integration 'gppu' (did you mean 'gpu'?)",
        "PYTEST_ENVREPRO_ALLOW_MISSING: there is no integration 'dbb' (did you mean 'db'?)",
    ]


def test_allowed_by_the_table_but_unknown(shop: Shop) -> None:
    """The same of the table."""
    shop.write({"pyproject.toml": TABLE.replace('"GPU"', '"gup"')})

    with pytest.raises(SettingsError, match=r"^allow-missing in pyproject.toml: there is no integration 'gup'"):
        shop.catalogue.allowed()


def test_judged_once(shop: Shop) -> None:
    """What was judged once stays for the session."""
    catalogue = shop.catalogue
    first = catalogue.check("db")
    shop.install("psycopg", "3.2")

    assert catalogue.check("db") is first
    assert catalogue.check_extra("sql") is catalogue.check_extra("sql")
    assert catalogue.check_group("base").name == "base"


def test_looks_only_where_it_has_to(shop: Shop) -> None:
    """Tools, exports and names need no list of what is installed."""
    catalogue = shop.catalogue
    catalogue.check("gpu")
    catalogue.export(["all"])
    catalogue.allowed()

    assert shop.looked == 0


def test_include_of_a_provider_that_does_not_exist(shop: Shop) -> None:
    """An included name of a provider is looked up when it is needed, and the error says who includes it."""
    shop.write({"envrepro.toml": '[integrations.a]\nincludes = ["other:x"]\n', "pyproject.toml": ""})

    with pytest.raises(SettingsError) as caught:
        shop.catalogue.check("a")

    assert str(caught.value) == (
        "the integration 'a' includes 'other:x': there is no integration 'other:x': "
        "there is no provider 'other:' (known: zenml:); is the distribution that adds it installed?"
    )


BROKEN = [
    ('[dependency-groups]\na = ["b>>1"]', "pyproject.toml:2: 'b>>1' is not a requirement: "),
    (
        '[dependency-groups]\na = [{include-group = "a"}]',
        "pyproject.toml:2: dependency groups include each other: a -> a",
    ),
    ("[dependency-groups]\na = [1]", "pyproject.toml:2: the group 'a' holds 1, which is no requirement"),
    ("[dependency-groups]\na = 1", "pyproject.toml:2: 'a' has to be a list, not int"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_broken_group(shop: Shop, text: str, message: str) -> None:
    """A group that cannot be read is told with its line."""
    shop.write({"pyproject.toml": text})

    with pytest.raises(SettingsError) as caught:
        shop.catalogue.check_group("a")

    assert str(caught.value).startswith(message)


def test_extra_of_setup_cfg(shop: Shop) -> None:
    """The extras of a `setup.cfg` are this project's too."""
    shop.write({"pyproject.toml": "", "setup.cfg": "[metadata]\nname = demo\n[options.extras_require]\nsql =\n  a>1\n"})

    assert brief(shop.catalogue.check("sql").needs) == [("a>1 is not installed", None, False)]


def test_extra_that_a_build_tells(shop: Shop) -> None:
    """What only a build knows is asked of the project as it is installed."""
    table = '[project]\nname = "demo"\ndynamic = ["optional-dependencies"]\n[build-system]\nbuild-backend = "x"\n'
    shop.write({"pyproject.toml": table})
    shop.install("demo", "1", ("a; extra == 'sql'",), extras=("sql",))

    assert brief(shop.catalogue.check_extra("sql").needs) == [
        ("demo[sql]: 1 is installed", "1", True),
        ("demo 1 needs a, which is not installed", None, False),
    ]


def test_of_the_session(shop: Shop) -> None:
    """A session gives the catalogue of its project and of its own environment."""
    session = Session(shop.root, configured_by=None, environ={})

    assert session.catalogue is session.catalogue
    assert session.catalogue.check_requirements("pytest>=8").status == "met"


@pytest.mark.parametrize("table", ["", "[tool.envrepro]\nstrict = true\n"])
def test_costs_nothing_unused(shop: Shop, table: str) -> None:
    """A session without integrations in its table, of which nobody asks for one, imports none of this."""
    shop.write({"pyproject.toml": table, "requirements.txt": "a==1\n"})
    code = (
        "import sys, pathlib; from pytest_envrepro.session import Session\n"
        "session = Session(pathlib.Path.cwd(), configured_by=None, environ={})\n"
        "session.judge(session.plan)\n"
        "print([name for name in sys.modules if 'integrations' in name or name.endswith(('catalogue', 'declared'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=shop.root, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_group_of_a_built_in_name(shop: Shop) -> None:
    """A group or an extra that is called as what is built in does not replace it, and is there for those who mean it."""
    shop.write({"pyproject.toml": f'{HEAD}[dependency-groups]\nDocker_Engine = ["docker"]\n'})
    shop.environ["DOCKER_HOST"] = "unix:///no/such.sock"

    assert [need.requirement for need in shop.catalogue.check("docker-engine").needs] == ["a Docker engine"]
    assert [need.requirement for need in shop.catalogue.check_group("docker-engine").needs] == ["docker"]


def test_groups_of_one_name(shop: Shop) -> None:
    """Two groups whose names differ in case and dashes alone are an error, and neither is taken (PEP 735)."""
    shop.write({"pyproject.toml": '[dependency-groups]\nFoo_Bar = ["a"]\nfoo-bar = ["b"]\n'})

    with pytest.raises(SettingsError) as caught:
        shop.catalogue.check("foo-bar")

    assert (
        str(caught.value)
        == "pyproject.toml: the dependency groups 'Foo_Bar' and 'foo-bar' have the same name (PEP 735)"
    )


def test_fix_is_quoted(shop: Shop) -> None:
    """What a shell would take apart is quoted."""
    shop.write({"pyproject.toml": f'{HEAD}[dependency-groups]\n"test db" = ["a"]\n'})

    assert shop.catalogue.check_group("test db").unmet[0].fix == "pip install 'a', or --group 'test db'"


def test_allowed_with_commas(shop: Shop) -> None:
    """An option with several names, as the variable takes them, is told how it is written."""
    with pytest.raises(SettingsError) as caught:
        shop.catalogue.allowed(["db,gpu"])

    said = str(caught.value)
    assert said.startswith("--env-allow-missing: there is no integration 'db,gpu'")
    assert said.endswith("; give the option once for each name")


def test_names_are_one_line(shop: Shop) -> None:
    """A name that is misspelled by a new line does not make two lines of its error."""
    for ask in (shop.catalogue.check, shop.catalogue.check_group, shop.catalogue.check_extra):
        with pytest.raises(SettingsError) as caught:
            ask("d\nb")
        assert r"'d\nb'" in str(caught.value)
        assert "\n" not in str(caught.value)
