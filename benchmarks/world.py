"""The two Lumen accounts everything is measured on: a large one, and a small one of just the people followed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from simulator import Simulator
from simulator.lumen import SEVERITIES, LumenAccount

PEOPLE = 10_000
FOLLOWED = 20
DAYS_BEHIND = 14
SMALL_KEY = "small-account-key"

# Today's noon, so that no timer of a house that takes this for now is due.
NOON = datetime.combine(datetime.now(UTC).date(), time(12), UTC)

_TYPES = ("WEIGHT", "FLEX", "MEDICATION")
_SUBTYPES = {kind: [subtype for k, subtype in SEVERITIES if k == kind] for kind in _TYPES}


@dataclass(frozen=True, slots=True)
class Account:
    """What a house needs to know of an account: where, with which key, whom to follow out of how many."""

    url: str
    key: str
    people: int
    followed: dict[str, str]
    """Shared user id -> e-mail."""


class World:
    """The simulator with its clock at noon and both accounts filled."""

    def __init__(self) -> None:
        """Fill the accounts: an alert a person a day, everybody enrolled on one day two months ago."""
        self.simulator = Simulator(start=NOON, speed=0)
        self._small = self.simulator.lumen.add_account(SMALL_KEY)
        self._large = self.simulator.lumen.default
        for account, people in ((self._large, PEOPLE), (self._small, FOLLOWED)):
            for number in range(people):
                account.add_person(
                    f"person{number:05}@example.com",
                    granted_at=NOON - timedelta(days=60, seconds=number),
                )
            for ago in range(1, DAYS_BEHIND + 1):
                _tell(account, (NOON - timedelta(days=ago)).date())

    @property
    def large(self) -> Account:
        """The account of 10,000."""
        return self._described(self._large)

    @property
    def small(self) -> Account:
        """The account of the followed people alone."""
        return self._described(self._small)

    def tell_the_day_to_come(self) -> None:
        """Let the small account's analysis of today come in the night after noon."""
        _tell(self._small, NOON.date())

    def take_requests(self) -> list[str]:
        """What was asked and answered since this was last called: paths with their queries."""
        log = self.simulator.log
        asked = [
            entry.path + "?" + "&".join(f"{name}={value}" for name, value in entry.query.items())
            for entry in log
            if entry.status == 200
        ]
        log.clear()
        return [path.removeprefix("/lumen").rstrip("?") for path in asked]

    def _described(self, account: LumenAccount) -> Account:
        return Account(
            self.simulator.lumen.url,
            account.api_key,
            len(account.people),
            {person.shared_user_id: person.email for person in account.people[:FOLLOWED]},
        )


def _tell(account: LumenAccount, day: date) -> None:
    for number, person in enumerate(account.people):
        kind = _TYPES[number % len(_TYPES)]
        subtypes = _SUBTYPES[kind]
        account.add_alert(person, day, kind, subtypes[(number + day.toordinal()) % len(subtypes)])


def emails(account: Account) -> Iterable[str]:
    """The followed people's e-mail addresses."""
    return account.followed.values()
