"""How many servers a search is spread over."""

from __future__ import annotations

FEWEST_SERVERS, MOST_SERVERS = 4, 12
TURNS_PER_SERVER = 5
"""Below about five turns each, a server's own speed is lost in the noise of its turns."""


def servers_for(turn_pairs: float) -> int:
    """Return the number of servers of each arm for about so many pairs of turns."""
    return int(min(max(turn_pairs // TURNS_PER_SERVER, FEWEST_SERVERS), MOST_SERVERS))
