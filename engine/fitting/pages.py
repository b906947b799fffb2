"""Memory pages of a host cell: which size a guest cell gets, and whether its memory fits (nova.virt.hardware)."""

from __future__ import annotations

from engine.model.numa import ANY_PAGES, LARGE_PAGES, SMALL_PAGES, HostCell, HostPages

KIB_PER_MIB = 1024


def chosen_page_size(cell: HostCell, wish: int, memory_mb: int) -> int | None:
    """Return the size in KiB of the pages that ``memory_mb`` gets, None where the cell has none that suit.

    ``wish`` is a kind or a size in KiB. ``small`` means the cell's smallest size, ``large`` all others, ``any`` all;
    the largest that suits is taken.
    """
    if wish > 0:
        pages = next((pages for pages in cell.pages if pages.size_kb == wish), None)
        return wish if pages is not None and _fits(pages.free, pages, memory_mb) else None
    by_size = sorted(cell.pages, key=_size_kb, reverse=True)
    if wish == SMALL_PAGES:
        by_size = by_size[-1:]
    elif wish == LARGE_PAGES:
        by_size = by_size[:-1]
    elif wish != ANY_PAGES:
        return None
    return next((pages.size_kb for pages in by_size if _fits(pages.free, pages, memory_mb)), None)


def memory_fits(cell: HostCell, memory_mb: int, *, overcommit: bool) -> bool:
    """Return whether memory without a page size fits: in the smallest pages, or in the cell that names no pages.

    With ``overcommit`` what others use is left out of account: a guest must only fit the cell by itself.
    """
    pages = smallest_pages(cell)
    if pages is not None:
        return _fits(pages.total if overcommit else pages.free, pages, memory_mb)
    return memory_mb <= (cell.memory_mb if overcommit else cell.memory_mb - cell.memory_usage_mb)


def smallest_pages(cell: HostCell) -> HostPages | None:
    """Return the cell's pages of the smallest size, None where it names no pages."""
    return min(cell.pages, key=_size_kb, default=None)


def _size_kb(pages: HostPages) -> int:
    """Return the size that pages are ordered by."""
    return pages.size_kb


def _fits(count: int, pages: HostPages, memory_mb: int) -> bool:
    """Return whether memory fills whole pages, and no more of them than ``count``."""
    memory_kb = memory_mb * KIB_PER_MIB
    return memory_kb <= count * pages.size_kb and memory_kb % pages.size_kb == 0
