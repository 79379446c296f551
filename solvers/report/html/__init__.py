"""A comparison as one HTML file: offline, on a phone, in the dark, by keyboard and by screen reader.

- `page`: puts it together (`write_html`); `templates`: the page's markup, styles and script.
- `task`: what is shown of a task; `solver_view`: of a solver; `standings`: statistics; `tuning`: how settings were
  chosen; `tables`: the other tables.
- `chart`: the best design so far; `plane`: error against cost; `scale`, `layout`: axes, sizes; `marks`: the markers as paths.
- `designs`: designs with their blocks, PE array and costs; `why`: where latency and energy of a design go.
"""

from solvers.report.html.page import write_html
from solvers.report.html.task import CostPlane

__all__ = ["CostPlane", "write_html"]
