"""HTML pages from the templates of this room: one file each, which opens offline."""

from __future__ import annotations


def render_page(template: str, **values: object) -> str:
    """A page of `templates/`; every text in `values` is escaped.

    Args:
        template: its file name.
        values: what the template names; one that is missing is an error of jinja2's.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("photostyle.export"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)
