"""`trienctl audit estimate`: the command against the decision's printed figures, reckoned again in decimal."""
import csv
import io
import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("TRIEN_BUILD", ROOT / "build/release")) / "bin/trienctl"
PRICES = ROOT / "compose/prices-sample.csv"
COSTS = ("labour_days", "paper_reams", "toner_boxes", "notebooks", "pens", "laptop_hours", "printer_hours")


def estimate(*arguments, json_=False):
    return subprocess.run([TOOL, *(["--json"] if json_ else []), "audit", "estimate", *map(str, arguments)],
                          cwd="/", capture_output=True, text=True, timeout=60)


def document(*arguments):
    done = estimate(*arguments, json_=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def printed():
    """code → (grade, figures as printed; None where nothing is)."""
    rows = {}
    for line in (ROOT / "tests/unit/trienctl/data/norms-2433-printed.txt").read_text().splitlines():
        if not line.startswith("#"):
            code, grade, *figures = line.split()
            rows[code] = grade, [None if f == "-" else Decimal(f.replace(",", ".")) for f in figures]
    return rows


def sample_prices():
    with PRICES.open(encoding="utf-8") as file:
        return {row["cost"]: int(row["unit_price_vnd"]) for row in csv.DictReader(file) if row["part"] == "norm"}


def test_all_items_without_arguments():
    total = document()["total"]
    assert {k: Decimal(v) for k, v in total["quantities"].items()} == {
        "labour_days": Decimal("102.60"), "paper_reams": Decimal("1.818"), "toner_boxes": Decimal("0.6330"),
        "notebooks": Decimal("1.10"), "pens": Decimal("4.92"), "laptop_hours": Decimal("75.88"),
        "printer_hours": Decimal("6.1382")}
    assert (total["items"], total["odd_figures"]) == (35, 10)
    assert "amount_vnd" not in total


def test_each_item_is_priced_as_printed():
    prices, rows = sample_prices(), printed()
    items = {item["code"]: item for item in document("--prices", PRICES, "--authorities", 7)["items"]}
    assert list(items) == list(rows)
    for code, (grade, figures) in rows.items():
        item, amount = items[code], 0
        for cost, figure in zip(COSTS, figures):
            price = prices[f"labour_{grade[0]}" if cost == "labour_days" else cost]
            shown = item["quantities"][cost]
            assert (shown is None) == (figure is None), (code, cost)
            assert figure is None or Decimal(shown) == figure * 7, (code, cost)
            assert Decimal(item["amounts_vnd"][cost]) == (figure or 0) * 7 * price, (code, cost)
            amount += (figure or 0) * 7 * price
        assert Decimal(item["amount_vnd"]) == amount


def test_odd_figures_are_flagged_and_not_changed():
    with (ROOT / "services/audit/data/2433-2017/odd.csv").open(encoding="utf-8") as file:
        odd = {(row["code"], row["cost"]): row for row in csv.DictReader(file)}
    shown = {(item["code"], o["cost"]): (item, o) for item in document()["items"] for o in item["odd"]}
    assert shown.keys() == odd.keys()
    for key, (item, flag) in shown.items():
        assert (flag["printed"] or "") == odd[key]["printed"]
        assert item["quantities"][key[1]] == flag["printed"]
        assert Decimal(flag["likely"]) == Decimal(odd[key]["likely"])


def test_csv_agrees_with_json():
    arguments = "--items", "16.*,14.12", "--authorities", 3, "--prices", PRICES
    rows = list(csv.DictReader(io.StringIO(estimate(*arguments, "--csv").stdout)))
    want = document(*arguments)
    parts = [row["part"] for row in rows]
    assert parts.count("item") == 9 * 7 and parts.count("section") == 2 * 8 and parts.count("outside") == 3
    assert sum(Decimal(r["amount_vnd"]) for r in rows if r["part"] == "item") == Decimal(want["total"]["amount_vnd"])
    assert [r["amount_vnd"] for r in rows if r["part"] == "outside_total"] == [want["outside"]["amount_vnd"]]
    total = {r["cost"]: r["quantity"] for r in rows if r["part"] == "total" and r["cost"]}
    assert total == want["total"]["quantities"]
    pens, = [r for r in rows if r["code"] == "16.18" and r["cost"] == "pens"]
    assert (pens["quantity"], pens["amount_vnd"]) == ("", "0") and "trống" in pens["odd"]


def test_outside_costs_have_their_own_total():
    whole = document("--prices", PRICES, "--authorities", 2)
    assert whole["outside"]["amount_vnd"] == "47000000"
    assert Decimal(whole["total"]["amount_vnd"]) == sum(Decimal(i["amount_vnd"]) for i in whole["items"])
    text = estimate("--prices", PRICES, "--authorities", 2).stdout
    norm, _, outside = text.partition("Chi phí ngoài định mức")
    assert "67.071.604" in norm and "47.000.000" in outside and "47.000.000" not in norm
    assert "114.071.604" not in text  # never one sum of both


def test_table_for_people():
    text = estimate().stdout
    for words in ("102,60", "1,818", "0,6330", "75,88", "6,1382", "Tổng cộng 35 nội dung", "–*", "--prices"):
        assert words in text, words


@pytest.mark.parametrize("arguments, status", [
    (["--items", "99.11"], 64), (["--items", ""], 64), (["--authorities", "0"], 64), (["--authorities", "1001"], 64),
    (["--authorities", "1e3"], 64), (["--csv", "extra"], 64), (["--bogus"], 64), (["--prices", "/nonexistent"], 1),
])
def test_wrong_use(arguments, status):
    done = estimate(*arguments)
    assert done.returncode == status and done.stdout == "" and done.stderr


def test_wrong_price_file_names_the_line(tmp_path):
    wrong = tmp_path / "prices.csv"
    wrong.write_text(PRICES.read_text(encoding="utf-8").replace("78000", "78.000,0"), encoding="utf-8")
    done = estimate("--prices", wrong)
    assert done.returncode == 1 and "line 5" in done.stderr
