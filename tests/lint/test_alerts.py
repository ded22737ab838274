"""Alert rules for Prometheus: they parse, fire when they should and not before, and people find each in docs/alarms.md."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "compose/prometheus"
RULES = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
TESTS = ROOT / "tests/lint/alerts.test.yml"


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_scrape_configuration_parse():
    promtool("check", "rules", PROMETHEUS / "alerts.yml")
    for place in ("prometheus.yml", "compose.yml"):
        promtool("check", "config", PROMETHEUS / place)


def test_alerts_fire_when_they_should():
    promtool("test", "rules", TESTS)


def test_every_alert_is_tested_silent_and_firing():
    tests = TESTS.read_text(encoding="utf-8")
    for alert in ALERTS:
        assert len(re.findall(rf"alertname: {alert}\b", tests)) == 2, alert


def test_every_alert_has_a_runbook_and_its_section():
    page = (ROOT / "docs/alarms.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", page, re.M | re.S))
    assert sorted(sections) == sorted(ALERTS)
    for alert, text in sections.items():
        assert "- **First look:** " in text and "- **Remedy:** " in text, alert
    rules = re.split(r"- alert: ", RULES)[1:]
    for rule in rules:
        name = rule.split()[0]
        assert re.search(r"runbook: '.{20,}'", rule) and "summary: '" in rule, name
        assert f"runbook_url: docs/alarms.md#{name.lower()}" in rule, name
        severity, = re.findall(r"severity: (\w+)", rule)
        assert f"*{severity}*." in sections[name], name


def test_alerts_look_at_what_the_programs_say():
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M)) | {"process_start_time_seconds", "up"}
    expressions = " ".join(re.findall(r"expr: '(.*)'", RULES))
    used = set(re.findall(r"\b(trien_\w+|process_\w+|up)\b(?=[{\[) ])", re.sub(r'"[^"]*"', "", expressions)))
    assert used and used <= known, used - known


@pytest.mark.parametrize("place, target", [
    ("prometheus.yml", r'targets: \["127\.0\.0\.1:(\d+)"\]'),
    ("compose.yml", r"dns_sd_configs: \[\{names: \[\1\.mesh\], type: A, port: (\d+)")])
def test_every_service_with_http_is_scraped(place, target):
    jobs = re.findall(rf"job_name: (\w+)\n.*?{target}", (PROMETHEUS / place).read_text())
    numbers = dict(re.findall(r'\{"(\w+)", (\d)\}', (ROOT / "services/trienctl/ctl.c").read_text()))
    want = {name: str(8080 + 40 + int(number)) for name, number in numbers.items() if name != "signer"}
    assert {name: port for name, port in jobs if name != "node"} == want
