"""Line and bar charts as SVG, readable on light and dark pages."""

import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 380, 76, 150, 40, 48
COLOURS = {"straight TLS": "#8a8f98", "straight plain": "#c3a24a", "sidecar": "#d2382d", "Envoy": "#7a5bd0",
           "1 worker": "#d2382d", "2 workers": "#3b7dd8"}
STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:14px;font-weight:600}"
    ".grid{stroke:#8884;stroke-width:1}path{fill:none;stroke-width:2}"
    "@media (prefers-color-scheme:dark){text{fill:#ccc}}</style>"
)


def lines(title, across, up, series):
    """One line for each of `series` ({name: {x: y}}), both axes logarithmic."""
    xs = sorted({x for way in series.values() for x in way})
    ys = [y for way in series.values() for y in way.values() if y > 0]
    low, high = 10 ** math.floor(math.log10(min(ys))), max(ys) * 1.15
    place_x = lambda x: LEFT + scaled(x, xs[0], xs[-1]) * (WIDTH - LEFT - RIGHT)
    place_y = lambda y: HEIGHT - BOTTOM - scaled(y, low, high) * (HEIGHT - TOP - BOTTOM)
    parts = [text(LEFT, 22, title, "title"), text(WIDTH - RIGHT, HEIGHT - 10, across, anchor="end"),
             text(8, TOP - 6, up)]
    for y in ticks(low, high):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place_y(y):.1f}" y2="{place_y(y):.1f}"/>')
        parts.append(text(LEFT - 6, place_y(y) + 4, short(y), anchor="end"))
    parts += [text(place_x(x), HEIGHT - BOTTOM + 18, short(x, 1024 if xs[-1] > 1e6 else 1000), anchor="middle") for x in xs]
    labels = []
    for name, way in series.items():
        spots = [(place_x(x), place_y(y)) for x, y in sorted(way.items()) if y > 0]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        parts.append(f'<path stroke="{COLOURS[name]}" d="{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in spots]
        labels.append((spots[-1][1], name))
    return svg(parts + beside(labels))


def beside(labels):
    """The names at the ends of their lines, apart enough to be read."""
    parts, last = [], -math.inf
    for y, name in sorted(labels):
        last = max(y, last + 15)
        parts.append(text(WIDTH - RIGHT + 8, last + 4, name, colour=COLOURS[name]))
    return parts


def bars(title, series):
    """Bars in groups: {name: {group: value}}, with a line at 1."""
    groups = list(next(iter(series.values())))
    high = max(1.0, *(value for way in series.values() for value in way.values())) * 1.1
    place_y = lambda value: HEIGHT - BOTTOM - value / high * (HEIGHT - TOP - BOTTOM)
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    wide = room * 0.8 / len(series)
    parts = [text(LEFT, 22, title, "title")]
    for step in range(int(high / 0.25) + 1):
        y = place_y(step * 0.25)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, y + 4, f"{step * 0.25:.2f}", anchor="end"))
    for number, group in enumerate(groups):
        start = LEFT + room * (number + 0.1)
        parts.append(text(start + room * 0.4, HEIGHT - BOTTOM + 18, group, anchor="middle"))
        for place, (name, way) in enumerate(series.items()):
            top = place_y(way[group])
            parts.append(f'<rect x="{start + place * wide:.1f}" y="{top:.1f}" width="{wide - 2:.1f}" '
                         f'height="{HEIGHT - BOTTOM - top:.1f}" fill="{COLOURS[name]}"/>')
    return svg(parts + [text(WIDTH - RIGHT + 8, TOP + 20 * place, name, colour=COLOURS[name])
                        for place, name in enumerate(series)])


def scaled(value, low, high):
    return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))


def ticks(low, high):
    """1, 2 and 5 of each power of ten; powers alone where there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(powers) > 3 else (1, 2, 5)
    return [step * 10**power for power in powers for step in steps if low <= step * 10**power <= high]


def short(value, base=1000):
    for unit, name in ((base**2, "M"), (base, "k")):
        if value >= unit:
            return f"{value / unit:.4g}{name}"
    return f"{value:.4g}"


def text(x, y, said, kind="", anchor="start", colour=""):
    kind = f' class="{kind}"' if kind else ""
    colour = f' style="fill:{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{colour}>{escape(said)}</text>'


def svg(parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"
