"""The board on this machine."""

import re
import urllib.error
import urllib.request

import pytest

from local.board_server import BoardServer
from local.stack import FunctionFailed


class Functions:
    """Answers with what it was asked, or fails."""

    def __init__(self):
        self.asked, self.failure = [], None

    def call(self, function, event):
        self.asked.append((function, event))
        if self.failure:
            raise self.failure
        return '<div class="us">as of now</div>'


@pytest.fixture
def served():
    functions = Functions()
    with BoardServer(functions) as board:
        yield functions, board.address


def read(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode(), answer.headers


def test_every_look_is_a_call_of_the_function_and_the_page_comes_again_by_itself_without_script(served):  # S18
    functions, address = served
    page, headers = read(address)
    read(f"{address}?cluster=orders-db&describe=1")
    assert functions.asked == [("ClusterBoardFunction", {}), ("ClusterBoardFunction", {"cluster": "orders-db"})]
    assert '<div class="us">as of now</div>' in page
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', page)
    assert "script" not in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_it_is_served_on_loopback_only(served):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", served[1])


def test_a_function_that_fails_is_said_and_escaped(served):
    functions, address = served
    functions.failure = FunctionFailed("<b>broken</b>")
    with pytest.raises(urllib.error.HTTPError) as failed:
        read(address)
    assert failed.value.code == 502
    assert "&lt;b&gt;broken&lt;/b&gt;" in failed.value.read().decode()


def test_nothing_else_is_served(served):
    with pytest.raises(urllib.error.HTTPError) as failed:
        read(f"{served[1]}etc/passwd")
    assert failed.value.code == 404
    assert served[0].asked == []


def test_it_ends_with_its_block():
    with BoardServer(Functions()) as board:
        address = board.address
    with pytest.raises(urllib.error.URLError):
        read(address)
