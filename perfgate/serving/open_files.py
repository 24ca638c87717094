"""The limit of open files of a run."""

from __future__ import annotations

import resource

MANY_FILES = 65_536
"""24 servers with 1,024 requests in flight each, with a margin; 1,024 is a usual limit."""


def allow_open_files(number: int = MANY_FILES) -> None:
    """Raise this process's limit, which its children inherit, as far as allowed: REST has one connection a request."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if most == resource.RLIM_INFINITY else min(number, most)
    if resource.RLIM_INFINITY != now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
