"""Pages that the programs print are committed as they print them (`make docs`)."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ("flow.md", "states.md", "config.md", "metrics.md", "errors.md", "man/trienctl.1")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([ROOT / "docs/generate.sh", ROOT / "build/release", folder], check=True)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_page_is_as_the_programs_print_it(printed, page):
    assert (ROOT / "docs" / page).read_text() == (printed / page).read_text(), "run `make docs` and commit"


def test_manual_page_names_every_command():
    source = (ROOT / "services/trienctl/main.c").read_text()
    header = (ROOT / "services/trienctl/trienctl.h").read_text()
    page = (ROOT / "docs/man/trienctl.1").read_text()
    for line in header.splitlines():
        if line.startswith("int cmd_"):
            name = line.removeprefix("int cmd_").partition("(")[0]
            assert f"cmd_{name}," in source
            assert ".B " + name.replace("_", "\\-") in page, name


def test_each_decision_has_a_number_of_its_own():
    """0021-some-words.md begins with `# 21. `, and no other does."""
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(r.name[:4]) for r in records]
    assert len(set(numbers)) == len(numbers), "a number stands twice"
    assert [r.name for r in records if not r.read_text().startswith(f"# {int(r.name[:4])}. ")] == []
