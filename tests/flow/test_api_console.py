"""The console's files: served from memory, with a policy that lets nothing else in."""

import gzip
from pathlib import Path

import pytest
from tests.flow.control_app import control

from headgate.api.console import Console
from headgate.store.database import Database

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def built(tmp_path: Path) -> Console:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Headgate</title>")
    (folder / "assets" / "index-abc123.js").write_text("console.log(1);" * 200)
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "secret.txt").write_text("not the console's")
    return Console.load(folder)


async def test_every_address_of_the_console_begins_with_one_page(database: Database, built: Console) -> None:
    async with control(database, console=built) as api:
        for path in ("/", "/requests", "/requests/0190?status=429&wide=1", "/prompts/a%2Fb.py::X/versions"):
            answer = await api.client.get(path, headers=PAGE)
            assert answer.status_code == 200, path
            assert "<title>Headgate</title>" in answer.text
            assert answer.headers["cache-control"] == "no-store"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert answer.headers["x-frame-options"] == "DENY"


async def test_files_are_kept_by_browsers_and_sent_as_gzip(database: Database, built: Console) -> None:
    async with control(database, console=built) as api:
        plain = await api.client.get("/assets/index-abc123.js", headers={"accept-encoding": "identity"})
        packed = await api.client.get("/assets/index-abc123.js", headers={"accept-encoding": "gzip"})
        icon = await api.client.get("/favicon.svg")
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert icon.headers["content-type"].startswith("image/svg+xml")
    assert icon.headers["cache-control"] == "no-cache"


async def test_a_program_that_misspells_an_address_is_told_so(database: Database, built: Console) -> None:
    async with control(database, console=built) as api:
        for path in ("/requests", "/api/v1/nothing", "/api/v2/requests", "/assets/none.js", "/v2/x/y"):
            answer = await api.client.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]["code"] == "not_found"
        status, _ = await api.ask("GET", "/api/v1/nothing", headers=PAGE)
        assert status == 404


async def test_no_other_file_is_reachable(database: Database, built: Console) -> None:
    async with control(database, console=built) as api:
        for path in ("/assets/..%2f..%2fsecret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt"):
            answer = await api.client.get(path)
            assert answer.status_code in (400, 403, 404), path
            assert "not the console's" not in answer.text


def test_nothing_is_there_where_nothing_was_built(tmp_path: Path) -> None:
    assert Console.load(tmp_path / "none").index is None


async def test_without_pages_it_says_how_to_get_them(database: Database) -> None:
    async with control(database) as api:
        for path in ("/", "/requests"):
            answer = await api.client.get(path, headers=PAGE)
            assert "make console" in answer.text


def test_what_is_packed_is_the_same_each_time(built: Console) -> None:
    asset = built.asset("assets/index-abc123.js")
    assert asset is not None
    assert asset.compressed is not None
    assert gzip.decompress(asset.compressed) == asset.content
