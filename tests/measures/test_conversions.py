"""Gases between units and states, corrections of low-cost sensors, SenML units."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import corrections, senml
from measures.gases import (
    CHINA_0C,
    CHINA_25C,
    EU_20C,
    MOLAR_MASS_G_MOL,
    US_25C,
    ReferenceState,
    between_states,
    converted,
    ppb_from_ugm3,
    ugm3_from_ppb,
)
from measures.index import Concentration


@pytest.mark.parametrize(
    ("states", "litres", "of_one_ppb"),
    [
        ((US_25C, CHINA_25C), 24.465, "NO2 1.8804 NOx 1.8804 NO 1.2265 O3 1.9619 SO2 2.6186 CO 1.1449"),
        ((EU_20C,), 24.055, "NO2 1.9125 NOx 1.9125 NO 1.2474 O3 1.9953 SO2 2.6632 CO 1.1644"),
        ((CHINA_0C,), 22.414, "NO2 2.0525 NOx 2.0525 NO 1.3387 O3 2.1414 SO2 2.8582 CO 1.2497"),
    ],
)
def test_a_state_has_a_molar_volume(states: tuple[ReferenceState, ...], litres: float, of_one_ppb: str) -> None:
    """NOx is by convention expressed as NO2 (2008/50/EC Art. 2)."""
    words = of_one_ppb.split()
    assert set(words[::2]) == set(MOLAR_MASS_G_MOL)
    for state in states:
        assert state.litres_per_mol == pytest.approx(litres, abs=5e-4)
        for gas, ugm3 in zip(words[::2], map(float, words[1::2]), strict=True):
            assert ugm3_from_ppb(1, MOLAR_MASS_G_MOL[gas], state) == pytest.approx(ugm3, abs=6e-5)


@given(st.floats(0, 5000), st.sampled_from(sorted(MOLAR_MASS_G_MOL)))
def test_there_and_back(ppb: float, gas: str) -> None:
    mass = MOLAR_MASS_G_MOL[gas]
    assert ppb_from_ugm3(ugm3_from_ppb(ppb, mass, EU_20C), mass, EU_20C) == pytest.approx(ppb)
    assert between_states(between_states(ppb, CHINA_0C, CHINA_25C), CHINA_25C, CHINA_0C) == pytest.approx(ppb)


def test_a_concentration_is_converted_with_its_unit() -> None:
    ozone = Concentration("O3", "8h", 150, "ug/m3")
    ppm = converted(ozone, "ppm", US_25C)
    assert (ppm.unit, ppm.averaging) == ("ppm", "8h")
    assert ppm.value == pytest.approx(0.076458, abs=1e-6)
    assert converted(ppm, "ug/m3", US_25C).value == pytest.approx(150)
    assert converted(Concentration("CO", "8h", 1, "ppm"), "mg/m3", US_25C).value == pytest.approx(1.1449, abs=1e-4)
    assert converted(Concentration("CO", "8h", None, "ppm"), "mg/m3", US_25C).value is None
    assert converted(Concentration("CO", "8h", 4000, "ug/m3"), "mg/m3", US_25C).value == 4, "no state is asked for"
    assert converted(Concentration("O3", "8h", 0.07, "ppm"), "ppb", US_25C).value == pytest.approx(70)


def test_particles_have_no_reference_state() -> None:
    with pytest.raises(ValueError, match=r"no way from ug/m3 to ppb for PM2.5"):
        converted(Concentration("PM2.5", "1h", 10, "ug/m3"), "ppb", US_25C)
    for units in (("mg/l", "ppb"), ("ppb", "mg/l")):
        with pytest.raises(ValueError, match=f"no way from {units[0]} to {units[1]} for O3"):
            converted(Concentration("O3", "1h", 10, units[0]), units[1], US_25C)
    for celsius, hpa in ((-273.15, 1013.25), (25, 0)):
        with pytest.raises(ValueError, match="no state of a gas"):
            ReferenceState("cold, or nothing", celsius, hpa)


def test_a_correction_keeps_a_negative_number_and_a_missing_one() -> None:
    assert corrections.us_wide(0, 95) == pytest.approx(-2.439)
    assert corrections.us_wide(None, 50) is None
    assert corrections.fire_and_smoke(12, None) is None
    for raw, humidity in ((-1, 50), (5, 101), (5, -1)):
        with pytest.raises(ValueError, match=r"humidity|raw PM2.5"):
            corrections.us_wide(raw, humidity)


@settings(max_examples=60)
@given(st.floats(0, 1000), st.floats(0, 100))
def test_the_smoke_map_is_the_us_wide_line_below_30_and_has_no_jumps(raw: float, humidity: float) -> None:
    here, beside = corrections.fire_and_smoke(raw, humidity), corrections.fire_and_smoke(raw + 1e-6, humidity)
    assert here is not None
    assert beside is not None
    assert abs(beside - here) < 1e-4
    if raw < 30:
        assert here == pytest.approx(corrections.us_wide(raw, humidity))


def test_two_counters_of_one_housing_must_agree() -> None:
    assert corrections.channels_agree(10, 14.9)
    assert corrections.channels_agree(100, 120)
    assert not corrections.channels_agree(10, 30)


def test_senml_knows_its_units_and_no_others() -> None:
    assert senml.to_primary(36, "km/h") == (10.0, "m/s")
    assert senml.to_primary(0, "dBm") == (-30.0, "dBW")
    assert senml.to_primary(21.5, "Cel") == (21.5, "Cel")
    for unit in ("ppb", "mg/m3", "veh/h", ""):
        with pytest.raises(ValueError, match="SenML has no unit"):
            senml.to_primary(1, unit)
