"""The table of integrations: every key, and every fault with its key path, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integrations.cataloguing import HEAD, Shop

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations import Integration
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

PROJECT = f"""
{HEAD}
optional-dependencies = {{ Postgres = ["psycopg"], mysql = [] }}
[dependency-groups]
Test_DB = ["psycopg"]
lint = []
"""


def faults(shop: Shop, table: str, project: str = PROJECT) -> list[str]:
    """Give what is wrong with the table of an integration called `it`, line by line."""
    shop.write({"pyproject.toml": project, "envrepro.toml": f"[integrations.it]\n{table}"})
    with pytest.raises(SettingsError) as caught:
        Session(shop.root, configured_by=None, environ={})
    head, *lines = str(caught.value).splitlines()
    assert head == "envrepro.toml cannot be followed:"
    return [line.removeprefix("  integrations.") for line in lines]


def test_every_key(shop: Shop) -> None:
    """Every key, as docs/integrations.md shows them; names of groups and extras are canonical."""
    table = """
    [tool.envrepro]
    allow-missing = ["gpu"]
    [tool.envrepro.integrations.Postgres_DB]
    requirements = ["psycopg>=3.1; python_version > '3'"]
    tools = ["pg_ctl>=15", "g++"]
    variables = ["PGHOST"]
    apt-packages = ["libpq5", "g++-12", "libpq5:amd64=15.*"]
    groups = ["test_db"]
    extras = ["POSTGRES"]
    includes = ["sql", "docker-engine", "lint", "mysql", "zenml:pytorch"]
    required = true
    probe = "import"
    [tool.envrepro.integrations.SQL]
    requirements = ["sqlalchemy"]
    """
    shop.write({"pyproject.toml": PROJECT + table})

    config = Session(shop.root, configured_by=None, environ={}).config

    assert config.allow_missing == ("gpu",)
    assert config.integrations == {
        "postgres-db": Integration(
            name="Postgres_DB",
            requirements=("psycopg>=3.1; python_version > '3'",),
            tools=("pg_ctl>=15", "g++"),
            variables=("PGHOST",),
            apt_packages=("libpq5", "g++-12", "libpq5:amd64=15.*"),
            groups=("test-db",),
            extras=("postgres",),
            includes=("sql", "docker-engine", "lint", "mysql", "zenml:pytorch"),
            required=True,
            probe="import",
            declared_in="pyproject.toml",
        ),
        "sql": Integration(name="SQL", requirements=("sqlalchemy",), declared_in="pyproject.toml"),
    }


FAULTS = [
    ('requirement = ["a"]', "it.requirement: unknown key (did you mean 'requirements'?)"),
    ('apt_packages = ["a"]', "it.apt_packages: unknown key (did you mean 'apt-packages'?)"),
    ('tools = "git"', "it.tools: has to be a list of strings, not a string ('git')"),
    ("variables = [1]", "it.variables: has to be a list of strings, not a list ([1])"),
    ('tools = ["git", "a b"]', "it.tools[1]: 'a b' is not a program with an optional version, such as pg_ctl>=15"),
    ('variables = ["$PGHOST"]', "it.variables[0]: '$PGHOST' is not the name of a variable, such as PGHOST"),
    ('apt-packages = ["Lib PQ"]', "it.apt-packages[0]: 'Lib PQ' is not the name of a Debian package"),
    ('groups = ["test-bd"]', "it.groups[0]: this project has no dependency group 'test-bd' (did you mean 'test-db'?)"),
    ('extras = ["postgrs"]', "it.extras[0]: this project has no extra 'postgrs' (did you mean 'postgres'?)"),
    ('includes = ["mysl"]', "it.includes[0]: there is no integration 'mysl' (did you mean 'mysql'?)"),
    ('includes = ["docker"]', "it.includes[0]: there is no integration 'docker' (did you mean 'docker-engine'?)"),
    ('includes = ["it", "IT"]', "it.includes: is a cycle: it -> it"),
    ('tools = ["git"]\nrequired = "yes"', "it.required: has to be true or false, not a string ('yes')"),
    ('tools = ["git"]\nprobe = "run"', 'it.probe: has to be "metadata" or "import", not \'run\''),
]


@pytest.mark.parametrize(("table", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_fault(shop: Shop, table: str, fault: str) -> None:
    """Each fault, in full."""
    assert faults(shop, table) == [fault]


def test_requirement_that_is_none(shop: Shop) -> None:
    """A requirement that is none is told with the words of its parser, and without a password."""
    (fault,) = faults(shop, 'requirements = ["a >> 1 @ https://me:secret@example.org/"]')

    assert fault.startswith("it.requirements[0]: 'a >> 1 @ https://****@example.org/' is not a requirement (PEP 508): ")
    assert "secret" not in fault


def test_names(shop: Shop) -> None:
    """A name is one word; two that differ in dashes alone are one; `all` means all."""
    names = ("all", '"a b"', "a-b", "A_b", "Docker_Engine", '"a\\nb"')
    table = "".join(f'tools = ["git"]\n[integrations.{name}]\n' for name in names)

    assert faults(shop, f'{table}tools = ["git"]\n[integrations]\nno = 1\n') == [
        "A_b: is the same name as 'a-b'",
        "Docker_Engine: is the name of a built-in integration: take another",
        "a b: is no name: letters, digits, '-', '_' and '.', and not 'all'",
        "a\\nb: is no name: letters, digits, '-', '_' and '.', and not 'all'",
        "all: is no name: letters, digits, '-', '_' and '.', and not 'all'",
        "no: has to be a table, not an integer (1)",
    ]


def test_all_at_once(shop: Shop) -> None:
    """All faults are told, sorted."""
    table = 'tool = []\ngroups = ["x", "lint"]\nextras = ["y"]\n[integrations.other]\nincludes = ["z"]\nrequired = 1\n'

    assert [fault.partition(": ")[0] for fault in faults(shop, table)] == [
        "it.extras[0]",
        "it.groups[0]",
        "it.tool",
        "other.includes[0]",
        "other.required",
    ]


def test_cycle(shop: Shop) -> None:
    """A cycle is told once, with the way round."""
    table = 'includes = ["B"]\n[integrations.b]\nincludes = ["c"]\n[integrations.c]\nincludes = ["b"]\n'

    assert faults(shop, table) == ["b.includes: is a cycle: b -> c -> b"]


def test_nothing_to_name(shop: Shop) -> None:
    """A project without groups and extras has none to mean."""
    assert faults(shop, 'groups = ["a"]\nextras = ["b"]', "") == [
        "it.extras[0]: this project has no extra 'b' (there are none)",
        "it.groups[0]: this project has no dependency group 'a' (there are none)",
    ]


def test_extras_that_a_build_tells(shop: Shop) -> None:
    """Where `setup.py` has the last word on extras, none is refused."""
    shop.write({"setup.py": "", "envrepro.toml": '[integrations.it]\nextras = ["any"]\n'})
    (shop.root / "pyproject.toml").unlink()

    assert Session(shop.root, configured_by=None, environ={}).config.integrations["it"].extras == ("any",)


@pytest.mark.parametrize("value", ["1", '["a"]'])
def test_no_table(tmp_path: Path, value: str) -> None:
    """The key itself has to be a table."""
    (tmp_path / "envrepro.toml").write_text(f"integrations = {value}\n")

    with pytest.raises(SettingsError, match="integrations: has to be a table of tables, not a"):
        Session(tmp_path, configured_by=None, environ={})


@pytest.mark.parametrize("table", ["", "required = true", 'tools = []\nprobe = "import"'])
def test_that_needs_nothing(shop: Shop, table: str) -> None:
    """One that needs nothing would be met everywhere, which nobody means."""
    keys = "requirements, tools, variables, apt-packages, groups, extras, includes"
    assert faults(shop, table) == [f"it: needs nothing: say what by one of {keys}"]


UNREADABLE = """
[project]
name = "demo"
version = "1"
optional-dependencies = { bad = ["a >> 1"] }
[dependency-groups]
ring = [{ include-group = "other" }]
other = [{ include-group = "ring" }]
wrong = ["b >> 1", 1]
"""


def test_groups_and_extras_that_cannot_be_read(shop: Shop) -> None:
    """A cycle of groups, and what is no requirement in a group or an extra, are told at the start, all at once."""
    table = 'groups = ["ring", "wrong"]\nextras = ["bad"]\nincludes = ["other"]\n'

    told = [line.partition(" is not a requirement")[0] for line in faults(shop, table, UNREADABLE)]

    assert told == [
        "it.extras[0]: pyproject.toml:5: 'a >> 1'",
        "it.groups[0]: pyproject.toml:8: dependency groups include each other: ring -> other -> ring",
        "it.groups[1]: pyproject.toml:9: 'b >> 1'",
        "it.includes[0]: pyproject.toml:7: dependency groups include each other: other -> ring -> other",
    ]


def test_long_chains(shop: Shop) -> None:
    """A chain of includes may be longer than Python recurses: a cycle is found in it, and else it is judged."""
    chain = "".join(f'[integrations.n{n}]\nincludes = ["n{n + 1}"]\n' for n in range(1500))
    shop.write({"pyproject.toml": "", "envrepro.toml": f'{chain}[integrations.n1500]\ntools = ["no-tool"]\n'})

    assert shop.check("n0") == ("missing", [("no-tool is not on PATH", None, False)])

    (fault,) = faults(shop, f'tools = ["git"]\n{chain}[integrations.n1500]\nincludes = ["n0"]\n')

    assert fault.startswith("n0.includes: is a cycle: n0 -> n1 -> ")
