"""One page a run: everything it shows is inside the file."""

import base64
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgen import files
from jaxgen.errors import InputError
from jaxgen.progress import Progress
from jaxgen.report import opening
from jaxgen.report.extras import require
from jaxgen.report.run import Run, keeps_records, naming_arrays, read_run
from jaxgen.report.specs import check_own
from jaxgen.report.wording import said
from jaxgen.run_files import shown

if TYPE_CHECKING:
    from jaxgen.report.gallery import Shown
    from jaxgen.report.kinds.base import FigureSpec, Pictures
    from jaxgen.report.plate import Plate

__all__ = ["render", "write_file", "write_page"]

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(run: Path, *, progress: Progress | None = None) -> Path:
    """Draws the figures of a run and writes its page.

    Every figure for which the run has the data goes to `figures/NAME.png`, and all of
    them, light and dark, into `index.html`, which needs no other file and no network.
    Each file is replaced whole, so this may be called while a page is open.

    Args:
      run: the run's folder, see `jaxgen.report.run.read_run`.
      progress: it is called before each figure is drawn.

    Returns:
      The page, `index.html` in the run's folder.

    Raises:
      InputError: the folder holds no run, one of its files is damaged, it cannot be
        written to, or a package that drawing needs is missing.
    """
    require("matplotlib", "jinja2", "PIL")
    # Only now: `import jaxgen` must work where these packages are missing.
    from jaxgen.report import explorer, gallery
    from jaxgen.report.evaluation import section

    run = Path(run)
    content = read_run(run)
    figures, later = gallery.figures(content), gallery.evaluation_figures(content)
    drawn = _draw(content, [*figures, *later], progress or (lambda *_: None))
    figures, evaluated = drawn[: len(figures)], drawn[len(figures) :]
    with naming_arrays(content):
        explored = explorer.explorer(content)
    html = render(
        "page.html",
        title=content.config.get("title") or run.resolve().name,
        claim=content.config.get("claim", ""),
        experiment=content.config.get("experiment", ""),
        name=run.resolve().name,
        numbers=opening.numbers(content),
        verdict=opening.verdict(content),
        explorer=explored,
        findings=_findings(content),
        figures=figures,
        evaluation=section.section(content),
        evaluation_figures=evaluated,
        commands=_commands(content),
        tables=_tables(content),
    )
    page = run / "index.html"
    write_file(page, html.encode("utf-8"))
    return page


def render(template: str, **context: Any) -> str:
    """Fills a template in.

    Args:
      template: the name of its file.
      **context: what it shows; a text never becomes markup.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(context)


def write_file(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, never a part.

    Args:
      path: where to; the folder is made where it is missing.
      content: all of the file.

    Raises:
      InputError: the place cannot be written to.
    """
    try:
        files.write_whole(path, content)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}; give a run in a folder that "
            "you may write to."
        ) from error


def _draw(run: Run, figures: "list[Shown]", progress: Progress) -> list[dict[str, Any]]:
    shown = []
    check_own(run.path / "figures")
    for number, (name, source, figure) in enumerate(figures, start=1):
        progress("drawing figures", number, len(figures))
        with naming_arrays(run, source):
            drawn = _pictures_of(run, source, figure)
        write_file(run.path / "figures" / f"{name}.png", drawn.png)
        if drawn.svg:
            write_file(run.path / "figures" / f"{name}.svg", drawn.svg)
        # A PNG file tells its size in the first chunk.
        width, height = struct.unpack(">II", drawn.png[16:24])
        shown.append(
            {
                "figure": figure,
                "name": name,
                "number": number,
                "width": width,
                "height": height,
                "kind": drawn.kind,
                "light": base64.b64encode(drawn.light).decode("ascii"),
                "dark": base64.b64encode(drawn.dark).decode("ascii"),
            }
        )
    return shown


def _pictures_of(run: Run, source: str, figure: "FigureSpec | Plate") -> "Pictures":
    try:
        return figure.pictures()
    except InputError as error:
        raise InputError(f"{run.path / source}: {error}") from error


def _commands(run: Run) -> list[dict[str, str]]:
    command = run.config.get("command", "")
    commands = []
    if command:
        commands.append({"title": "Run it again", "text": command})
        if keeps_records(run.config) and "--resume" not in command.split():
            resume = f"{command} --resume"
            commands.append({"title": "Go on where it stopped", "text": resume})
    # From the folder that holds runs/, as the experiments name their results.
    place = run.path.resolve().parts[-3:]
    if place[0] == "runs":
        redraw = f"python -m jaxgen.report {'/'.join(place)}"
        commands.append({"title": "Draw this page again", "text": redraw})
    return commands


def _findings(run: Run) -> list[Mapping[str, Any]]:
    """The tables of `summary.json`: title, note, columns, rows of cells as texts.

    The first `words` columns hold words, the others numbers.
    """
    tables = run.summary.get("tables", [])
    if not isinstance(tables, list):
        raise opening.damaged(run, f"its tables are {shown(tables)}, not a list")
    for table in tables:
        if not _is_table(table):
            raise opening.damaged(
                run,
                "a table needs title and note, texts; columns, a list of texts; rows, "
                "lists of as many; and words, a whole number",
            )
    return tables


def _is_table(table: Any) -> bool:
    if not isinstance(table, Mapping):
        return False
    title, note, columns, rows, words = (
        table.get(name) for name in ("title", "note", "columns", "rows", "words")
    )
    return (
        isinstance(title, str)
        and isinstance(note, str)
        and type(words) is int
        and isinstance(columns, list)
        and bool(columns)
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )


def _tables(run: Run) -> list[dict[str, Any]]:
    shown_above = ("results", "tables", "claim")
    measured = {key: run.summary[key] for key in run.summary if key not in shown_above}
    tables = {
        "Configuration": run.config.get("config"),
        "Environment": run.config.get("environment"),
        "Also measured": measured,
    }
    return [
        {"title": title, "rows": [(str(k), said(v)) for k, v in rows.items()]}
        for title, rows in tables.items()
        if isinstance(rows, Mapping) and rows
    ]
