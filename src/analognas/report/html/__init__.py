"""Reports as self-contained HTML pages."""

from .document import PAGE_FILE
from .pages import make_page, write_comparison, write_page

__all__ = ["PAGE_FILE", "make_page", "write_comparison", "write_page"]
