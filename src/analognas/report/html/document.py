"""A self-contained HTML page: styles, scripts and data are in the file, and it requests nothing."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from ...core import dump_json, write_text
from ...version import __version__

__all__ = [
    "PAGE_FILE",
    "Document",
    "columns_table",
    "command_block",
    "definitions",
    "paragraph",
    "settings_block",
    "version_entries",
]

PAGE_FILE = "report.html"
"""Name of the page in a results folder."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


class Document:
    """A page that is filled from top to bottom.

    Args:
        title: Heading of the page, plain text.
        lead: What was found, in one or two sentences of plain text.

    Example:
        >>> page = Document("Search", "Nothing was found.")
        >>> page.section("How to repeat it", paragraph("Run it again."))
        >>> "<h2 id='how-to-repeat-it'>How to repeat it</h2>" in page.html()
        True
    """

    def __init__(self, title: str, lead: str) -> None:
        self._title = title
        self._lead = lead
        self._sections: list[tuple[str, str, list[str]]] = []
        self._data: list[str] = []

    def section(self, heading: str, *blocks: str) -> None:
        """Append a section.

        Args:
            heading: Plain text.
            blocks: HTML.
        """
        anchor = "-".join("".join(c if c.isalnum() else " " for c in heading.lower()).split())
        self._sections.append((anchor, heading, [block for block in blocks if block]))

    def download(self, name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
        """Embed a table, and return the button that saves it as CSV.

        Args:
            name: Name of the file that is saved.
            heads: Column names.
            rows: Values; None is an empty field.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)
        anchor = f"data-{len(self._data)}"
        # A JSON text in which nothing can end the element.
        content = json.dumps(text.getvalue()).replace("<", "\\u003c")
        self._data.append(f"<script type='application/json' id='{anchor}'>{content}</script>\n")
        return (
            f"<p><button class='button' data-download='{anchor}' data-name='{escape(name, quote=True)}'>"
            f"Download {escape(name)}</button></p>"
        )

    def html(self) -> str:
        """The page."""
        links = "".join(
            f"<li><a href='#{anchor}'>{escape(head)}</a></li>" for anchor, head, _ in self._sections
        )
        body = "\n".join(
            f"<section>\n<h2 id='{anchor}'>{escape(head)}</h2>\n"
            + "\n".join(blocks)
            + "\n</section>"
            for anchor, head, blocks in self._sections
        )
        return (
            "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
            f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">\n"
            f"<meta name='generator' content='analognas {__version__}'>\n"
            f"<title>{escape(self._title)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n"
            f"<header>\n<h1>{escape(self._title)}</h1>\n<p class='lead'>{escape(self._lead)}</p>\n</header>\n"
            f"<nav aria-label='Sections'><ul>{links}</ul></nav>\n<main>\n{body}\n</main>\n"
            f"{''.join(self._data)}\n<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page atomically.

        Raises:
            OutputFolderError: If it cannot be written.
        """
        write_text(path, self.html())


@cache
def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def paragraph(text: str, kind: str = "") -> str:
    """Return plain text as a paragraph of a CSS class."""
    return f"<p class='{kind}'>{escape(text)}</p>" if kind else f"<p>{escape(text)}</p>"


def definitions(entries: Mapping[str, str]) -> str:
    """Return names and plain texts as a list of definitions."""
    inner = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in entries.items())
    return f"<dl>{inner}</dl>"


def command_block(lines: Sequence[str]) -> str:
    """Return commands as they are typed."""
    return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>"


def settings_block(heading: str, settings: Any) -> str:
    """Return settings as JSON that can be opened."""
    return (
        f"<details><summary>{escape(heading)}</summary><pre><code>{escape(dump_json(settings))}</code></pre>"
        "</details>"
    )


def columns_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    texts: Sequence[int] = (0,),
    caption: str = "",
    sortable: bool = False,
) -> str:
    """Return a table.

    Args:
        heads: Plain texts.
        rows: Plain texts.
        texts: Columns that hold text; the others hold numbers.
        caption: What a reader has to know, plain text.
        sortable: Whether a click on a head sorts the rows.
    """

    def cell(tag: str, place: int, text: str) -> str:
        inner = escape(text)
        if tag == "th" and sortable:
            inner = f"<button type='button'>{inner}</button>"
        scope = " scope='col'" if tag == "th" else ""
        kind = " class='text'" if place in texts else ""
        return f"<{tag}{scope}{kind}>{inner}</{tag}>"

    head = "".join(cell("th", place, text) for place, text in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(cell("td", place, text) for place, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    note = f"<caption>{escape(caption)}</caption>" if caption else ""
    kind = " class='sortable'" if sortable else ""
    return (
        f"<div class='wide'><table{kind}>{note}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>"
        "</table></div>"
    )


def version_entries(seed: Any) -> dict[str, str]:
    """Return what a repetition depends on beside the settings, for :func:`definitions`."""
    entries = {"Version": f"analognas {__version__}"}
    return entries if seed is None else entries | {"Seed": str(seed)}
