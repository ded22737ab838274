"""Fixtures of every test that needs real processes: one template a session, a laboratory a test."""
import os

import pytest

from tests.lib.gateways import SmsGateway, have_kannel
from tests.lib.lab import Lab, LabTemplate


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """A failure is told with the words of the laboratories that stand at that moment, and their folders are kept."""
    report = yield
    if report.failed:
        for lab in Lab.opened:
            report.sections.append((f"laboratory {lab.dir}", lab.words()))
            lab.failed = True
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


@pytest.fixture
def gateway(tmp_path_factory):
    """Kannel with its fake network."""
    assert have_kannel(), "kannel and kannel-extras are not installed"
    made = SmsGateway(tmp_path_factory.mktemp("sms") / "kannel")
    try:
        yield made.start()
    finally:
        made.stop()


def pytest_configure(config):
    config.addinivalue_line("markers", "lab(replicas, config): what the laboratory of a test is like")
    config.addinivalue_line("markers", "release: runs on the release build even when others run on ASan")
