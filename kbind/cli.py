"""The command line: `kbind` with `init`, `check`, `report`, `verify`, `notebooks` and `template`.

Exit codes: 0 done; 1 the report, a chapter of it, notebooks or the template could not be written, a number of a report
is not its fact, or there was no room for temporary files; 2 the data or the command is not usable; 130 interrupted
(Ctrl-C), 143 ended by SIGTERM, 129 by the end of its terminal.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from kbind._version import __version__
from kbind.errors import ArgumentError, DatasetError, KbindError, NotEnoughData

_INTERRUPTED = 130
#: Arguments of the library that are options of the command.
_OPTIONS = ("table", "timezone", "as_of", "grace", "lapse", "ends", "period", "threshold", "chapters", "lang", "out",
            "reasons")  # fmt: skip

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


class Languages(StrEnum):
    """What `--lang` takes."""

    de = "de"
    en = "en"
    both = "both"


class Language(StrEnum):
    """What `--lang` takes where there is one language only."""

    de = "de"
    en = "en"


Table = Annotated[str | None, typer.Option(help="Which table a single file or folder of Parquet parts is: events, ...")]
Timezone = Annotated[str | None, typer.Option(help="Time zone of the calendar, such as Europe/Berlin.")]
AsOf = Annotated[str | None, typer.Option(help="Moment up to which the data is complete: 2024-01-01.")]
Grace = Annotated[str | None, typer.Option(help="How late a contract may follow another: 1D, 2W. Default: 1D.")]
Lapse = Annotated[str | None, typer.Option(help="How long customers without contract may be silent: 56D, 8W.")]
Ends = Annotated[str | None, typer.Option(help="Last day of a contract (inclusive) or the day after (exclusive).")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kbind {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done; 1 the report, a chapter, notebooks or a template could not be written, or no room, or "
    "verify found something; "
    "2 the data or the command is not usable; 130 interrupted, 143 ended by SIGTERM, 129 by the end of its terminal."
)
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Customer-retention research: how many customers stay, and what binds them."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(readable=False, help="A folder with exports: CSV, Parquet, .xlsx.")],
    yes: Annotated[bool, typer.Option("--yes", help="Write kbind.yaml without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a kbind.yaml that is there.")] = False,
    exports: Annotated[
        Path | None, typer.Option(readable=False, help="A folder with recognisers of your own; see docs/own-data.md.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What stands above a report.")] = None,
    timezone: Timezone = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the amounts, such as EUR.")] = None,
    as_of: AsOf = None,
    date_order: Annotated[str | None, typer.Option(help="What 1/2/2024 is: dmy or mdy.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign: . or , (only where no value settles it).")] = None,
    ends: Ends = None,
) -> None:
    """Look at exports, propose a kbind.yaml with reasons and with what it can answer, and write it after a yes."""
    from kbind.dataset.answers import anything
    from kbind.dataset.config import CONFIG_NAME
    from kbind.exports.proposal import check_new, propose, write

    check_new(folder / CONFIG_NAME, force=force)
    said = {"title": title, "timezone": timezone, "currency": currency, "as_of": as_of, "date_order": date_order}
    proposal = propose(folder, exports=exports, **said, decimal=decimal, ends=ends)
    typer.echo(proposal)
    if proposal.data is None:
        typer.echo("\nAn option settles what is open (kbind init --help), or edit kbind.yaml once it is written.")
    if not yes and not sys.stdin.isatty():
        typer.echo("\nNothing is written yet; kbind init --yes writes it.")
    elif yes or typer.confirm("\nWrite kbind.yaml?"):
        typer.echo(f"\nWritten: {write(proposal, force=force)}")
        ready = proposal.data is not None and anything(proposal.data)
        typer.echo(
            f"Next: kbind report --data {folder}" if ready else f"Next: complete kbind.yaml; kbind check {folder}"
        )
    if proposal.data is None:
        raise typer.Exit(2)


@app.command()
def check(
    source: Annotated[
        Path,
        typer.Argument(
            readable=False,
            help="A folder of CSV, Parquet or Excel files, one file, a filled template, or a DuckDB file.",
        ),
    ],
    table: Table = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    grace: Grace = None,
    lapse: Lapse = None,
    ends: Ends = None,
) -> None:
    """Check a company's data: print an overview and what each column means, or every problem and exit with 2."""
    from kbind.dataset.answers import answers, anything
    from kbind.dataset.describe import describe
    from kbind.dataset.opening import open_dataset

    data = open_dataset(source, table=table, timezone=timezone, as_of=as_of, grace=grace, lapse=lapse, ends=ends)
    following = f"kbind report --data {source}" if anything(data) else "add what is needed; docs/own-data.md says how"
    typer.echo(f"{data}\n\n{describe(data)}\n\n{answers(data)}\n\nNext: {following}")


@app.command()
def report(
    data: Annotated[Path | None, typer.Option(readable=False, help="As for check; default: the example data.")] = None,
    table: Table = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    grace: Grace = None,
    lapse: Lapse = None,
    ends: Ends = None,
    period: Annotated[str | None, typer.Option(help="day, week, month, quarter, year. Default: what fits.")] = None,
    out: Annotated[Path, typer.Option(readable=False, help="Folder to write to.")] = Path("reports"),
    lang: Annotated[Languages, typer.Option(help="Language of the pages.")] = Languages.both,
    chapters: Annotated[str, typer.Option(help="Chapters, separated by commas: 01,02. Default: all.")] = "",
    threshold: Annotated[int, typer.Option(help="Smallest number of customers that is shown.")] = 5,
    compare: Annotated[
        Path | None, typer.Option(readable=False, help="facts.json of an earlier report: tells what has changed.")
    ] = None,
    lists: Annotated[
        Path | None,
        typer.Option(readable=False, help="Folder outside of --out for lists of customers, as CSV and XLSX."),
    ] = None,
    internal: Annotated[
        Path | None,
        typer.Option(readable=False, help="File outside of --out for exact facts: for those inside the company."),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print each language as one PDF, too; needs Chromium or Chrome.")
    ] = False,
) -> None:
    """Write the report for managers: a summary on one page and a page per chapter, in each language."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    from kbind.report.write import write_report

    console = Console(stderr=True, highlight=False)
    chosen = _several("chapters", chapters)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        task = display.add_task("Opening the data", total=None)

        def progress(what: str, done: float, total: float) -> None:
            ended = re.match(r"\S+ (written|failed)", what)
            display.update(task, description=f"Chapter {ended[0] if ended else what}", completed=done, total=total)
            if ended:
                console.print(f"Chapter {what}", markup=False, soft_wrap=True)

        index = write_report(
            data,
            table=table,
            timezone=timezone,
            as_of=as_of,
            grace=grace,
            lapse=lapse,
            ends=ends,
            period=period,
            out=out,
            lang=lang.value,
            chapters=chosen,
            threshold=threshold,
            compare=compare,
            lists=lists,
            internal=internal,
            pdf=pdf,
            progress=progress,
        )
    typer.echo(f"Written: {index}")
    if lists is not None:
        typer.echo(f"Written: lists of customers in {lists}")
    if internal is not None:
        typer.echo(f"Written: exact facts, not to be handed on, in {internal}")


@app.command()
def verify(
    reports: Annotated[Path, typer.Argument(readable=False, help="The folder of a report.")],
    data: Annotated[
        Path | None, typer.Option(readable=False, help="Compute the facts from this data once more, as for report.")
    ] = None,
    table: Table = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    grace: Grace = None,
    lapse: Lapse = None,
    ends: Ends = None,
    period: Annotated[str | None, typer.Option(help="As the report was written with.")] = None,
) -> None:
    """Check that every number on the pages of a report is its fact; exit with 1 and a line for each that is not."""
    from kbind.report.verify import recomputed
    from kbind.report.verify import verify as verified

    found = verified(reports)
    findings = list(found.findings)
    if data is not None:
        declared = {"table": table, "timezone": timezone, "as_of": as_of, "grace": grace, "lapse": lapse, "ends": ends}
        findings += recomputed(reports, data, period=period, **declared)
    for finding in findings:
        typer.echo(finding)
    typer.echo(f"{found.numbers:,} numbers on {found.pages} pages, " +
               (f"{len(findings)} findings" if findings else "each is its fact"))  # fmt: skip
    if findings:
        raise typer.Exit(1)


@app.command()
def notebooks(
    data: Annotated[Path, typer.Option(readable=False, help="As for check.")],
    table: Table = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    grace: Grace = None,
    lapse: Lapse = None,
    ends: Ends = None,
    out: Annotated[Path, typer.Option(readable=False, help="Folder to write to.")] = Path("notebooks"),
    lang: Annotated[Language, typer.Option(help="Language of the managers' pages.")] = Language.en,
    force: Annotated[bool, typer.Option("--force", help="Replace notebooks of that name.")] = False,
) -> None:
    """Write the notebooks for a company's own data: what it cannot answer is left out, the rest runs."""
    from kbind.report.notebooks import write_notebooks

    declared = {"table": table, "timezone": timezone, "as_of": as_of, "grace": grace, "lapse": lapse, "ends": ends}
    for path in write_notebooks(data, out=out, lang=lang.value, force=force, **declared):
        typer.echo(f"Written: {path}")


@app.command()
def template(
    path: Annotated[Path, typer.Argument(readable=False, help="The workbook to write: churn-rate.xlsx.")],
    lang: Annotated[Language, typer.Option(help="Language of the workbook.")] = Language.en,
    reasons: Annotated[str, typer.Option(help="Reasons why customers leave, separated by commas. Default: six.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Write a workbook to fill in customers, revenue and reasons by period; `report --data` reads it back."""
    from kbind.report.template import write_template

    given = _several("reasons", reasons)
    typer.echo(f"Written: {write_template(path, lang=lang.value, reasons=given or None, force=force)}")


def _several(option: str, text: str) -> list[str]:
    """What stands between commas."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if text and not found:
        raise ArgumentError(f"{option}={text!r} names nothing; allowed: names, separated by commas")
    return found


def main() -> None:
    """Run the command line; every error is a message and an exit code, never a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no emoji gets their numbers
    ended = _end_like_interrupts()
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            _fail("interrupted; an earlier report is unchanged", 128 + ended[0] if ended else code)
        sys.exit(code)
    except TyperException as error:
        _fail(f"{error.format_message()}\nTry: kbind --help" if hasattr(error, "format_message") else str(error), 2)
    except DatasetError as error:
        count = len(error.problems)
        _fail(f"{count} problem{'s' if count > 1 else ''} in the data:\n{error}", 2)
    except (ArgumentError, NotEnoughData) as error:
        _fail(str(error), 2)
    except KbindError as error:
        _fail(str(error), 1)
    except Exception as error:
        if os.environ.get("KBIND_DEBUG"):
            raise
        _fail(f"unexpected {type(error).__name__}: {error}; KBIND_DEBUG=1 shows where", 1)


def _spoken(message: str) -> str:
    """A message about arguments as one about options, or about keys where it is of `kbind.yaml`."""
    lines = []
    for line in message.splitlines():
        mine = line.startswith("kbind.yaml")
        for name in _OPTIONS:
            said = f"{name}: " if mine else f"--{name.replace('_', '-')} "
            line = re.sub(rf"\b{name}=(?=['\"\d.-])", said, line)
        lines.append(line)
    return "\n".join(lines)


def _end_like_interrupts() -> list[int]:
    """Let signals that end a process do it as Ctrl-C does, so that nothing is left behind; returns those that came."""
    ended: list[int] = []

    def end(number: int, _: object) -> None:
        ended.append(number)
        for name in names:  # while things are put away, nobody interrupts
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP")
             if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL]  # fmt: skip
    for name in names:
        signal.signal(getattr(signal, name), end)
    return ended


def _fail(message: str, code: int) -> None:
    typer.echo(_spoken(message), err=True)
    sys.exit(code)
