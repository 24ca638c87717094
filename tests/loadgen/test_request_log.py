import pytest

from perfgate.loadgen.request_log import Ledger, failures_at_deadline


def test_times_run_from_schedule_and_from_send() -> None:
    ledger = Ledger()
    index = ledger.open(scheduled_s=1.0, sent_s=1.25)
    ledger.settle(index, done_s=2.0, status=0)
    requests = ledger.requests()

    assert requests.response_ms == pytest.approx([1000])
    assert requests.service_ms == pytest.approx([750])
    assert requests.send_lag_ms == pytest.approx([250])


def test_what_was_never_settled_is_a_failure() -> None:
    ledger = Ledger()
    ledger.open(0.0, 0.0)

    assert ledger.requests().status.tolist() == [14]


def test_failures_count_as_the_deadline_or_what_they_really_took() -> None:
    ledger = Ledger()
    for scheduled_s, sent_s, done_s, status in [(0, 0, 0.01, 0), (0, 0, 0.01, 14), (0, 3, 4, 4)]:
        ledger.settle(ledger.open(scheduled_s, sent_s), done_s, status)
    requests = failures_at_deadline(ledger.requests(), deadline_s=1.0)

    assert requests.response_ms == pytest.approx([10, 1000, 4000])
    assert requests.service_ms == pytest.approx([10, 1000, 1000])


def test_an_empty_series_has_empty_columns() -> None:
    assert failures_at_deadline(Ledger().requests(), 1.0).status.size == 0
