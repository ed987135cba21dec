#!/usr/bin/env python3
"""Pictures from text: draw.py TEXT... writes an SVG beside each TEXT.

The first line of TEXT says what it is:
  sequence A, B, C      then lines "A -> B: words", "A: words" (A alone does something), "-- words"
  layers                then lines "title: box | box | box", from the top; "box" may be "name / words"
"""

import html
import pathlib
import sys
import textwrap

FONT = "font-family='sans-serif' font-size='13'"
STYLE = "fill='none' stroke='#57606a'"


def text(x, y, words, anchor="middle", more=""):
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}' {more}>{html.escape(words)}</text>"


def svg(width, height, body):
    return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
            f"viewBox='0 0 {width} {height}' {FONT}>\n"
            "<defs><marker id='tip' markerWidth='8' markerHeight='8' refX='7' refY='4' orient='auto'>"
            "<path d='M0,0 L8,4 L0,8 z' fill='#57606a'/></marker></defs>\n"
            f"<rect width='{width}' height='{height}' fill='white'/>\n" + "\n".join(body) + "\n</svg>\n")


def sequence(names, lines):
    gap, left, top = 220, 110, 60
    place = {name: left + index * gap for index, name in enumerate(names)}
    body, y = [], top + 30
    for line in lines:
        if line.startswith("-- "):
            y += 6
            body.append(text(10, y, line[3:], "start", "font-style='italic' fill='#57606a'"))
            y += 26
            continue
        who, words = (part.strip() for part in line.split(":", 1))
        if "->" not in who:
            rows = textwrap.wrap(words, 26)
            x = place[who]
            body.append(f"<rect x='{x - 102}' y='{y - 12}' width='204' height='{len(rows) * 16 + 10}' rx='4' "
                        "fill='#f6f8fa' stroke='#d0d7de'/>")
            body += [text(x, y + 5 + 16 * row, words) for row, words in enumerate(rows)]
            y += len(rows) * 16 + 22
            continue
        start, end = (place[name.strip()] for name in who.split("->"))
        rows = textwrap.wrap(words, max(26, abs(end - start) // 8))
        body += [text((start + end) / 2, y + 16 * row, words) for row, words in enumerate(rows)]
        y += 16 * len(rows) - 8
        body.append(f"<line x1='{start}' y1='{y}' x2='{end}' y2='{y}' stroke='#57606a' marker-end='url(#tip)'/>")
        y += 28
    heads = [f"<line x1='{x}' y1='{top}' x2='{x}' y2='{y}' {STYLE} stroke-dasharray='3 4'/>"
             for x in place.values()]
    heads += [f"<rect x='{x - 90}' y='{top - 40}' width='180' height='32' rx='4' fill='#ddf4ff' stroke='#54aeff'/>"
              + text(x, top - 19, name, more="font-weight='bold'") for name, x in place.items()]
    return svg(left * 2 + gap * (len(names) - 1), y + 10, heads + body)


def layers(lines):
    width, left, body, y = 980, 150, [], 16
    for line in lines:
        title, boxes = line.split(":", 1)
        boxes = [box.strip() for box in boxes.split("|")]
        size = (width - left - 16) / len(boxes)
        rows = [textwrap.wrap(box.partition(" / ")[2], int(size // 7)) for box in boxes]
        height = 34 + 16 * max(len(lines) for lines in rows)
        body.append(text(12, y + height / 2 + 4, title, "start", "fill='#57606a'"))
        for index, box in enumerate(boxes):
            x = left + index * size
            body.append(f"<rect x='{x}' y='{y}' width='{size - 10}' height='{height}' rx='4' fill='#f6f8fa' stroke='#57606a'/>")
            body.append(text(x + size / 2 - 5, y + 21, box.partition(" / ")[0], more="font-weight='bold'"))
            body += [text(x + size / 2 - 5, y + 38 + 16 * row, words, more="font-size='12'")
                     for row, words in enumerate(rows[index])]
        y += height + 14
    return svg(width, y, body)


def draw(source):
    first, *lines = [line for line in source.splitlines() if line.strip()]
    kind, _, rest = first.partition(" ")
    return sequence([name.strip() for name in rest.split(",")], lines) if kind == "sequence" else layers(lines)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        path.with_suffix(".svg").write_text(draw(path.read_text(encoding="utf-8")), encoding="utf-8")
