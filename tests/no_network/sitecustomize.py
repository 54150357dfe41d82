"""Python imports this module at its start, so processes that tests start have no network either."""

import no_network  # noqa: F401
