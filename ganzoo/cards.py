"""What an object shows of itself in a notebook: a title, facts, a table and a picture, as HTML that is escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

CELL = ' style="text-align: left"'
NOTHING: Mapping[str, str] = MappingProxyType({})


def card(
    title: str,
    facts: Mapping[str, str] = NOTHING,
    headings: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    picture: str = "",
    note: str = "",
) -> str:
    """Return HTML of a title, a line of facts by name, a table, a note, and a picture by its address.

    >>> card("a <b>", {"steps": "5"})
    '<div><b>a &lt;b&gt;</b><br>steps: 5</div>'
    """
    parts = [f"<b>{escape(title)}</b>"]
    if facts:
        parts.append("<br>" + " · ".join(escape(f"{name}: {value}") for name, value in facts.items()))
    if rows:
        head = "".join(f"<th{CELL}>{escape(heading)}</th>" for heading in headings)
        body = "".join(f"<tr>{''.join(f'<td{CELL}>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if note:
        parts.append(f"<br><i>{escape(note)}</i>")
    if picture:
        parts.append(f'<br><img src="{escape(picture)}" alt="{escape(title)}">')
    return f"<div>{''.join(parts)}</div>"


def picture_url(png: bytes) -> str:
    """Return a PNG file as an address that a page can hold."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
