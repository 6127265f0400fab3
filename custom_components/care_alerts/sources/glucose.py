"""The sensors of every source that has glucose values."""

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import UnitOfBloodGlucoseConcentration
from homeassistant.util.unit_conversion import BloodGlucoseConcentrationConverter

from ..alerts.glucose import Trend
from ..alerts.snapshot import PersonSnapshot
from .source_type import PersonSensorDescription, Value


def glucose_unit_of(snapshot: PersonSnapshot) -> UnitOfBloodGlucoseConcentration | None:
    """The unit of somebody's own thresholds; None where the source keeps none."""
    units = {setting.unit for setting in snapshot.settings.values()}
    return next((unit for unit in UnitOfBloodGlucoseConcentration if unit in units), None)


def in_unit(value: float, unit: str, to_unit: str) -> float:
    """A value in another unit, as Home Assistant shows that of an entity."""
    return BloodGlucoseConcentrationConverter.convert(value, unit, to_unit)


def glucose_sensors(
    unit: UnitOfBloodGlucoseConcentration,
    *,
    is_live: bool = False,
) -> tuple[PersonSensorDescription, PersonSensorDescription]:
    """Sensors of the newest glucose value and its trend; `unit` is the one the source usually gives it in.

    `is_live`: what they show may be of the present. Else they are called delayed, have the time at which it was observed,
    and no statistics: these would be by the hour in which it arrived.
    """
    delayed = {} if is_live else {"delayed": True}

    def value_of(snapshot: PersonSnapshot) -> Value | None:
        glucose = snapshot.glucose
        if glucose is None:
            return None
        stale = {} if snapshot.glucose_stale is None else {"stale": snapshot.glucose_stale}
        value = in_unit(glucose.value, glucose.unit, unit)
        return Value(
            value,
            glucose.observed_at,
            {
                "out_of_range": glucose.out_of_range and glucose.out_of_range.value,
                **stale,
                **delayed,
            },
        )

    def trend_of(snapshot: PersonSnapshot) -> Value | None:
        glucose = snapshot.glucose
        if glucose is None or (is_live and snapshot.glucose_stale):
            return None
        # A state every few minutes for the sake of an attribute helps nobody: the value beside it has the same.
        trend = glucose.trend and glucose.trend.value
        return Value(trend, None if is_live else glucose.observed_at, delayed)

    return (
        PersonSensorDescription(
            key="glucose",
            device_class=SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION,
            # No precision of ours: it would be that of every unit the value can be shown in.
            native_unit_of_measurement=unit,
            state_class=SensorStateClass.MEASUREMENT if is_live else None,
            name_text=None if is_live else "glucose_delayed",
            value_fn=value_of,
        ),
        PersonSensorDescription(
            key="glucose_trend",
            device_class=SensorDeviceClass.ENUM,
            options=[trend.value for trend in Trend],
            name_text=None if is_live else "glucose_trend_delayed",
            value_fn=trend_of,
        ),
    )
