"""Markup that cannot be broken out of."""

from html.parser import HTMLParser

import pytest

from tests.support.boards import HOSTILE
from understudy.board.markup import TEXT_LIMIT, Html, join, name, tag, text


class Seen(HTMLParser):
    """What a parser finds: the elements with their attributes, and the text."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_stays_text_in_an_element_and_in_an_attribute(hostile):  # S18
    seen = Seen(tag("p", hostile, title=hostile, class_="us-card"))
    ((element, attributes),) = seen.elements
    assert (element, set(attributes)) == ("p", {"title", "class"})
    assert seen.text == attributes["title"]
    assert len(seen.text) <= TEXT_LIMIT
    assert seen.text.isprintable()


def test_only_what_was_built_here_is_markup():
    assert tag("p", "<b>", tag("i", "x")) == "<p>&lt;b&gt;<i>x</i></p>"
    assert isinstance(join("a", Html("<br>"), 3, None), Html)
    assert join("a", Html("<br>"), 3, None) == "a<br>3"


def test_names_of_attributes_are_written_as_html_has_them():
    assert tag("i", class_="a", aria_label="b", href=None) == '<i class="a" aria-label="b"></i>'


def test_a_name_is_kept_apart_from_the_direction_of_its_surroundings():  # S18
    assert name("قاعدة") == "<bdi>قاعدة</bdi>"
    assert text("\u202eevil") == "\\u202eevil"
