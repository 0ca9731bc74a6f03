"""Durations as Go writes them, and plain seconds; and that what is shown is read back."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from pixiecore_core import Duration


class Patient(BaseModel):
    limit: Duration = Field(default=Duration("5s"), gt=0, le=600)
    perhaps: Duration | None = Field(default=None, gt=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", 5),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("+2s", 2),
        ("250µs", 0.00025),
        ("250μs", 0.00025),
        ("250us", 0.00025),
        ("7", 7),
        ("0.25", 0.25),
        (" 3s ", 3),
        (7, 7),
        (0.25, 0.25),
    ],
)
def test_durations(text: str | float, expected: float) -> None:
    assert Duration(text) == expected
    assert type(Patient.model_validate({"perhaps": text}).perhaps) is Duration


@pytest.mark.parametrize(
    "value",
    ["", "s", "5 s", "5sec", "1h-5m", "nan", "inf", "1d", "five", "5s5", "-5", -5, float("nan"), True, None, "9" * 999],
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(ValidationError, match="is not a duration such as 5s"):
        Patient.model_validate({"limit": value})


@pytest.mark.parametrize("value", [10**400, "9e99", "9" * 99, "999999999999h"])
def test_nobody_waits_for_ever(value: object) -> None:
    with pytest.raises(ValidationError, match="longer than 30,000 years"):
        Patient.model_validate({"perhaps": value})


@pytest.mark.parametrize("value", [0, "0s"])
def test_limits_are_the_fields(value: object) -> None:
    for key in ("limit", "perhaps"):
        with pytest.raises(ValidationError, match="greater than 0"):
            Patient.model_validate({key: value})
    with pytest.raises(ValidationError, match="less than or equal to 600"):
        Patient.model_validate({"limit": "1h"})


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (5, "5s"), (0.25, "250ms"), (90, "1m30s"), (5400, "1h30m"), (1.5, "1.5s"), (0.0005, "0.0005s")],
)
def test_they_are_shown_as_people_write_them(seconds: float, shown: str) -> None:
    assert str(Duration(seconds)) == shown
    assert f"{Duration(seconds)}" == shown
    assert Patient(limit=Duration("1m30s")).model_dump_json() == '{"limit":90.0,"perhaps":null}'


@given(st.floats(min_value=0, max_value=1e11))
def test_what_is_shown_is_read_back(seconds: float) -> None:
    assert Duration(str(Duration(seconds))) == Duration(seconds)


def test_a_long_text_that_is_none_takes_no_time() -> None:
    with pytest.raises(ValueError, match="not a duration"):
        Duration("1m30s" * 70 + "1")


def test_copies_are_durations() -> None:
    for made in (copy.deepcopy(Duration("5s")), pickle.loads(pickle.dumps(Duration("5s")))):
        assert type(made) is Duration
        assert made == 5


def test_a_schema_can_be_made() -> None:
    schema = Patient.model_json_schema()
    assert {"type": "number", "minimum": 0} in schema["properties"]["limit"]["anyOf"]
