from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from noticeboard import create_app


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


def test_empty_board(client: FlaskClient) -> None:
    assert client.get("/notes").json == []
    assert "Nothing has been posted yet." in client.get("/").text


def test_post_and_read(client: FlaskClient) -> None:
    answer = client.post("/notes", json={"title": "Käse & Brot", "text": "*Today* at noon"})

    note = {"slug": "kase-brot", "title": "Käse & Brot", "text": "*Today* at noon"}
    assert (answer.status_code, answer.json) == (HTTPStatus.CREATED, note)
    assert client.get(answer.headers["Location"]).json == note
    assert client.get("/notes").json == [note]


def test_page_renders_markdown_and_escapes_html(client: FlaskClient) -> None:
    client.post("/notes", json={"title": "<b>Hi</b>", "text": "*Today* <script>alert(1)</script>"})

    page = client.get("/").text

    assert "<em>Today</em>" in page
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page
    assert "<script>" not in page


def test_same_title_twice(client: FlaskClient) -> None:
    posted = [client.post("/notes", json={"title": "Lunch", "text": "Soup"}).json["slug"] for _ in range(2)]

    assert posted == ["lunch", "lunch-2"]


@pytest.mark.parametrize("sent", [{}, {"title": "", "text": "x"}, {"title": "x" * 81, "text": "x"}, ["x"]])
def test_refuses_what_is_no_note(client: FlaskClient, sent: object) -> None:
    assert client.post("/notes", json=sent).status_code == HTTPStatus.BAD_REQUEST


def test_unknown_note(client: FlaskClient) -> None:
    assert client.get("/notes/nothing").status_code == HTTPStatus.NOT_FOUND
