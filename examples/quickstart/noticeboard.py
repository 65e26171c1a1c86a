"""A board where people post notes in Markdown, and read them as JSON or as a page.

Start it with `flask --app noticeboard run`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flask import Flask, abort, render_template, request, url_for
from markdown_it import MarkdownIt
from slugify import slugify

_LONGEST_TITLE = 80


@dataclass(frozen=True)
class Note:
    """A note: its title, its text in Markdown, and the name that its address ends with."""

    slug: str
    title: str
    text: str

    @property
    def html(self) -> str:
        """The text, rendered; HTML in it is escaped, so that nobody posts a script."""
        return MarkdownIt("commonmark", {"html": False}).render(self.text)


class Board:
    """The notes, in the order in which they were posted."""

    def __init__(self) -> None:
        self.notes: dict[str, Note] = {}

    def post(self, title: str, text: str) -> Note:
        """Add a note under a name of its own: `lunch`, `lunch-2`, ..."""
        base = slugify(title) or "note"
        slug, number = base, 1
        while slug in self.notes:
            number += 1
            slug = f"{base}-{number}"
        self.notes[slug] = Note(slug, title, text)
        return self.notes[slug]


def create_app() -> Flask:
    """Make the service, with an empty board."""
    app = Flask(__name__)
    board = Board()

    @app.get("/")
    def page() -> str:
        return render_template("board.html", notes=board.notes.values())

    @app.get("/notes")
    def notes() -> list[dict[str, str]]:
        return [asdict(note) for note in board.notes.values()]

    @app.get("/notes/<slug>")
    def note(slug: str) -> dict[str, str]:
        if slug not in board.notes:
            abort(404)
        return asdict(board.notes[slug])

    @app.post("/notes")
    def post() -> tuple[dict[str, str], int, dict[str, str]]:
        sent = request.get_json()
        title, text = (sent.get(key) if isinstance(sent, dict) else None for key in ("title", "text"))
        if not isinstance(title, str) or not isinstance(text, str) or not 0 < len(title) <= _LONGEST_TITLE:
            abort(400, f"a note needs a text, and a title of at most {_LONGEST_TITLE} characters")
        posted = board.post(title, text)
        return asdict(posted), 201, {"Location": url_for("note", slug=posted.slug)}

    return app
