"""HTML pages that need nothing else: no network, no scripts, every picture within the page."""

import base64
from html import escape

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 sans-serif; color: #222222; max-width: 64em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; } td, th { padding: .15em .9em .15em 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; }
img, svg { max-width: 100%; height: auto; } .ok { color: #2f6b3a; } .not { color: #a23b22; } pre { overflow-x: auto; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """Return a whole page; `style` is added to the style that all pages share."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>\n<body>{body}</body></html>\n"
    )


def picture(title: str, svg: str) -> str:
    """Return a plot as an image of its own: two plots in one page may name their parts alike."""
    return f'<img alt="{escape(title)}" src="{data_url(svg)}">'


def data_url(svg: str) -> str:
    """Return a plot as a URL that holds all of it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
