"""Programs: on PATH or not, and the version that they tell."""

from __future__ import annotations

import time

import pytest
from integrations.cataloguing import Shop, brief

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations.tools import first_version

pytestmark = pytest.mark.core

PRINTED = [
    ("pg_ctl (PostgreSQL) 15.3 (Debian 15.3-1.pgdg120+1)", "15.3"),
    ("git version 2.40.1.windows.1", "2.40.1"),
    ("Docker version 24.0.7, build afdd53b", "24.0.7"),
    ("v18.17.0", "18.17.0"),
    ("aws-cli/2.13.0 Python/3.11.4", "2.13.0"),
    ("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", "5.2.15"),
    ("jq-1.6", "1.6"),
    ("OpenSSL 1.1.1w  11 Sep 2023", "1.1.1"),
    ("gcc (Debian 12.2.0-14) 12.2.0", "12.2.0.post14"),
    ("tmux 3.3a", "3.3a0"),
    ("tool 1!2.0rc1+local.1", "1!2.0rc1+local.1"),
    ("less 590 (GNU regular expressions)", "590"),
    ("x86_64 build of nothing", None),
    ("", None),
    ("9" * 5000, None),
]


@pytest.mark.parametrize(("text", "version"), PRINTED, ids=[text[:40] for text, _ in PRINTED])
def test_first_version(text: str, version: str | None) -> None:
    """The first version (PEP 440) counts, wherever it stands among words."""
    found = first_version(text)

    assert (None if found is None else str(found)) == version


def test_on_path(shop: Shop) -> None:
    """A program without a version is looked up, and not started."""
    shop.program("pg_ctl", "touch started; exit 1")

    assert brief(shop.catalogue.check_tools("pg_ctl", "psql").needs) == [
        ("pg_ctl is on PATH", str(shop.programs / "pg_ctl"), True),
        ("psql is not on PATH", None, False),
    ]
    assert not (shop.root / "started").exists()


def test_version(shop: Shop) -> None:
    """The version that it prints decides, on whichever stream, and whatever its exit code."""
    shop.program("pg_ctl", "echo pg_ctl 14.2")
    shop.program("java", "echo 'openjdk 17.0.1' >&2; exit 3")

    assert brief(shop.catalogue.check_tools("pg_ctl>=14", "pg_ctl >= 15, <17", "java~=17.0").needs) == [
        ("pg_ctl>=14: 14.2 is on PATH", "14.2", True),
        ("pg_ctl<17,>=15: 14.2 is on PATH", "14.2", False),
        ("java~=17.0: 17.0.1 is on PATH", "17.0.1", True),
    ]


def test_prerelease(shop: Shop) -> None:
    """A pre-release of a program counts as any version does."""
    shop.program("tool", "echo tool 15rc1")

    assert shop.catalogue.check_tools("tool>=14").status == "met"


def test_no_version(shop: Shop) -> None:
    """A program that prints none, that cannot be started or that does not end has not the version."""
    shop.program("silent", "exit 0")
    shop.program("broken", "")
    (shop.programs / "broken").write_text("#!/nowhere/sh\n")

    assert brief(shop.catalogue.check_tools("silent>=1", "broken>=1").needs) == [
        ("silent>=1: `silent --version` prints no version", str(shop.programs / "silent"), False),
        (
            f"broken>=1: {shop.programs}/broken cannot be started: No such file or directory",
            str(shop.programs / "broken"),
            False,
        ),
    ]


def test_asked_once(shop: Shop) -> None:
    """A program is started once in a session, whoever asks."""
    shop.program("tool", "echo x >> calls; echo 1.2")
    catalogue = shop.catalogue

    catalogue.check_tools("tool>=1")
    catalogue.check_tools("tool>=2", "tool<5")

    assert (shop.root / "calls").read_text() == "x\n"


def test_variables_of_tools(shop: Shop) -> None:
    """A program sees chosen variables, none of a test's own, and no settings of pip or uv, which may hold a password."""
    shop.environ |= {"OF_A_TEST": "1", "PIP_INDEX_URL": "https://me:secret@example.org/", "UV_INDEX": "secret"}
    shop.program("tool", "/usr/bin/env > seen 2>/dev/null || env > seen; echo 1.0")

    shop.catalogue.check_tools("tool>=1")

    seen = (shop.root / "seen").read_text().splitlines()
    assert f"PATH={shop.programs}" in seen
    assert not any(line.startswith(("OF_A_TEST", "PIP_", "UV_")) for line in seen)


@pytest.mark.parametrize("text", ["", "a b", "/bin/sh", "a>>1", "a>=", "a[b]"])
def test_no_tool(shop: Shop, text: str) -> None:
    """What is no program with a version is an error."""
    with pytest.raises(SettingsError) as caught:
        shop.catalogue.check_tools(text)

    assert str(caught.value) == f"'{text}' is not a program with an optional version, such as pg_ctl>=15"


@pytest.mark.parametrize("ignores", ["", "trap '' TERM; "], ids=["ends when asked", "does not end when asked"])
def test_that_writes_on_and_on(shop: Shop, ignores: str) -> None:
    """A program that does not stop writing is ended long before its time is up, and what it printed first counts."""
    shop.program("chatty", f"{ignores}while :; do echo chatty 1.2.3; done")
    started = time.monotonic()

    assert brief(shop.catalogue.check_tools("chatty>=1").needs) == [("chatty>=1: 1.2.3 is on PATH", "1.2.3", True)]
    assert time.monotonic() - started < 2.5
