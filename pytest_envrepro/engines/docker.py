"""An engine that speaks as Docker does: Docker's own, and Podman's by its compatible socket."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pytest_envrepro.engine import SILENT, EngineError, ImageNotFoundError
from pytest_envrepro.engines.connection import Connection, RefusedError
from pytest_envrepro.engines.containers import DockerContainer
from pytest_envrepro.engines.creating import (
    reference,
    repository_and_tag,
    shown,
)
from pytest_envrepro.engines.messages import Layers, fault, image_of, messages, not_pulled
from pytest_envrepro.engines.projects import members, sweep_projects, take_down
from pytest_envrepro.engines.starting import Starting
from pytest_envrepro.engines.sweeping import sweep
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.endpoints import Candidate
    from pytest_envrepro.enginevalues import Image, Member

_MISSING = 404
_IN_USE = 409
_BUILDING = 3600.0  # Seconds that a build may say nothing: a step of it may take long, and some say nothing meanwhile.
_LOADING = 600.0  # The same, of a download and of archives.
_CHUNK = 1 << 20  # Bytes.


class DockerEngine:
    """An engine, asked for the first time when something is wanted of it.

    Args:
        places: where it may be; the first one that answers is it.
        session: what its containers are labelled with.
    """

    def __init__(self, places: Sequence[Candidate], *, session: str | None = None) -> None:
        self._connection = Connection(places)
        self._session = session or uuid4().hex
        self._starting = Starting(self._connection, self._session)
        self._pid = os.getpid()
        self._containers: set[DockerContainer] = set()
        self._lock = threading.Lock()
        self._label = ""

    @property
    def session(self) -> str:
        """The word that its containers are labelled with."""
        return self._session

    @property
    def label(self) -> str:
        """What it is and where, for people."""
        if not self._label:
            with self._connection.asking("tell its version") as api:
                found = api.version()
            platform = (found.get("Platform") or {}).get("Name") or ""
            parts = [str(each.get("Name", "")) for each in found.get("Components") or ()]
            name = "Podman" if any("podman" in each.lower() for each in (platform, *parts)) else "Docker"
            self._label = f"{name} {found.get('Version', '')} at {self._connection.address.shown}"
        return self._label

    @property
    def is_remote(self) -> bool:
        """Whether it may run on another machine."""
        return self._connection.address.is_remote

    def image(self, reference_: str) -> Image | None:
        """Find an image that it has."""
        try:
            with self._connection.asking(f"look at the image {shown(reference_)}") as api:
                return image_of(api.inspect_image(reference(reference_)))
        except RefusedError as error:
            if error.status == _MISSING:
                return None
            raise

    def pull(self, reference_: str, *, platform: str | None = None, tell: Callable[[str], None]) -> Image:
        """Have an image fetched from its registry."""
        name, tag = repository_and_tag(reference_)
        params = {"fromImage": name, "tag": tag} | ({"platform": platform} if platform else {})
        layers = Layers(reference_)
        doing = f"pull {reference_}"
        try:
            headers = self._credentials(name)
            with self._connection.stream(
                "POST", "/images/create", doing, idle=_LOADING, params=params, headers=headers
            ) as answer:
                for message in messages(self._connection.chunks(answer, doing)):
                    said = fault(message)
                    if said:
                        raise not_pulled(reference_, said, platform)
                    line = layers.take(message)
                    if line:
                        tell(line)
        except RefusedError as error:
            raise not_pulled(reference_, error.said, platform) from error
        found = self.image(reference_)
        if found is None:
            raise ImageNotFoundError(f"the image {reference_} was pulled, and is not there: was it removed meanwhile?")
        return found

    def _credentials(self, name: str) -> dict[str, str]:
        """Give the header with what `docker login` has left for the registry of an image."""
        with self._connection.asking("read the credentials of docker login") as api:
            from docker import auth  # noqa: PLC0415  # Is needed for a download alone.

            registry, _ = auth.resolve_repository_name(name)
            header = auth.get_config_header(api, registry)
        return {"X-Registry-Auth": header.decode("ascii")} if header else {}

    def tag(self, image: str, reference_: str) -> None:
        """Give an image a further name."""
        name, tag = repository_and_tag(reference_)
        try:
            with self._connection.asking(f"call an image {reference_}") as api:
                api.tag(reference(image), name, tag)
        except RefusedError as error:
            if error.status == _MISSING:
                raise ImageNotFoundError(f"there is no image {image}: it has vanished") from error
            raise

    def build(self, params: Mapping[str, str], context: bytes | Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Ask for a build, and give the engine's messages as they come; closing it cancels the build."""
        doing = "build an image"
        with self._connection.asking(doing):
            from docker import auth  # noqa: PLC0415  # Is needed for a build alone.

            known = auth.load_config().get_all_credentials()  # type: ignore[no-untyped-call]  # So are docker-py's stubs.
        headers = {"Content-Type": "application/tar"}
        if known:
            headers["X-Registry-Config"] = auth.encode_header(known).decode("ascii")
        with self._connection.stream(
            "POST", "/build", doing, idle=_BUILDING, params=dict(params), data=_sent(context), headers=headers
        ) as answer:
            yield from messages(self._connection.chunks(answer, doing))

    def export(self, reference_: str) -> Iterator[bytes]:
        """Give an image as a tar archive."""
        doing = f"export the image {reference_}"
        params = {"names": reference(reference_)}
        try:
            with self._connection.stream("GET", "/images/get", doing, idle=_LOADING, params=params) as answer:
                yield from self._connection.chunks(answer, doing, _CHUNK)
        except RefusedError as error:
            if error.status == _MISSING:
                raise ImageNotFoundError(f"there is no image {reference_}: it has vanished") from error
            raise

    def load(self, archive: Iterable[bytes]) -> None:
        """Take images from such an archive."""
        doing = "load an image"
        headers = {"Content-Type": "application/x-tar"}
        with self._connection.stream(
            "POST", "/images/load", doing, idle=_LOADING, params={"quiet": "1"}, data=_sent(archive), headers=headers
        ) as answer:
            for message in messages(self._connection.chunks(answer, doing)):
                said = fault(message)
                if said:
                    raise EngineError(f"the engine cannot load an image: {said}")

    def start(self, order: Order) -> DockerContainer:
        """Create a container and start it."""
        container = self._starting.start(order, self._forget)
        with self._lock:
            self._containers.add(container)
        return container

    def _forget(self, container: DockerContainer) -> None:
        with self._lock:
            self._containers.discard(container)

    def images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        """List images by labels."""
        filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with self._connection.asking("list images") as api:
            found = [str(each["Id"]) for each in api.images(filters=filters)]
        return tuple(image for identity in dict.fromkeys(found) if (image := self.image(identity)) is not None)

    def remove_image(self, reference_: str) -> bool:
        """Remove an image that nothing uses; tell whether it is gone."""
        try:
            with self._connection.asking(f"remove the image {shown(reference_)}") as api:
                api.remove_image(reference(reference_))
        except RefusedError as error:
            if error.status not in {_MISSING, _IN_USE}:
                raise
            return error.status == _MISSING
        return True

    def sweep(self, *, kept: bool = False) -> int:
        """Remove what processes left that are gone."""
        tidying, gone = Tidying(), 0
        with tidying.step(SILENT):
            gone += sweep(self._connection, kept=kept)
        gone += sweep_projects(self._connection)
        tidying.end()
        return gone

    @property
    def variables(self) -> dict[str, str]:
        """What a command for Docker is given, so that it asks this engine and no other."""
        return self._connection.address.variables

    def members(self, project: str) -> tuple[Member, ...]:
        """Give the containers of a project of Compose."""
        return members(self._connection, project)

    def member(self, member: Member) -> DockerContainer:
        """Give the handle of such a container, which stays when this process ends."""
        order = Order(image=member.image, title=member.name, keep=True)
        return DockerContainer(self._connection, member.id, member.name, order=order, wire=None, forget=lambda _: None)

    def take_down(self, project: str, *, grace: int = 0) -> int:
        """Remove all that a project of Compose has made."""
        return take_down(self._connection, project, grace=grace)

    def cancel(self) -> None:
        """Cancel what takes long, and let none of it begin."""
        self._connection.cancel()

    def close(self) -> None:
        """End all containers of this process, and close the connection; those that stay, stay."""
        if self._pid != os.getpid():
            return
        with self._lock:
            containers = [each for each in self._containers if not each.order.keep]
        for container in containers:
            # The engine may be gone; if it is not, they end with what held them.
            with contextlib.suppress(*FAULTS):
                container.end()
        self._connection.close()


def _sent(data: bytes | Iterable[bytes]) -> bytes | Iterator[bytes]:
    """Give data as it can be sent: a list would be taken for the fields of a form."""
    return data if isinstance(data, bytes) else iter(data)
