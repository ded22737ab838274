"""Fixtures of every test that needs real processes: one template a session, a laboratory a test."""
import os

import pytest

from tests.lib.lab import LabTemplate


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.trien_failed = True
    return report


@pytest.fixture(scope="session")
def template():
    made = LabTemplate(ceremony=os.environ.get("TRIEN_LAB_CEREMONY") != "no")
    yield made
    made.close()


@pytest.fixture
def lab(template, request):
    """A laboratory with what `@pytest.mark.lab(replicas=…, config=…)` asks for."""
    mark = request.node.get_closest_marker("lab")
    with template.lab(**(mark.kwargs if mark else {})) as made:
        yield made
        made.failed = getattr(request.node, "trien_failed", False)


def pytest_configure(config):
    config.addinivalue_line("markers", "lab(replicas, config): what the laboratory of a test is like")
    config.addinivalue_line("markers", "release: runs on the release build even when others run on ASan")
