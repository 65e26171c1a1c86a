"""What all builders share: the port, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from pytest_envrepro.hiding import NOTHING, Hiding

if TYPE_CHECKING:
    from pytest_envrepro.engine import Engine

Tell: TypeAlias = Callable[[str], None]
Connect: TypeAlias = "Callable[[str], Engine]"
_EMPTY: Mapping[str, str] = MappingProxyType({})


def not_noted(_: Sequence[str]) -> None:
    """Note nothing."""


class Line(NamedTuple):
    """A part of a Dockerfile.

    Attributes:
        text: one instruction with the lines that it goes on in; or a comment, a directive, an empty line.
        setting: the setting that it comes from and where that stands, for people; empty where it comes from none.
        title: what it does, for people: `pip install`; empty where its text tells.
        is_quick: whether nobody waits for it, so that it is not told.
        shown: the text for people; empty where that is the text itself.
    """

    text: str
    setting: str = ""
    title: str = ""
    is_quick: bool = False
    shown: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An image that is to be built.

    Attributes:
        title: what it is for, for people: `environment 'execution'`.
        lines: the whole Dockerfile.
        context: gives the tar archive of the context anew, the Dockerfile in it.
        dockerfile: its path in the context.
        tags: the names that the image is given, once all of it is there.
        labels: what it is marked with.
        arguments: the build arguments; values of them may be secret.
        target: the stage to end with; empty for the last.
        platform, network: as of an `Order`; None for the engine's own.
        no_cache: whether every step is to be done anew.
        secrets: texts that are never shown. Where there are any, nothing but the last stage stays with the engine.
        hiding: what is never shown either, and may stay with the engine: values of variables that the image sets.
        trails: who asks for a package, by canonical names.
        note: is told which layers without a name the engine has of it, each time there is another one, and what could not
            be removed in the end; so that another session can, where this one is killed or the engine has gone away.
    """

    title: str
    lines: tuple[Line, ...]
    context: Callable[[], bytes | Iterable[bytes]]
    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    arguments: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    target: str = ""
    platform: str | None = None
    network: str | None = None
    no_cache: bool = False
    secrets: tuple[str, ...] = ()
    hiding: Hiding = NOTHING
    trails: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    note: Callable[[Sequence[str]], None] = field(default=not_noted, hash=False, compare=False)

    @property
    def unseen(self) -> Hiding:
        """All that is never shown."""
        return self.hiding | Hiding.of(self.secrets)


class Builder(Protocol):
    """One way of having an image built.

    Attributes:
        name: the word in settings.
    """

    @property
    def name(self) -> str:
        """The word in settings: `engine`."""

    def build(self, engine: Engine, job: Job, *, tell: Tell, say: Tell) -> str:
        """Build an image, so that an engine has it, and give its id there.

        Whatever ends it, Ctrl-C too, cancels the build; what it has left of its own is removed.

        Args:
            tell: is told each step that may take long: `step 4 of 9: pip install (installer)`.
            say: is told what the programs of the steps write.

        Raises:
            BuildError: it fails; with the step, the last words of its program, the Dockerfile and the setting.
        """
