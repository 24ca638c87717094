"""The plans to compare: each changes one thing in the usual one."""

from __future__ import annotations

from dataclasses import dataclass

_NO_LOAD = "execute_share = 1.0\nrequest_share = 0.0\n"


@dataclass(frozen=True, slots=True)
class Variant:
    """One plan: the content of its scenario file apart from the time."""

    name: str
    budget: str = "replicas = 12\nparents = 1\n" + _NO_LOAD
    server: str = ""

    @property
    def title(self) -> str:
        """Name in the table; `name` identifies the plan in the rows of earlier runs."""
        return (
            self.name.replace("an arm", "per arm")
            .replace("layouts drawn", "random layouts")
            .replace("layouts not drawn", "fixed layouts")
        )

    def scenario(self, seconds: float) -> str:
        """Write the scenario file; with one look, so that all of the time is used."""
        return (
            f'name = "power"\n[budget]\nmeasure_s = {seconds}\nlooks = 1\n{self.budget}'
            f'[server]\n{self.server}[load]\narrivals = "closed"\n'
        )


def _replicas(number: int, parents: int = 1) -> str:
    return f"replicas = {number}\nparents = {parents}\n{_NO_LOAD}"


VARIANTS: tuple[Variant, ...] = (
    Variant("usual: 12 replicas an arm, 1 fork server, huge pages, layouts drawn, not pinned"),
    Variant("4 replicas an arm", _replicas(4)),
    Variant("8 replicas an arm", _replicas(8)),
    Variant("24 replicas an arm", _replicas(24)),
    Variant("36 replicas an arm", _replicas(36)),
    Variant("2 fork servers", _replicas(12, 2)),
    Variant("4 fork servers", _replicas(12, 4)),
    Variant("layouts not drawn", server="random_layout = false\n"),
    Variant("no huge pages", server="huge_pages = false\n"),
    Variant("servers on CPU 0, driver on CPU 1", server="cpus = [0]\ndriver_cpus = [1]\n"),
    Variant("2 intra-op threads", server="intra_op_threads = 2\n"),
    Variant("requests through RPC", "replicas = 12\nparents = 1\nexecute_share = 0.0\nrequest_share = 1.0\n"),
)
