"""How Dexcom's devices write times: with zones, without, with offsets that have seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """One way to write `systemTime` and `displayTime`."""

    zone: Literal["none", "utc", "local"] = "utc"
    """What `systemTime` carries: nothing (and `displayTime` neither), `Z`, or the local offset."""
    digits: int = 0
    """Digits of the seconds' fraction, 0 to 9."""
    seconds: bool = True
    drift: timedelta = timedelta()
    """How far the device's own offset is from its zone's."""
    offset: Literal["hh:mm", "hhmm", "hh"] = "hh:mm"
    separator: Literal["T", " "] = "T"

    def exact(self, moment: datetime) -> datetime:
        """Return the instant that is left of a time when it is written like this."""
        if not self.seconds:
            return moment.replace(second=0, microsecond=0)
        step = 10 ** max(6 - self.digits, 0)
        return moment.replace(microsecond=moment.microsecond // step * step)

    def write(self, moment: datetime, zone: tzinfo) -> tuple[str, str]:
        """Return `systemTime` and `displayTime` of an aware time on a device in a zone."""
        utc = moment.astimezone(UTC).replace(tzinfo=None)
        shift = (moment.astimezone(zone).utcoffset() or timedelta()) + self.drift
        local, offset = self._clock(utc + shift), self._offset(shift)
        match self.zone:
            case "none":
                return self._clock(utc), local
            case "utc":
                return self._clock(utc) + "Z", local + offset
        return local + offset, local + offset

    def _clock(self, naive: datetime) -> str:
        """Return a time without its zone."""
        if not self.seconds:
            return naive.isoformat(self.separator, "minutes")
        text = naive.isoformat(self.separator, "seconds")
        if not self.digits:
            return text
        return f"{text}.{f'{naive.microsecond:06d}789'[: self.digits]}"

    def _offset(self, shift: timedelta) -> str:
        """Return an offset; the short forms only where they can say it."""
        seconds = abs(round(shift.total_seconds()))
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        sign = "-" if shift < timedelta() else "+"
        if second:
            return f"{sign}{hour:02d}:{minute:02d}:{second:02d}"
        if self.offset == "hh" and not minute:
            return f"{sign}{hour:02d}"
        colon = "" if self.offset == "hhmm" else ":"
        return f"{sign}{hour:02d}{colon}{minute:02d}"


TIME_STYLES: Mapping[str, TimeStyle] = {
    "phone": TimeStyle(),
    "receiver": TimeStyle(zone="none"),
    "system_offset": TimeStyle(zone="local"),
    "offset_seconds": TimeStyle(drift=timedelta(seconds=1)),
    "system_offset_seconds": TimeStyle(zone="local", drift=timedelta(seconds=1)),
    "compact_offset": TimeStyle(zone="local", offset="hhmm"),
    "short_offset": TimeStyle(zone="local", offset="hh"),
    "no_seconds": TimeStyle(seconds=False),
    "receiver_no_seconds": TimeStyle(zone="none", seconds=False),
    **{f"fraction_{digits}": TimeStyle(digits=digits) for digits in range(1, 10)},
    "receiver_fraction_3": TimeStyle(zone="none", digits=3),
    "space": TimeStyle(separator=" "),
    "receiver_space": TimeStyle(zone="none", separator=" "),
}
"""Every way that was met, by name."""
