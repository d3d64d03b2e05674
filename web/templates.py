"""Pages from `web/templates`: everything is escaped, and a name that is not there is an error."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from web import wording
from web.viewer import csrf_of, known_viewer


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
            "duration": wording.duration,
            "hours": wording.hours,
            "month": wording.month,
            "moment": wording.moment,
            "share": wording.share,
            "timed": wording.timed,
        }

    def render(self, name: str, **values: object) -> Markup:
        """The HTML of one template."""
        return Markup(self._environment.get_template(name).render(values))  # noqa: S704 - escaped by the template

    def page(
        self,
        request: HTTPConnection,
        name: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> HTMLResponse:
        """One template as a response. It gets `viewer`, who looks at it (None: nobody), and the `csrf` of forms too."""
        shown = self.render(name, viewer=known_viewer(request), csrf=csrf_of(request), **values)
        return HTMLResponse(shown, status, dict(headers or {}))
