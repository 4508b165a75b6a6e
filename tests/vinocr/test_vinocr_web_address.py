"""ImageUrl on the wire: RFC 3986, every character as it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http_server import Handler, HTTPThread
from vinocr.api import web_address
from vinocr.api.addresses import AllowList
from vinocr.api.codes import ApiError
from vinocr.api.download import Downloader


class Echo(Handler):
    """Answers with the request's target and Host; ``/to`` redirects to what the query says."""

    def do_GET(self) -> None:
        target = self.requestline.split(" ")[1]  # `path` is without a second slash
        if target.startswith("/to?"):
            self.answer(302, b"", {"Location": target[4:]})
        else:
            self.answer(200, f"{target} {self.headers['Host']}".encode())


@pytest.fixture(scope="module")
def site() -> Iterator[HTTPThread]:
    with HTTPThread(Echo) as server:
        yield server


def fetched(site: HTTPThread, url: str) -> str:
    allow = AllowList.parse([f"127.0.0.1:{site.server_port}"])
    loader = Downloader(allow=allow, seconds=20, max_bytes=10**6, max_base64=10**6, redirects=3)
    return asyncio.run(loader.fetch(url)).decode()


TARGETS = [
    "/a;b.jpg", "/a;b=c;d.jpg", "/;", "/a;", "/a;/b", "/a;b/c;d", ";a", "/a;b?c;d", "/a?;", "/a?", "/?",
    "/a?b?c", "/a??", "/a%3Bb", "/a%2fb", "/a%2Fb%20c", "/a+b", "/a,b=c&d$e!f'g(h)i*j", "/a:b@c",
    "/a//b", "//a", "/./a", "/a/../b", "/a/.", "/~a_b-c.d", "/%E4%B8%AD", "/a?x=1&y=%26&z=a+b",
    "/a|b", "/a^b", "/a`b", '/a"b', "/a<b>c", "/a{b}c", "/a\\b", "/a[b]c", "/%", "/%zz", "?a=b", "",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_path_and_query_arrive_as_they_were_given(site: HTTPThread, target: str) -> None:
    expected = target if target.startswith("/") else f"/{target}"
    here = f"127.0.0.1:{site.server_port}"
    assert fetched(site, site.url + target if target != ";a" else f"{site.url}/{target}") == (
        f"{expected} {here}"
    )


def test_a_fragment_stays_here(site: HTTPThread) -> None:
    assert fetched(site, f"{site.url}/a;b#c?d;e").startswith("/a;b ")
    assert fetched(site, f"{site.url}#c").startswith("/ ")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/a;b", "/a;b"),
        ("/a;", "/a;"),
        ("b;c", "/b;c"),
        ("./b;c?d;e", "/b;c?d;e"),
        ("../b", "/b"),
        ("{url}/x;y?", "/x;y?"),
        ("//{host}/x;", "/x;"),
    ],
)
def test_a_redirect_keeps_them_too(site: HTTPThread, location: str, target: str) -> None:
    given = location.format(url=site.url, host=site.url.partition("//")[2])
    assert fetched(site, f"{site.url}/to?{given}").split(" ")[0] == target


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        # RFC 3986, section 5.4
        ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"), ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("g;x?y", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
        ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."),
        ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        # and what servers send beyond it
        ("/中 b", "http://a/%E4%B8%AD%20b"),
    ],
)  # fmt: skip
def test_where_redirects_lead(location: str, expected: str) -> None:
    assert web_address.join("http://a/b/c/d;p?q", location.encode()) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.COM/a", "Example.COM"),
        ("http://example.com:8080/a", "example.com:8080"),
        ("http://[2001:db8::1]/a", "[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/a", "[2001:db8::1]:8443"),
    ],
)
def test_the_host_header_is_what_the_url_says(url: str, host: str) -> None:
    assert web_address.parse(url).authority == host


@given(
    st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"))
)
def test_no_printable_character_is_lost(text: str) -> None:
    assert web_address.parse(f"http://example.com/{text}").target == f"/{text}"


@given(st.text(max_size=100))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://example.com{text}"):
        try:
            found = web_address.parse(url)
        except ApiError:
            continue
        assert found.target.startswith("/")
        assert found.host
