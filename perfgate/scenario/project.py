"""A project's settings for all its scenarios' gates: severities, and temporarily accepted regressions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from perfgate.scenario.forms import Amount, Table
from perfgate.scenario.severity import Severity


def _day(value: object) -> object:
    """Accept a date, or its text as in a stored result; nothing that could merely be converted to one."""
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise ValueError("must be a date such as 2027-06-30")  # noqa: TRY004 - pydantic takes no TypeError
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date such as 2027-06-30") from None


_Text = Annotated[str, Field(pattern=r"\S")]


class Acceptance(Table):
    """A regression that is accepted up to a bound and until a date."""

    up_to: Amount
    """The tolerance while the entry applies: a share, or an amount in the metric's unit, like `tolerance` in a
    scenario."""
    reason: _Text
    """Why the regression is accepted."""
    author: _Text
    """Who accepts the regression."""
    expires: Annotated[date, BeforeValidator(_day)]
    """The last day on which the entry applies, in UTC: a date such as 2027-06-30."""


class Project(Table):
    """Settings of `perfgate.toml` in addition to a scenario's own gate."""

    severity: dict[str, Severity] = Field(default_factory=dict)
    """By metric; a scenario's own setting takes precedence."""
    accepted: dict[str, Acceptance] = Field(default_factory=dict)
    """By metric: those that apply to this scenario today."""
