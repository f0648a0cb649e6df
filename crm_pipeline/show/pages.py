"""HTML pages that need nothing else: no network, no scripts, every picture within the page.

Each room has its markup in a folder `templates` of its own, beside those that all rooms share; what is filled in is
escaped.
"""

import base64
import functools
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def filled(package: str, template: str, **values: Any) -> Markup:
    """Return a template of a package, or one that all share, with values filled in."""
    return Markup(_templates(package).get_template(template).render(values))  # noqa: S704


def picture(title: str, svg: str) -> Markup:
    """Return a plot as an image of its own: two plots in one page may name their parts alike."""
    return filled(__package__, "picture.html", title=title, url=data_url(svg))


def data_url(svg: str) -> str:
    """Return a plot as a URL that holds all of it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


@functools.cache
def _templates(package: str) -> Environment:
    loaders = [PackageLoader(name) for name in dict.fromkeys((package, __package__))]
    return Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
