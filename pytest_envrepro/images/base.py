"""The words of the family: a Dockerfile as lines, each with the setting that it comes from, and what is known beside settings."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.enginevalues import LENT

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = "/opt/environment"  # The virtualenv of an image.
BUILDING = LENT  # What is there while building alone.
# Names in the context: what installs, this project's wheel, the files of the settings, certificates.
INSTALLING, WHEELS, FILES, BUNDLE = "installing", "project", "files.tar", "ca.pem"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # Where an image names none.


class Line(NamedTuple):
    """One instruction.

    Attributes:
        text: as it stands in the Dockerfile, without the line's end.
        setting: the key that it comes from, of a mapping or a list also the part (`environment.PORT`, `run[1]`); empty
            where it comes from none.
        shown: the same without secrets.
        key: what of it counts for the key of the image; None where nothing does, since it is gone when the image is made.
        title: what it does, for people: `apt-get install git`; empty where its text tells.
        brief: the instruction as whoever wrote the settings knows it: without what is the same in all images; empty where
            that is its text.
    """

    text: str
    setting: str
    shown: str
    key: str | None
    title: str = ""
    brief: str = ""


class Recipe(NamedTuple):
    """A Dockerfile.

    Attributes:
        at_run_time: variables that no Dockerfile can hold: each container is given them as it starts.
    """

    lines: tuple[Line, ...]
    at_run_time: Mapping[str, str] = MappingProxyType({})

    @property
    def text(self) -> str:
        """What the engine is given."""
        return "".join(f"{line.text}\n" for line in self.lines)

    @property
    def shown(self) -> str:
        """The same for people: without secrets."""
        return "".join(f"{line.shown}\n" for line in self.lines)


class Installation(NamedTuple):
    """How packages get into the virtualenv of an image, which has no pip of its own.

    What it takes lies in the context's folder `installing`, and is copied to BUILDING. None of that is in the final
    image, nor counts for its key: whoever asks for the key names the digests of what does.

    Attributes:
        pip: the words that begin pip for the virtualenv.
        commands: the words of each command that installs, in their order.
        variables: of these commands, and of no other stage; none of them is secret.
        arguments: the names of build arguments; their values may be secret.
    """

    pip: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...] = ()
    variables: Mapping[str, str] = MappingProxyType({})
    arguments: tuple[str, ...] = ()


class Facts(NamedTuple):
    """What is known of an image beside its settings.

    Attributes:
        base: what `FROM` says: for BuildKit a tag or a digest, since it takes no id.
        apt_packages: those of the settings and of integrations, as `apt_words` gives them.
        python: the image's own Python, a program's name or path; None where it has none, and needs none.
        path: the `PATH` that the base sets; empty for none.
        user: the user that the base sets; empty for none.
        workdir: where programs run, as one's own Dockerfile sets it and no setting does; empty for the setting.
        installation: how packages are installed; None where there are none, and no project.
        project: the name of this project's wheel, which lies in the context's folder `project`; None for none.
        bundle: whether the context holds certificates.
        key: of the image, for its label; None where it is not known yet.
        created_by: who makes it, for its label.
    """

    base: str
    apt_packages: tuple[str, ...] = ()
    python: str | None = "python3"
    path: str = ""
    user: str = ""
    workdir: str = ""
    installation: Installation | None = None
    project: str | None = None
    bundle: bool = False
    key: str | None = None
    created_by: str | None = None
