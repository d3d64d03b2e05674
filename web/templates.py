"""Pages from `web/templates`: everything is escaped, and a name that is not there is an error."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from web import wording


class Templates:
    """The templates with our filters. `banner` stands above every page."""

    def __init__(self, banner: str | None) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["banner"] = banner
        self._environment.filters |= {
            "average": wording.average,
            "count": wording.count,
            "day": wording.day,
            "hours": wording.hours,
            "moment": wording.moment,
        }

    def render(self, name: str, **values: object) -> Markup:
        """The HTML of one template."""
        return Markup(self._environment.get_template(name).render(values))  # noqa: S704 - escaped by the template

    def page(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
    ) -> HTMLResponse:
        """One template as a response."""
        return HTMLResponse(self.render(name, **values), status, dict(headers or {}))
