"""Every program gives back what it took: services that have worked stop cleanly, and LeakSanitizer (ASan
build) finds nothing. Nothing is suppressed; foreign libraries keep nothing that would need it."""
import pytest

from tests.lib import requests
from tests.lib.lab import build_dir


@pytest.mark.skipif("asan" not in str(build_dir()), reason="leaks are looked for by the ASan build")
def test_nothing_is_lost(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    lab.add_devices()
    issued = lab.post(lab.pdf(requests.form03()))["request_id"]
    device = lab.post(lab.pdf(requests.form01()))["request_id"]
    assert lab.wait_request(issued)["state"] == "completed"
    lab.wait_item(device, 1, "key_awaited")
    lab.trienctl("station", "run", "--request", device)
    assert lab.wait_request(device)["state"] == "completed"
    for process in lab.processes.values():
        process.popen.terminate()
    for process in lab.processes.values():
        status = process.stop(timeout=60)
        said = process.log.read_text(errors="replace")
        leaks = said[said.index("==ERROR: LeakSanitizer"):] if "LeakSanitizer" in said else ""
        assert (status, leaks) == (0, ""), process.name
