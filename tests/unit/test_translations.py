"""The Japanese pages keep step with the English ones: the same sections, tables, lists, commands, links and numbers.

What a sentence says no test can see. What changes with it mostly does: a number, a command, a row. Each section is
judged by itself, so that a failure says which one is to be translated anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.unit.test_documents import of_the_project

ROOT = Path(__file__).resolve().parents[2]
WHOLE: tuple[str, ...] = ()
PAGES = {
    "README.ja.md": (
        "Understudy",
        "Try it",
        "A tour of five minutes",
        "What it promises",
        "First deployment on AWS",
    ),
    "docs/on-call.ja.md": ("On call", "Where to start", "Never"),
    "docs/from-lifekeeper.ja.md": WHOLE,
}
"""The sections that are translated, under their English titles; WHOLE: all."""
NUMBER = re.compile(r"(?<![A-Za-z\d.])\d[\d,]*(?:\.\d+)?(?![A-Za-z\d])")
COMMENT = re.compile(r"(?:^|\s+)#\s.*$", re.MULTILINE)
WORDS_IN_ENGLISH = 10
"""Below, English writes a word where Japanese writes a number: then a number may come in addition."""


@dataclass
class Part:
    """A section by what must be alike in both languages."""

    title: str
    slug: str
    level: int
    blocks: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    inline: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)


def slug_of(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def parts_of(text: str) -> list[Part]:
    """The sections of a page, each with what stands in it before the next heading. Quotations are left out."""
    tokens, found, quotes = MarkdownIt("commonmark").enable("table").parse(text), [], 0
    for number, token in enumerate(tokens):
        quotes += token.nesting if token.type.startswith("blockquote") else 0
        if quotes:
            continue
        if token.type == "heading_open":
            title = tokens[number + 1].content
            found.append(Part(re.sub(r"[`*]", "", title), slug_of(title), int(token.tag[1:])))
        elif found and tokens[number - 1].type != "heading_open":
            _add(found[-1], tokens, number)
    return found


def _add(part: Part, tokens: Sequence[Token], number: int) -> None:
    token = tokens[number]
    if token.type == "inline":
        _read(part, token)
    elif token.type in ("fence", "code_block"):
        part.blocks.append("code")
        part.code.append(COMMENT.sub("", token.content).rstrip())
    elif token.type in ("bullet_list_open", "ordered_list_open", "table_open"):
        part.blocks.append(_shape(tokens, number))
    elif token.type == "paragraph_open" and token.level == 0:
        part.blocks.append("paragraph")


def _shape(tokens: Sequence[Token], number: int) -> str:
    """A list with how many items it has, or a table with how many rows and cells."""
    begin = tokens[number]
    end = next(
        place
        for place in range(number, len(tokens))
        if tokens[place].nesting == -1 and tokens[place].level == begin.level and place > number
    )
    inner = [each.type for each in tokens[number:end] if each.level <= begin.level + 3]
    if begin.type == "table_open":
        return f"table of {inner.count('tr_open')} rows, {inner.count('th_open') + inner.count('td_open')} cells"
    items = sum(1 for each in tokens[number:end] if each.type == "list_item_open" and each.level == begin.level + 1)
    return f"{'list' if begin.type == 'bullet_list_open' else 'steps'} of {items}"


def _read(part: Part, inline: Token) -> None:
    for each in inline.children or ():
        if each.type == "code_inline":
            part.inline.add(each.content)
        elif each.type == "link_open":
            part.links.add(unquote(str(each.attrs["href"])))
        elif each.type == "text":
            part.numbers |= {found.replace(",", "") for found in NUMBER.findall(each.content)}


def sections(page: str) -> tuple[list[Part], list[Part]]:
    """Those of the English page that are translated, and those of the Japanese one."""
    path = ROOT / page
    english = parts_of(path.with_name(path.name.replace(".ja.", ".")).read_text(encoding="utf-8"))
    wanted = PAGES[page] or [each.title for each in english]
    return [each for each in english if each.title in wanted], parts_of(path.read_text(encoding="utf-8"))


def out_of_step(english: Part, japanese: Part, own: str, slugs: dict[str, str]) -> list[str]:
    """In what the two differ, each as a line. `own`: the English page, to which the other may lead."""
    found = [
        f"{what}: {one} in English, {other} in Japanese"
        for what, one, other in (
            ("level", english.level, japanese.level),
            ("blocks", english.blocks, japanese.blocks),
            ("commands", english.code, japanese.code),
        )
        if one != other
    ]
    links = (
        {_target(each, own, slugs) for each in japanese.links} - {own},
        {_target(each, own, {}) for each in english.links},
    )
    numbers = {each for each in japanese.numbers if float(each) >= WORDS_IN_ENGLISH or each in english.numbers}
    for what, here, there in (
        ("code in sentences", japanese.inline, english.inline),
        ("links", *links),
        ("numbers", numbers, english.numbers),
    ):
        found += [f"{what}: {sorted(there - here)} is missing"] if there - here else []
        found += [f"{what}: {sorted(here - there)} is not in English"] if here - there else []
    return found


def _target(link: str, own: str, slugs: dict[str, str]) -> str:
    """A link into the page itself as one from elsewhere, with the English anchor."""
    if not link.startswith("#"):
        return link
    return f"{own}#{slugs.get(link[1:], link[1:])}"


def every_section() -> list[tuple[str, int]]:
    return [(page, number) for page in PAGES for number in range(min(map(len, sections(page))))]


def test_every_japanese_page_is_compared():  # B25
    assert sorted(str(path.relative_to(ROOT)) for path in of_the_project("*.ja.md")) == sorted(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_japanese_page_has_the_sections_of_the_english_one(page):  # B25
    english, japanese = sections(page)
    assert [each.level for each in japanese] == [each.level for each in english], [each.title for each in english]
    assert PAGES[page] in (WHOLE, tuple(each.title for each in english))


@pytest.mark.parametrize(("page", "number"), every_section())
def test_a_section_is_in_step_with_the_english_one(page, number):  # B25
    english, japanese = sections(page)
    slugs = {other.slug: one.slug for one, other in zip(english, japanese, strict=False)}
    own = Path(page).name.replace(".ja.", ".")
    found = out_of_step(english[number], japanese[number], own, slugs)
    assert found == [], f"{page}: {japanese[number].title} ({english[number].title})"


ENGLISH = """# A
It takes 12 s: `run`, see [there](b.md#c).

| a | b |
|---|---|
| 1 | 2 |

1. one
2. two

Then:

    make up
"""


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("12 s", "15 s", "numbers"),
        ("`run`", "`stop`", "code in sentences"),
        ("b.md#c", "b.md#d", "links"),
        ("| 1 | 2 |\n", "| 1 | 2 |\n| 3 | 4 |\n", "blocks"),
        ("2. two\n", "", "blocks"),
        ("make up", "make down", "commands"),
        ("# A\n", "## A\n", "level"),
        ("see", "see two. \n\nMore", "blocks"),
    ],
)
def test_a_page_that_fell_out_of_step_is_noticed(before, after, what):  # B25
    (english,), (japanese,) = parts_of(ENGLISH), parts_of(ENGLISH.replace(before, after))
    assert out_of_step(english, english, "a.md", {}) == []
    assert {each.partition(":")[0] for each in out_of_step(english, japanese, "a.md", {})} == {what}
