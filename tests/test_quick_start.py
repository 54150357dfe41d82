import gc

import pytest

from analognas.quick_start import without_collection


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_is_as_it_was(enabled):
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    kept = []

    def fail():
        with without_collection():
            assert not gc.isenabled()
            kept.extend([number] for number in range(1000))
            raise ValueError("mine")

    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(ValueError, match="mine"):
            fail()
        assert gc.isenabled() == enabled
        assert gc.get_freeze_count() >= frozen + len(kept)
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()
