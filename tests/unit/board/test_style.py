"""The colours can be read, and no rule reaches beyond the board."""

import re

import pytest

from understudy.board.style import COLOURS, PHASES, TONES, Theme, sheet


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_counted_as_the_guidelines_count_it():
    assert round(contrast("#000000", "#ffffff")) == 21
    assert contrast("#777777", "#777777") == 1


@pytest.mark.parametrize("theme", COLOURS)
@pytest.mark.parametrize("name", [*TONES, "text"])
def test_every_word_can_be_read_on_the_ground_and_on_the_cards(theme, name):  # S18
    colours = COLOURS[theme]
    assert min(contrast(colours[name], colours[under]) for under in ("ground", "card")) >= 4.5


@pytest.mark.parametrize("theme", PHASES)
def test_every_phase_is_seen_on_its_card(theme):  # S18
    assert min(contrast(each, COLOURS[theme]["card"]) for each in PHASES[theme]) >= 3


def test_no_rule_touches_anything_outside_the_board():  # S18
    plain = re.sub(r"@media\([^)]*\)\{(.*?\})\}", r"\1", sheet().removeprefix("<style>").removesuffix("</style>"))
    selectors = [each.strip() for each in re.findall(r"([^{}]+)\{[^{}]*\}", plain)]
    assert len(selectors) > 40
    assert [each for each in selectors if not re.match(r"\.us(-light|-dark|-auto)?( |$)", each)] == []


def test_the_reader_chooses_where_no_dashboard_does():
    assert "@media(prefers-color-scheme:dark){.us-auto{" in sheet()
    assert Theme.AUTO not in COLOURS
