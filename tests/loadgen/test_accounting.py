import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.loadgen.accounting import account, requests_of
from perfgate.loadgen.division import divided
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.trials import Requests


def records(answered: int, failed: int) -> Requests:
    status = np.array([0] * answered + [14] * failed, np.int8)
    times = np.zeros(status.size)
    return Requests(times, times, times, times, status)


@given(st.data())
def test_every_planned_request_is_in_one_part(data: st.DataObject) -> None:
    planned, workers = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 5))
    is_open = data.draw(st.booleans())
    whole = OpenLoop(np.arange(planned) / 10) if is_open else ClosedLoop(3, requests=planned)
    shares: list[tuple[ClosedLoop | OpenLoop, Requests | int]] = []
    for load in (share for share in divided(whole, workers) if share is not None):
        sent = data.draw(st.integers(0, requests_of(load) or 0))
        failed = data.draw(st.integers(0, sent))
        shares.append((load, records(sent - failed, failed) if data.draw(st.booleans()) else sent))
    found = account(shares)

    assert found.planned == planned == found.answered + found.failed + found.lost + found.unsent
    assert found.lost == sum(requests_of(load) or 0 for load, requests in shares if isinstance(requests, int))
    assert found.answered == sum(int(np.sum(each.status == 0)) for _, each in shares if isinstance(each, Requests))


def test_an_account_is_told_in_a_sentence() -> None:
    half = OpenLoop(np.arange(500) / 10)
    found = account([(half, records(310, 2)), (half, 0)])

    assert found.sentence == (
        "500 requests were lost with it; of the 1,000 of the series, 310 were answered, 2 failed, and 188 were not sent"
    )


@pytest.mark.parametrize("requests", [None, 100])
def test_of_a_load_bounded_by_time_as_many_are_lost_as_were_known_to_be_sent(requests: int | None) -> None:
    load = ClosedLoop(4, requests=requests, duration_s=1.0)
    found = account([(load, records(20, 1)), (load, 1500), (load, 200)])

    assert (found.planned, found.lost, found.answered, found.failed) == (None, 1700, 20, 1)
    assert found.sentence == (
        "at least 1,700 requests were lost with it; of those of the other workers, 20 were answered, 1 failed"
    )
    assert account([(load, records(20, 1)), (load, 0)]).sentence.startswith(
        "an unknown number of requests was lost with it; of those of the other workers, 20"
    )
