"""Plans that are tried: each changes one thing of the usual one."""

from __future__ import annotations

from dataclasses import dataclass

_NO_LOAD = "execute_share = 1.0\nrequest_share = 0.0\n"


@dataclass(frozen=True, slots=True)
class Variant:
    """One plan, as what its scenario file says besides the time."""

    name: str
    budget: str = "replicas = 12\nparents = 2\n" + _NO_LOAD
    server: str = ""

    def scenario(self, seconds: float) -> str:
        """Write the scenario file; one look, so that all of the time is used."""
        return (
            f'name = "power"\n[budget]\nmeasure_s = {seconds}\nlooks = 1\n{self.budget}'
            f'[server]\n{self.server}[load]\narrivals = "closed"\n'
        )


def _replicas(number: int, parents: int = 2) -> str:
    return f"replicas = {number}\nparents = {parents}\n{_NO_LOAD}"


VARIANTS: tuple[Variant, ...] = (
    Variant("usual: 12 replicas an arm, 2 fork servers, huge pages, not pinned"),
    Variant("4 replicas an arm", _replicas(4)),
    Variant("8 replicas an arm", _replicas(8)),
    Variant("20 replicas an arm", _replicas(20)),
    Variant("1 fork server", _replicas(12, 1)),
    Variant("4 fork servers", _replicas(12, 4)),
    Variant("no huge pages", server="huge_pages = false\n"),
    Variant("servers on CPU 0, driver on CPU 1", server="cpus = [0]\ndriver_cpus = [1]\n"),
    Variant("2 intra-op threads", server="intra_op_threads = 2\n"),
    Variant("requests through RPC", "replicas = 12\nparents = 2\nexecute_share = 0.0\nrequest_share = 1.0\n"),
)
