"""The programs that make a receipt, one to a module; each runs in a process of its own."""

from collections.abc import Callable
from typing import Any

# `maker()` of each gives two functions: what may be done with the facts before the clock runs, and facts to PDF.
Maker = tuple[Callable[[dict[str, Any]], Any], Callable[[Any], bytes]]
