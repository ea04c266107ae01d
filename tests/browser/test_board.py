"""The board in a real browser: what is drawn, how much room it takes, and that no text on it becomes markup.

Screenshots of every state stay in build/board, light and dark: look at them when the board has changed.
"""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import boards
from tests.support.chromium import dom, screenshot
from understudy.board.page import CARD_LIMIT
from understudy.board.style import Theme

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "build" / "board"
WIDE, NARROW = 1280, 500  # a dashboard's whole width, and a part of it, or a telephone
FOLD = 560  # as much of a small screen as a dashboard leaves for a widget
WORLDS = {
    "healthy": boards.healthy,
    "both-dead": boards.both_dead,
    "zone-down": boards.zone_down,
    "astray": boards.astray,
    "refused": boards.refused,
    "two-serve": boards.two_serve,
    "failed-start": boards.failed_start,
    "keys-differ": boards.keys_differ,
    "failing-over": boards.failing_over,
    "degraded": boards.degraded,
    "held": boards.held,
    "in-need": boards.in_need,
    "waiting": boards.waiting,
    "hostile": boards.hostile,
    "200-clusters": boards.many,
}
MEASURE = """
const measured = {};
for (const place of document.querySelectorAll("[data-board]")) {
  const root = place.firstElementChild, all = (what) => [...root.querySelectorAll(what)];
  const style = getComputedStyle(root), top = root.getBoundingClientRect().top;
  const todo = root.querySelector(".us-todo"), found = {};
  found.todo_at = todo ? Math.round(todo.getBoundingClientRect().bottom - top) : 0;
  found.open = all("details.us-line[open]").length;
  all("details").forEach(each => each.open = true);
  found.overflows = root.scrollWidth > root.clientWidth;
  found.cut = all(".us-scroll").filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText);
  found.ground = style.backgroundColor;
  found.says = root.querySelector(".us-say").textContent;
  found.colour = getComputedStyle(root.querySelector(".us-say")).color;
  found.words = all("h3 .us-word").map(each => each.textContent);
  found.lines = all(".us-line").length;
  found.cards = all(".us-card").length;
  found.rows = all("details.us-t-well > .us-scroll tbody tr").length;
  found.bars = all("svg.us-bar").map(each => Math.round(each.getBoundingClientRect().width));
  found.headings = all("h1,h2,h3,h4,h5,h6").map(each => Number(each.tagName[1]));
  found.unscoped = all("th:not([scope]),table:not(:has(> caption))").length;
  found.rowless = all("tbody tr:not(:has(> th[scope=row]))").length;
  const doors = all("summary,a,button");
  const reached = doors.filter(each => (each.focus(), document.activeElement === each));
  found.doors = doors.length;
  found.unreached = doors.length - reached.length + all("[tabindex]").length;
  found.nameless = doors.filter(each => !(each.innerText || each.ariaLabel).trim()).length;
  found.foreign = all("script,img,iframe,use,object,link,[onerror],[onload],[onclick]").length;
  found.text = root.innerText;
  measured[place.dataset.board] = found;
}
const big = document.querySelector('[data-board="zone-down light 1280"]'), markup = big.innerHTML, times = [];
for (let turn = 0; turn < 3; turn++) {
  big.innerHTML = "";
  const began = performance.now();
  big.innerHTML = markup;
  big.getBoundingClientRect();
  times.push(performance.now() - began);
}
measured.draw_ms = Math.min(...times);
const result = document.createElement("pre");
result.id = "measured";
result.textContent = JSON.stringify(measured);
document.body.appendChild(result);
"""
HEAD = "<!doctype html><html lang=en><head><meta charset=utf-8><title>quiet</title><style>body{margin:0}</style></head>"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Every state in both themes and widths on one page, measured by the browser: results, and the page's title."""
    pieces = [
        f'<div data-board="{name} {theme} {width}" style="width:{width}px">{make().html(theme)}</div>'
        for name, make in WORLDS.items()
        for theme, width in ((Theme.LIGHT, WIDE), (Theme.DARK, NARROW))
    ]
    page = tmp_path_factory.mktemp("board") / "all.html"
    page.write_text(f"{HEAD}<body>{''.join(pieces)}<script>{MEASURE}</script></body></html>", encoding="utf-8")
    shown = dom(page)
    (found,) = re.findall(r'<pre id="measured">(.*?)</pre>', shown, re.DOTALL)
    measured = json.loads(
        found.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\xa0").replace("&amp;", "&")
    )
    return {**measured, "title": re.findall(r"<title>(.*?)</title>", shown)[0]}


def at(drawn, name, theme=Theme.LIGHT):
    return drawn[f"{name} {theme} {WIDE if theme is Theme.LIGHT else NARROW}"]


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
@pytest.mark.parametrize("name", WORLDS)
def test_a_board_fits_its_width_and_cuts_no_table(drawn, name, theme):  # S18
    seen = at(drawn, name, theme)
    assert not seen["overflows"]
    assert seen["cut"] == []
    assert seen["ground"] == ("rgb(242, 244, 247)" if theme is Theme.LIGHT else "rgb(15, 21, 28)")


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
@pytest.mark.parametrize("name", [each for each in WORLDS if each != "healthy"])
def test_what_to_do_first_is_seen_without_scrolling(drawn, name, theme):  # S18
    assert 0 < at(drawn, name, theme)["todo_at"] < FOLD


@pytest.mark.parametrize("name", WORLDS)
def test_everything_is_reached_by_the_keyboard_and_has_a_name(drawn, name):  # S18
    seen = at(drawn, name)
    assert seen["doors"] > 0
    assert (seen["unreached"], seen["nameless"]) == (0, 0)


@pytest.mark.parametrize("name", WORLDS)
def test_headings_are_steps_and_each_table_says_what_it_is_and_what_each_cell_belongs_to(drawn, name):  # S18
    seen = at(drawn, name)
    levels = seen["headings"]
    assert levels[0] == 2
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert (seen["unscoped"], seen["rowless"]) == (0, 0)


RED, GREEN, AMBER = "rgb(180, 35, 24)", "rgb(23, 113, 58)", "rgb(138, 83, 0)"


@pytest.mark.parametrize(
    ("name", "says", "colour", "word"),
    [
        ("healthy", "orders-db is well.", GREEN, "well"),
        ("both-dead", "orders-db is perhaps not served, for 3 min.", RED, "needs you"),
        ("failing-over", "orders-db is not served, for 7 s.", RED, "moving"),
        ("astray", "Clients of orders-db are led astray.", RED, "needs you"),
        ("two-serve", "orders-db is perhaps served by two.", RED, "needs you"),
        ("waiting", "orders-db is perhaps not served, for 40 s.", RED, "needs you"),
        ("degraded", "orders-db is served, and degraded.", AMBER, "degraded"),
    ],
)
def test_the_first_words_say_in_their_colour_whether_clients_are_served(drawn, name, says, colour, word):  # S18
    seen = at(drawn, name)
    assert (seen["says"], seen["colour"]) == (says, colour)
    assert seen["words"][0].endswith(word)


def test_the_phases_of_a_transition_are_drawn_over_the_width_of_their_column(drawn):  # S18 B5
    assert len(at(drawn, "healthy")["bars"]) == 3
    assert min(at(drawn, "healthy")["bars"]) > 400
    assert min(at(drawn, "healthy", Theme.DARK)["bars"]) > 400


def test_two_hundred_clusters_have_a_line_each_and_those_in_need_open_in_place(drawn):  # S18
    seen = at(drawn, "200-clusters")
    assert seen["cards"] == seen["lines"] == 9 <= CARD_LIMIT
    assert seen["rows"] == 191
    fleet = at(drawn, "zone-down")
    assert (fleet["cards"], fleet["lines"], fleet["open"]) == (CARD_LIMIT, 200, 0)


def test_one_cluster_in_need_is_open_already(drawn):  # S18
    assert [at(drawn, name)["open"] for name in ("healthy", "both-dead", "astray")] == [1, 1, 1]


def test_two_hundred_clusters_are_drawn_in_less_than_a_second(drawn):  # S18
    assert drawn["draw_ms"] < 1000


def test_no_text_becomes_markup_and_nothing_runs(drawn):  # S18
    """Script, broken-out attributes and styles, in every text that the board shows."""
    seen = at(drawn, "hostile")
    assert drawn["title"] == "quiet"
    assert seen["foreign"] == 0
    assert (seen["words"], seen["lines"]) == (["!needs you"], len(boards.HOSTILE))
    assert "<script>document.title='owned'</script>" in seen["text"]


def test_no_name_turns_the_text_around_it_or_hides_a_part_of_itself(drawn):  # S18
    seen = at(drawn, "hostile")["text"]
    assert "\\u202egnp.exe\\u202c orders\\u200b" in seen
    assert not [each for each in "\u202e\u202c\u200b\x00\x1b" if each in seen]


def test_without_escaping_a_hostile_name_would_run(tmp_path):  # S18
    """So the harness would notice."""
    page = tmp_path / "open.html"
    page.write_text(f"{HEAD}<body>{''.join(boards.HOSTILE[:3])}</body></html>", encoding="utf-8")
    assert "<title>owned</title>" in dom(page)


@pytest.mark.parametrize(
    ("name", "theme", "width"),
    [
        ("healthy", Theme.DARK, WIDE),
        ("failing-over", Theme.LIGHT, WIDE),
        ("degraded", Theme.LIGHT, WIDE),
        ("held", Theme.DARK, NARROW),
        ("both-dead", Theme.LIGHT, NARROW),
        ("zone-down", Theme.LIGHT, WIDE),
    ],
)
def test_a_picture_of_each_state_is_kept_to_be_looked_at(tmp_path, name, theme, width):  # S18
    SHOTS.mkdir(parents=True, exist_ok=True)
    page, image = tmp_path / "page.html", SHOTS / f"{name}-{theme}.png"
    image.unlink(missing_ok=True)
    page.write_text(f"{HEAD}<body>{WORLDS[name]().html(theme)}</body></html>", encoding="utf-8")
    screenshot(page, image, width, 1000)
    assert image.stat().st_size > 10_000, "an empty page is smaller"
