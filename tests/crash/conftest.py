"""What the kill tests share."""
import pytest

from tests.lib.lab import LabTemplate


@pytest.fixture(scope="module")
def own_template():
    """A cluster of its own: it is killed."""
    made = LabTemplate()
    yield made
    made.close()
