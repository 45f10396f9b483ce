"""Attacks on the door: each is tried, and answered."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from photostyle.studio.api import ROUTES
from photostyle.studio.guard import HEADERS, TICKET_SECONDS, Doorkeeper, is_loopback
from tests.studio.served import BYTES, ORIGIN, TOKEN, Served, served

CHANGES = [
    ("PUT", "/api/photos?name=a.jpg"), ("POST", "/api/photos/1"), ("DELETE", "/api/photos/1"),
    ("PUT", "/api/photos/1/labels"), ("DELETE", "/api/photos/1/labels"), ("POST", "/api/transfers"),
    ("DELETE", "/api/transfers/1"), ("POST", "/api/transfers/1/stop"), ("POST", "/api/transfers/1/save"),
    ("POST", "/api/queue"), ("POST", "/api/queue/stop"), ("POST", "/api/queue/resume"), ("PUT", "/api/sliders/a"),
    ("DELETE", "/api/sliders/a"),
]  # fmt: skip


def error_of(answer: Any) -> str:
    return str(answer.json()["error"]["text"])


def test_every_change_is_listed_here() -> None:
    known = {(method, re.sub(r"/1\b", "/{id}", path).partition("?")[0]) for method, path in CHANGES}
    there = {
        (method, route.path.replace("{name}", "a"))
        for route in ROUTES
        for method in route.methods or ()
        if method not in ("GET", "HEAD")
    }
    assert there == known


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example:7860", "[::2]", "",
             "127.0.0.1@evil.example", "192.168.0.7:7860", "0.0.0.0:7860"],
)  # fmt: skip
def test_a_foreign_name_that_leads_here_gets_nothing(shared: Served, host: str) -> None:
    for path in ("/", "/api/state", f"/?token={TOKEN}"):
        answer = shared.client.get(path, headers={"Host": host}, follow_redirects=False)
        assert answer.status_code == 421 and "set-cookie" not in answer.headers
        assert "address of this server" in error_of(answer)


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST:9000", "localhost"])
def test_names_of_this_machine_are_known_also_through_a_tunnel(shared: Served, host: str) -> None:
    assert shared.client.get("/api/state", headers={"Host": host}).status_code in (200, 403)
    assert Doorkeeper(TOKEN, 7860).knows_host(host.lower())


def test_two_host_headers_are_one_too_many(shared: Served) -> None:
    headers = [("Host", "127.0.0.1:7860"), ("Host", "evil.example")]
    assert shared.client.get("/api/state", headers=headers).status_code == 421


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", TOKEN[:-1], "é"])
def test_another_token_does_not_open(shared: Served, token: str) -> None:
    answer = shared.client.get("/", params={"token": token}, follow_redirects=False)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    assert "token" in error_of(answer)


def test_the_token_becomes_a_cookie_of_this_page_alone(shared: Served) -> None:
    answer = shared.client.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie and "7860=" in cookie
    assert "domain" not in cookie


def test_a_ticket_opens_once_and_not_for_long(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Doorkeeper(TOKEN, 7860)
    first, second = keeper.ticket(), keeper.ticket()
    assert first != second and TOKEN not in (first, second)
    assert keeper.opens(first) and not keeper.opens(first) and not keeper.is_token(second)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + TICKET_SECONDS + 1)
    assert not keeper.opens(second) and not keeper.opens("") and keeper.opens(TOKEN)


def test_a_link_in_another_page_opens_too(shared: Served) -> None:
    """Browsers do not send a strict cookie along with the redirect of a navigation that another site has begun."""
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = shared.client.get("/", params={"token": TOKEN}, headers=headers, follow_redirects=False)
    assert answer.status_code == 200 and "7860=" in answer.headers["set-cookie"]
    assert 'content="0; url=/"' in answer.text and TOKEN not in answer.text
    wrong = shared.client.get("/", params={"token": "x"}, headers=headers, follow_redirects=False)
    assert wrong.status_code == 403 and "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/api/state", "/api/events", "/api/photos/1/view", "/api/files/1"]
)
def test_without_the_cookie_nothing_is_shown(shared: Served, path: str) -> None:
    with shared.cookie("guess"):
        answer = shared.client.get(path)
    assert answer.status_code == 403 and "printed" in error_of(answer)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "https://127.0.0.1:7860"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_a_forged_change_is_refused(shared: Served, method: str, path: str, headers: dict[str, str]) -> None:
    answer = shared.client.request(method, path, headers=BYTES | headers, content=b"{}")
    assert answer.status_code == 403 and "this page" in error_of(answer)


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_change_without_an_origin_is_refused(shared: Served, method: str, path: str) -> None:
    del shared.client.headers["Origin"]
    try:
        assert shared.client.request(method, path, headers=BYTES, content=b"{}").status_code == 403
    finally:
        shared.client.headers["Origin"] = ORIGIN


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_and_ports_cannot_look(shared: Served, site: str) -> None:
    """Cookies are kept by host and not by port, and another port of this machine is the same site."""
    for path in ("/api/state", "/api/photos/1/view", "/js/main.js"):
        answer = shared.client.get(path, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_a_form_can_send_is_refused(shared: Served, kind: str) -> None:
    body = b'{"content": "1", "styles": []}'
    for method, path in (("POST", "/api/transfers"), ("POST", "/api/queue"), ("PUT", "/api/photos?name=a.jpg")):
        answer = shared.client.request(method, path, headers={"Content-Type": kind}, content=body)
        assert answer.status_code == 400 and "Content-Type" in error_of(answer)
    assert not list(shared.studio.photos)


@pytest.mark.parametrize(
    "path", ["/", "/api/state", "/api/nothing", "/nothing", "/api/photos/1/view", "/api/files/1", "/api/queue/zip"]
)
def test_every_answer_says_what_a_browser_may_do_with_it(shared: Served, path: str) -> None:
    for cookie in (TOKEN, "guess"):
        with shared.cookie(cookie):
            answer = shared.client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
        assert "cache-control" in answer.headers
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy


def test_a_bug_is_told_without_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path / "results") as studio:
        monkeypatch.setattr(studio.studio, "state", lambda: 1 / 0)
        studio.client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
        answer = studio.client.get("/api/state")
    assert answer.status_code == 500 and "this is a bug in photostyle" in error_of(answer)
    assert "ZeroDivisionError" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py", "/%2e%2e/server.py", "/..%2fserver.py", "/css/../../server.py", "/css/%2e%2e/%2e%2e/guard.py",
        "//etc/passwd", "/%00", "/index.html%00.js", "/C:/Windows/win.ini", "/..\\server.py", "/css", "/css/",
    ],
)  # fmt: skip
def test_no_address_becomes_a_path(shared: Served, path: str) -> None:
    answer = shared.client.get(path)
    assert answer.status_code == 404 and "no such address" in error_of(answer)


@pytest.mark.parametrize("id", ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "1/../../etc", "a" * 300, "%00"])
def test_no_id_becomes_a_path(shared: Served, id: str) -> None:
    for path in (f"/api/photos/{id}/view", f"/api/files/{id}", f"/api/transfers/{id}/view", f"/api/photos/{id}/labels"):
        assert shared.client.get(path).status_code == 404


def test_beyond_this_machine_the_token_is_needed_and_names_are_still_checked(tmp_path: Path) -> None:
    keeper = Doorkeeper(TOKEN, 7860, "0.0.0.0")
    assert keeper.knows_host("192.168.0.7:7860") and keeper.knows_host("[fe80::1]:7860")
    assert not keeper.knows_host("evil.example:7860") and not keeper.knows_host("192.168.0.7.evil.example")
    with served(tmp_path / "results", host="0.0.0.0") as studio, studio.cookie("guess"):
        assert studio.client.get("/api/state", headers={"Host": "192.168.0.7:7860"}).status_code == 403
    named = Doorkeeper(TOKEN, 7860, "192.168.0.7")
    assert named.knows_host("192.168.0.7:7860") and not named.knows_host("192.168.0.8:7860")


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.0.0.9", True),
                           ("0.0.0.0", False), ("::", False), ("192.168.0.7", False), ("example.org", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
