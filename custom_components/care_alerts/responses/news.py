"""What is news: not what the household knew from another source by then, unless it is worse."""

from collections.abc import Iterable

from ..alerts.alert import Alert
from ..alerts.joining import FORECAST
from ..alerts.response_log import Episode


def is_news(alert: Alert, elsewhere: Iterable[Episode]) -> bool:
    """Whether an alert told the household anything when it came. `elsewhere`: its episode, as other sources have it.

    What came of a forecast is news after it, as it is to be acknowledged anew.
    """
    return not any(
        told.received_at < alert.received_at
        and told.severity.rank >= alert.severity.rank
        and (told.alert_type != FORECAST or alert.alert_type == FORECAST)
        for episode in elsewhere
        for told in episode.announced
    )
