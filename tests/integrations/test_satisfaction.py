"""Requirements and what is installed: versions, markers, extras, sources, and all that they need in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from integrations.cataloguing import Shop

pytestmark = pytest.mark.core

COMMIT = "a" * 40
GIT = {
    "url": "https://example.org/p.git",
    "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"},
}
HASH = "0" * 64


def test_versions(shop: Shop) -> None:
    """What is needed is installed, is another version, or is not there: each with what was found."""
    shop.install("Psycopg_Binary", "3.0.1")

    assert shop.packages("psycopg.binary>=3", "psycopg-binary>=3.1", "nothing==1") == [
        ("psycopg-binary>=3: 3.0.1 is installed", "3.0.1", True),
        ("psycopg-binary>=3.1: 3.0.1 is installed", "3.0.1", False),
        ("nothing==1 is not installed", None, False),
    ]


def test_prerelease(shop: Shop) -> None:
    """An installed pre-release counts as any version does, as for `pip check`."""
    shop.install("a", "2.0rc1")

    assert shop.packages("a>=1.5", "a>=2") == [
        ("a>=1.5: 2.0rc1 is installed", "2.0rc1", True),
        ("a>=2: 2.0rc1 is installed", "2.0rc1", False),
    ]


def test_marker_decides_first(shop: Shop) -> None:
    """What is for another environment is not missing here; ZenML calls `x; python_version < "3"` not installed."""
    checked = shop.catalogue.check_requirements("a; python_version < '3'", "b; sys_platform == 'nowhere'")

    assert checked.status == "not-applicable"
    assert checked.unmet == ()
    assert [need.sentence for need in checked.needs] == [
        "a is not for this environment (python_version < '3')",
        "b is not for this environment (sys_platform == 'nowhere')",
    ]


def test_marker_beside_others(shop: Shop) -> None:
    """What does not apply neither adds to what is met nor takes from it."""
    shop.install("b", "1")

    assert shop.catalogue.check_requirements("a; python_version < '3'", "b").status == "met"
    assert shop.catalogue.check_requirements("a; python_version < '3'", "c").status == "missing"


def test_partial(shop: Shop) -> None:
    """Some of it is met."""
    shop.install("a", "1")

    assert shop.catalogue.check_requirements("a", "b").status == "partial"


def test_extra_is_followed(shop: Shop) -> None:
    """What an extra needs is needed; what other extras need is not."""
    shop.install("a", "1", ("b>=2; extra == 'x_y'", "c; extra == 'z'"), extras=("X.Y", "z"))

    assert shop.packages("a[x-y]") == [
        ("a[x-y]: 1 is installed", "1", True),
        ("a 1 needs b>=2, which is not installed", None, False),
    ]


def test_unknown_extra(shop: Shop) -> None:
    """An extra that is not declared is an unmet need; ZenML takes `pkg[doesnotexist]` for satisfied."""
    shop.install("a", "1", extras=("binary", "c"))
    shop.install("b", "2")

    assert shop.packages("a[binray,c]>=1", "b[x,y]") == [
        ("a[binray,c]>=1: 1 has no extra 'binray' (it has: binary, c)", "1", False),
        ("b[x,y]: 2 has no extra 'x' and no extra 'y' (it has: none)", "2", False),
    ]


def test_followed_all_the_way(shop: Shop) -> None:
    """What is missing deep down is told with the chain that leads to it; ZenML looks one step down."""
    shop.install("docker", "7.0", ("requests>=2",))
    shop.install("requests", "2.31", ("urllib3>=1.26", "idna"))
    shop.install("urllib3", "1.25")

    assert shop.packages("docker") == [
        ("docker: 7.0 is installed", "7.0", True),
        ("docker 7.0 needs requests>=2, requests 2.31 needs urllib3>=1.26, 1.25 is installed", "1.25", False),
        ("docker 7.0 needs requests>=2, requests 2.31 needs idna, which is not installed", None, False),
    ]


def test_fixes(shop: Shop) -> None:
    """Each need says what installs it, in words for a shell."""
    shop.install("a", "1", ("b>2",))

    needs = shop.catalogue.check_requirements("a", "c[x]>=1").needs

    assert [need.fix for need in needs] == [None, "pip install 'c[x]>=1'", "pip install 'b>2'"]


def test_circle(shop: Shop) -> None:
    """Packages and extras that need each other end: ZenML's own walk never does."""
    shop.install("a", "1", ("b", "a[y]; extra == 'x'", "c; extra == 'y'"), extras=("x", "y"))
    shop.install("b", "1", ("a[x]",))

    assert shop.packages("a") == [
        ("a: 1 is installed", "1", True),
        ("a 1 needs b, b 1 needs a[x], a 1 needs a[y], a 1 needs c, which is not installed", None, False),
    ]


def test_circle_of_extras(shop: Shop) -> None:
    """Extras of one package that need each other end too, and each is followed."""
    shop.install("a", "1", ("a[y]; extra == 'x'", "a[x]; extra == 'y'", "b; extra == 'y'"), extras=("x", "y"))

    assert [sentence for sentence, _, _ in shop.packages("a[x]")][1:] == [
        "a 1 needs a[y], a 1 needs b, which is not installed"
    ]


def test_dependency_markers(shop: Shop) -> None:
    """The markers of dependencies are evaluated here, for the extras that are asked for."""
    shop.run_on("3.11.4", sys_platform="linux")
    shop.install("a", "1", ("b; sys_platform == 'win32'", "c; python_version < '3.10'", "d; python_version >= '3.11'"))

    assert [sentence for sentence, _, _ in shop.packages("a")][1:] == ["a 1 needs d, which is not installed"]


def test_dependency_of_what_is_wrong(shop: Shop) -> None:
    """What another version would need is not known: that of the wrong one is not told."""
    shop.install("a", "1", ("b",))

    assert [sentence for sentence, _, _ in shop.packages("a>=2")] == ["a>=2: 1 is installed"]


def test_undeclared_extra_deeper_down(shop: Shop) -> None:
    """Below what was asked for, an extra that is not declared is let pass, as pip does: nobody here can mend it."""
    shop.install("a", "1", ("b[gone]",))
    shop.install("b", "1")

    assert shop.catalogue.check_requirements("a").status == "met"


def test_each_piece_once(shop: Shop) -> None:
    """What two packages need in the same words is told once."""
    shop.install("a", "1", ("c>=2",))
    shop.install("b", "1", ("c>=2", "c>=3"))

    assert [sentence for sentence, _, _ in shop.packages("a", "b", "a")] == [
        "a: 1 is installed",
        "b: 1 is installed",
        "a 1 needs c>=2, which is not installed",
        "b 1 needs c>=3, which is not installed",
    ]


def test_metadata_that_lies(shop: Shop) -> None:
    """Metadata that cannot be trusted meets nothing."""
    (shop.install("a", "1") / "METADATA").unlink()

    ((sentence, _, met),) = shop.packages("a")

    assert (sentence, met) == (
        "a: its metadata is not to be trusted: has no METADATA: a removal or an installation did not finish",
        False,
    )


def test_dependency_that_is_none(shop: Shop) -> None:
    """A requirement in metadata that cannot be parsed is told, and the others are judged."""
    shop.install("a", "1", ("b>>1", "c"))

    sentences = [sentence for sentence, _, _ in shop.packages("a")]

    assert sentences[1].startswith("b>>1: a 1 needs it, and it is not valid: ")
    assert sentences[2] == "a 1 needs c, which is not installed"


URLS: list[tuple[str, dict[str, Any] | None, str | None]] = [
    (f"git+https://example.org/p.git@{COMMIT}", GIT, None),
    ("git+https://example.org/p@main", GIT, None),
    ("git+https://example.org/p", GIT, None),
    (f"git+https://example.org/p@{COMMIT[:7]}", GIT, None),
    (f"git+https://example.org/p@{'b' * 40}", GIT, f"1 is installed from git+https://example.org/p.git@{COMMIT}"),
    ("git+https://example.org/other", GIT, f"1 is installed from git+https://example.org/p.git@{COMMIT}"),
    ("git+https://example.org/p", None, "1 is installed from an index"),
    ("https://example.org/p-1.whl", {"url": "https://example.org/p-1.whl", "archive_info": {}}, None),
    (
        f"https://example.org/p-1.whl#sha256={HASH}",
        {"url": "https://example.org/p-1.whl", "archive_info": {"hashes": {"sha256": HASH}}},
        None,
    ),
    (
        f"https://example.org/p-1.whl#sha256={'1' * 64}",
        {"url": "https://example.org/p-1.whl", "archive_info": {"hashes": {"sha256": HASH}}},
        "1 is installed from https://example.org/p-1.whl",
    ),
    ("file:///srv/p", {"url": "file:///srv/p", "dir_info": {"editable": True}}, None),
    ("file:lib/p", {"url": "file:///srv/lib/p", "dir_info": {}}, "1 is installed from file:///srv/lib/p"),
    ("file:///srv/q", {"url": "file:///srv/p", "dir_info": {}}, "1 is installed from file:///srv/p"),
]


@pytest.mark.parametrize(("url", "direct_url", "why_not"), URLS, ids=[url[:60] for url, _, _ in URLS])
def test_url(shop: Shop, url: str, direct_url: dict[str, Any] | None, why_not: str | None) -> None:
    """A URL is met by what came from there, and by nothing else; ZenML takes any version for it."""
    shop.install("p", "1", direct_url=direct_url)

    (need,) = shop.catalogue.check_requirements(f"p @ {url}").needs

    assert need.met == (why_not is None)
    assert need.why == (why_not or "1 is installed")


def test_installed_from_a_url(shop: Shop) -> None:
    """What came from a URL meets a requirement that names none, as for pip."""
    shop.install("p", "1", direct_url=GIT)

    assert shop.catalogue.check_requirements("p>=1").status == "met"


def test_no_credentials(shop: Shop) -> None:
    """A password in a URL is told nowhere."""
    checked = shop.catalogue.check_requirements("p @ https://me:secret@example.org/p-1.whl")

    assert "secret" not in repr(checked)
    assert checked.needs[0].requirement == "p @ https://****@example.org/p-1.whl"


def test_no_requirement(shop: Shop) -> None:
    """What is no requirement is an error that says so."""
    with pytest.raises(SettingsError, match=r"^'a>>1' is not a requirement \(PEP 508\): "):
        shop.catalogue.check_requirements("a>>1")
