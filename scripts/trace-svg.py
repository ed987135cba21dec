#!/usr/bin/env python3
"""Draws a part of a trace of `extreq boot --trace FILE` or `demo --trace FILE` as an SVG picture, for documents.

trace-svg.py TRACE OUT.svg [--around NAME] [--nth N] [--margin SHARE] [--next COUNT] [--title TEXT]
The part is that of the N-th span of this name and of COUNT more of the same name after it, with a
margin on both sides. One band for each track that has something in it; what overlaps within a track
stands in lines of its own. Spans too narrow for their name have it on their right side.
"""

import argparse
import html
import json
import pathlib
import sys

WIDTH, LEFT, RIGHT = 1000, 170, 30
LINE, GAP, TOP, AXIS = 24, 12, 46, 30
WIDE = 160  # a box from here on has its name inside, cut if need be
CHARACTER = 6.7  # of the names' font, at the widest
COLOURS = ("#8e6bbf", "#3b78c2", "#c2571f", "#2e8b57", "#8a6d3b", "#b0304f")


def spans_of(events):
    return sorted((event for event in events if event["ph"] == "X"), key=lambda event: event["ts"])


def track_names(events):
    return {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}


def window(spans, name, nth, following, margin):
    wanted = [span for span in spans if span["name"] == name]
    if len(wanted) < nth + following:
        sys.exit(f"{len(wanted)} spans are named {name!r}, {nth + following} are needed")
    first, last = wanted[nth - 1], wanted[nth - 1 + following]
    start, end = first["ts"], last["ts"] + last["dur"]
    room = margin * (end - start)
    return start - room, end + room


def label_of(span):
    detail = span.get("args", {}).get("detail")
    return f"{span['name']}: {detail}" if detail else span["name"]


def shortened(text, width):
    room = int(width / CHARACTER)
    return text if len(text) <= room else text[: room - 1] + "…"


class Band:
    """The spans of one track, in as many lines as they need."""

    def __init__(self):
        self.lines = []  # for each: (the x where it is free, its boxes)

    def add(self, span, left, right):
        label = label_of(span)
        if right - left >= WIDE:
            label = shortened(label, right - left - 8)
        text = CHARACTER * len(label)
        inside = text + 8 <= right - left
        # A name that does not fit stands to the right of its box or, at the picture's edge, to its left.
        after = not inside and right + 6 + text <= WIDTH - RIGHT
        taken_from = left if inside or after else left - text - 6
        taken_to = right + 6 + text if after else right
        for line in self.lines:
            if line["free"] <= taken_from:
                break
        else:
            line = {"free": 0.0, "boxes": []}
            self.lines.append(line)
        line["free"] = taken_to + 6
        line["boxes"].append((left, right, label, "inside" if inside else "after" if after else "before"))


def unit_of(length):
    return (1000.0, "ms") if length >= 5000 else (1.0, "µs")


def ticks(length):
    """Round distances from the start, at most eight."""
    step = 1.0
    while length / step > 8:
        digit = str(step)[0]
        step *= 2.5 if digit == "2" else 2
    return [step * number for number in range(int(length / step) + 1)]


def draw(events, start, end, title):
    scale = (WIDTH - LEFT - RIGHT) / (end - start)
    bands = {}
    for span in spans_of(events):
        if span["ts"] + span["dur"] < start or span["ts"] > end:
            continue
        left = LEFT + scale * max(0.0, span["ts"] - start)
        right = LEFT + scale * (min(end, span["ts"] + span["dur"]) - start)
        bands.setdefault(span["tid"], Band()).add(span, left, max(right, left + 1.5))
    background, out, y = [], [], TOP
    for track in sorted(bands):
        height = LINE * len(bands[track].lines)
        who, _, what = track_names(events)[track].partition(": ")
        background.append(f'<rect x="0" y="{y - 4}" width="{WIDTH}" height="{height + 8}" fill="#f4f4f6"/>')
        out.append(f'<text x="10" y="{y + 15}"><tspan font-weight="bold">{html.escape(who)}</tspan> {html.escape(what)}</text>')
        for number, line in enumerate(bands[track].lines):
            top = y + LINE * number
            for left, right, label, where in line["boxes"]:
                out.append(f'<rect x="{left:.1f}" y="{top + 2}" width="{right - left:.1f}" height="{LINE - 4}" rx="2" '
                           f'fill="{COLOURS[track % len(COLOURS)]}"/>')
                x, anchor, fill = {"inside": (left + 4, "start", "#ffffff"), "after": (right + 5, "start", "#222222"),
                                   "before": (left - 5, "end", "#222222")}[where]
                out.append(f'<text x="{x:.1f}" y="{top + 16}" text-anchor="{anchor}" fill="{fill}">{html.escape(label)}</text>')
        y += height + GAP
    factor, unit = unit_of(end - start)
    axis = []
    for tick in ticks((end - start) / factor):
        x = LEFT + scale * tick * factor
        axis.append(f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{y}" stroke="#bbbbbb" stroke-dasharray="2 3"/>')
        axis.append(f'<text x="{x:.1f}" y="{y + 16}" text-anchor="middle" fill="#555555">{tick:g} {unit}</text>')
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + AXIS}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{y + AXIS}" fill="#ffffff"/>',
        f'<text x="10" y="24" font-size="15" font-weight="bold">{html.escape(title)}</text>',
        *background, *axis, *out, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trace")
    parser.add_argument("picture")
    parser.add_argument("--around", default="extended guest request")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--next", type=int, default=0)
    parser.add_argument("--margin", type=float, default=0.25)
    parser.add_argument("--title", default="extreq boot --trace")
    options = parser.parse_args()
    events = json.loads(pathlib.Path(options.trace).read_text())
    start, end = window(spans_of(events), options.around, options.nth, options.next, options.margin)
    pathlib.Path(options.picture).write_text(draw(events, start, end, options.title))


if __name__ == "__main__":
    main()
