#!/usr/bin/env python3
"""Draws what a program has written to a terminal as an SVG picture of that terminal.

terminal-svg.py TRANSCRIPT.txt OUT.svg [--columns N] [--title TEXT]
Longer lines go on in the next one, as in a terminal. Escape sequences are left out.
"""

import argparse
import html
import pathlib
import re

ROW, COLUMN, MARGIN, BAR = 16, 7.25, 12, 28
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
# What a line begins with, and its colour: the first that fits.
COLOURS = (
    (re.compile(r"\$ "), "#f2f2f2"),
    (re.compile(r"\[ *[0-9.]+ s\]"), "#7fc8ff"),
    (re.compile(r" *guest\$ "), "#f2d06b"),
    (re.compile(r" *\| genuine|.* MEASUREMENT is |.*genuine:"), "#8fdc8f"),
)
PLAIN = "#c8c8c8"


def rows_of(text, columns):
    """(text, colour) of each row."""
    for line in ESCAPE.sub("", text).expandtabs().splitlines():
        colour = next((colour for pattern, colour in COLOURS if pattern.match(line)), PLAIN)
        for start in range(0, max(1, len(line)), columns):
            yield line[start : start + columns], colour


def draw(text, columns, title):
    rows = list(rows_of(text, columns))
    width = round(2 * MARGIN + COLUMN * columns)
    height = BAR + 2 * MARGIN + ROW * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#1d1f24"/>',
        *(f'<circle cx="{18 + 18 * number}" cy="15" r="5" fill="{colour}"/>'
          for number, colour in enumerate(("#e0605a", "#e0b14a", "#62b957"))),
        f'<text x="{width / 2}" y="19" text-anchor="middle" fill="#9a9a9a" font-family="sans-serif">{html.escape(title)}</text>',
        '<g font-family="monospace" xml:space="preserve">',
    ]
    for number, (row, colour) in enumerate(rows):
        if not row.strip():
            continue
        y = BAR + MARGIN + ROW * number + 11
        # The length is given so that columns stay columns, whatever the font.
        indent = len(row) - len(row.lstrip())
        shown = row.strip()
        out.append(f'<text x="{MARGIN + COLUMN * indent:.1f}" y="{y}" fill="{colour}" '
                   f'textLength="{COLUMN * len(shown):.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(shown)}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transcript")
    parser.add_argument("picture")
    parser.add_argument("--columns", type=int, default=110)
    parser.add_argument("--title", default="make run")
    options = parser.parse_args()
    text = pathlib.Path(options.transcript).read_text(encoding="utf-8")
    pathlib.Path(options.picture).write_text(draw(text, options.columns, options.title), encoding="utf-8")


if __name__ == "__main__":
    main()
