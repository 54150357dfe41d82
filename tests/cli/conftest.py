import pytest


@pytest.fixture(autouse=True)
def _figures_of_one_pixel(request):
    """Commands draw their figures as one pixel, except in tests marked ``figures``."""
    if "figures" not in request.keywords:
        request.getfixturevalue("one_pixel")
