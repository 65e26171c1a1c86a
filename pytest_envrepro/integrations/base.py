"""What all providers share: the words of the family, the port, and what a provider may look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.cache import VerdictCache
    from pytest_envrepro.inventory import Inventory

Status = Literal["met", "partial", "missing", "not-applicable", "allowed"]
Probe = Literal["metadata", "import"]


class Need(NamedTuple):
    """One thing that is needed.

    Attributes:
        requirement: `psycopg>=3.1`, `pg_ctl>=15`, `$PGHOST`.
        found: the version or the place of what was found, or None.
        met: whether it is what is needed; False also where that was not judged.
        why: what of it is met or not, to follow the requirement: "is not installed", "3.0.1 is installed".
        fix: the command that would mend it, or None.
        applies: False where it is no need of this environment, which is then the reason in `why`.
    """

    requirement: str
    found: str | None
    met: bool
    why: str
    fix: str | None = None
    applies: bool = True

    @property
    def sentence(self) -> str:
        """The whole of it: `psycopg>=3.1 is not installed`, `psycopg>=3.1: 3.0.1 is installed`."""
        if f" needs {self.requirement}, " in self.why:  # It stands at the end of a chain.
            return self.why
        return f"{self.requirement}{' ' if self.why.startswith('is ') else ': '}{self.why}"


class Checked(NamedTuple):
    """An integration, or what a marker names besides, compared with this environment."""

    name: str
    status: Status
    needs: tuple[Need, ...]

    @property
    def unmet(self) -> tuple[Need, ...]:
        """The needs that are missing here; one that does not apply is not."""
        return tuple(need for need in self.needs if need.applies and not need.met)


class Integration(NamedTuple):
    """A named set of what a test can ask for.

    Attributes:
        requirements: PEP 508.
        tools: programs on PATH, with an optional version: `pg_ctl>=15`.
        variables: environment variables that have to be set, and not be empty.
        apt_packages: checked on a Debian host alone.
        groups: dependency groups of this project (PEP 735).
        extras: extras of this project.
        includes: other integrations.
        required: whether it fails a session that lacks it, even where no test asks.
        probe: whether metadata is believed, or what is installed is imported too.
        declared_in: where it comes from, for people.
        asks: what only code can judge: each gives one need.
    """

    name: str
    requirements: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    required: bool = False
    probe: Probe = "metadata"
    declared_in: str = ""
    asks: tuple[Callable[[Surroundings], Need], ...] = ()


class Surroundings(NamedTuple):
    """What a provider may look at.

    Attributes:
        root: the project's folder.
        declared: the integrations of the project's table, by canonical name.
        groups: the canonical names of its dependency groups.
        extras: the canonical names of its extras.
        environ: the environment variables.
        inventory: gives what is installed; a provider asks for it only where it has to.
        cache: remembers plain JSON types between sessions.
        memory: whatever providers remember for this session, by their prefix.
    """

    root: Path
    declared: Mapping[str, Integration]
    groups: frozenset[str]
    extras: frozenset[str]
    environ: Mapping[str, str]
    inventory: Callable[[], Inventory]
    cache: VerdictCache
    memory: dict[str, Any]


class Provider(Protocol):
    """One source of integrations.

    Attributes:
        prefix: what its names begin with for users: `zenml:`; only ours may have none.
    """

    prefix: str

    def names(self, around: Surroundings) -> Iterable[str]:
        """Give the names that it knows, without the prefix."""

    def get(self, name: str, around: Surroundings) -> Integration | None:
        """Give one of them by its name without the prefix, or None where there is none of that name.

        Raises:
            SettingsError: it cannot be told, with the reason.
        """
