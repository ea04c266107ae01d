"""HTML that cannot be broken out of: text is escaped when it goes in, and only what was built here is not text."""

from html import escape

from understudy.domain.cluster.quoting import plain

TEXT_LIMIT = 400
"""What is shown of one text. Names are shorter; an operator's reason or AWS's words for a fault can be long."""


class Html(str):
    """A piece of markup that was built by `tag`, or is a constant of this package."""

    __slots__ = ()


Child = Html | str | int | None


def tag(name: str, *children: Child, **attributes: str | int | None) -> Html:
    """One element. Children are escaped unless they are Html; None is left out, also as the value of an attribute.

    `class_` is the attribute `class`, and an underscore within a name is a hyphen.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Several pieces side by side."""
    return Html("".join(each if isinstance(each, Html) else text(each) for each in children if each is not None))


def text(value: str | int) -> Html:
    """Text as it can stand in an element or in an attribute: on one line, short, escaped.

    Characters that are not seen, or that turn the direction of what follows, are shown as their codes: nobody's name
    can change how the rest of the board reads.
    """
    return Html(escape(plain(str(value), TEXT_LIMIT), quote=True))


def name(value: str) -> Html:
    """A name from outside, kept apart from the direction of the text around it."""
    return tag("bdi", value)
