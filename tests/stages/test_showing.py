"""Results show themselves in a notebook as the tables that the command line prints."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import octavo
from octavo.cli.terminal import show_tables
from octavo.showing import Table, as_html

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
RESULTS = (
    "conversion",
    "plan",
    "comparison",
    "inspection",
    "evaluation",
    "diagnosis",
    "blame",
    "benchmark",
    "departures",
)


@pytest.fixture(scope="module")
def results():
    made = octavo.convert(DIGITS / "saved_model", recipe="int8", samples=DIGITS / "calibration.npz")
    samples = DIGITS / "calibration.npz"
    return {
        "conversion": made,
        "plan": made.plan,
        "comparison": octavo.compare(made.reference, made, samples),
        "inspection": octavo.inspect(made),
        "evaluation": octavo.evaluate(made, DIGITS / "held_out.npz"),
        "diagnosis": octavo.debug(made, samples=samples, most=2),
        "blame": octavo.blame(made, samples=samples, most=2),
        "benchmark": octavo.benchmark(made, rounds=3),
        "departures": octavo.off_target(made, "gpu"),
    }


class Cells(HTMLParser):
    """The text of each row's cells; tags must close in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        del attrs
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


@pytest.mark.parametrize("name", RESULTS)
def test_a_notebook_shows_every_cell_that_the_result_has_to_tell(name, results):
    tables = [table for table in results[name].tables() if table.rows]
    heads = {id(table): [[column.lstrip(">") for column in table.columns]] if table.columns else [] for table in tables}
    told = [row for table in tables for row in (*heads[id(table)], *map(list, table.rows))]
    assert told
    assert Cells(results[name]._repr_html_()).rows == told


@pytest.mark.parametrize("name", RESULTS)
def test_the_colours_are_those_of_the_page_around_them_whether_light_or_dark(name, results):
    styles = re.findall(r'style="([^"]*)"', results[name]._repr_html_())
    colours = {value for style in styles for value in re.findall(r"(?:^|;)(?:color|background):([^;]+)", style)}
    assert colours == {"inherit", "none"}
    assert {found for style in styles for found in re.findall(r"#\w+", style)} == {"#8884"}  # grey, half transparent


@pytest.mark.parametrize("name", RESULTS)
def test_the_command_line_prints_the_same_tables(name, results, capsys):
    tables = [table for table in results[name].tables() if table.rows]
    show_tables(tables)
    printed = capsys.readouterr().out
    assert all(table.title in printed for table in tables)
    assert all(row[0][:8] in printed for table in tables for row in table.rows)


def test_what_a_layer_is_called_is_never_markup():
    shown = as_html([Table("<b>", ("layer", ">x"), [("</td><script>alert(1)</script>&", "1")])])
    assert "<script" not in shown
    assert "<b>" not in shown
    assert Cells(shown).rows[1] == ["</td><script>alert(1)</script>&", "1"]


def test_a_table_without_rows_is_not_shown():
    assert as_html([Table("Causes", ("layer",), [])]) == ""
