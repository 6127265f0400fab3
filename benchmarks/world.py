"""What everything is measured on: a large Lumen account, a small one of just the people followed, a Dexcom wearer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from simulator import Simulator
from simulator.lumen import SEVERITIES, LumenAccount

PEOPLE = 10_000
FOLLOWED = 20
DAYS_BEHIND = 14
WEARER = "SandboxUser7"
DAYS_WORN = 30
ALERTS_A_DAY = 300
SMALL_KEY = "small-account-key"

# Tomorrow's noon, so that no timer of a house that takes this for now is due while it is measured.
NOON = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(12), UTC)

_TYPES = ("WEIGHT", "FLEX", "MEDICATION")
_SUBTYPES = {kind: [subtype for k, subtype in SEVERITIES if k == kind] for kind in _TYPES}


_NAMES = ("low", "high", "urgentLow", "rise", "fall", "noReadings")
_STATES = ("activeAlarming", "activeSnoozed", "inactive", "activeAlarming", "inactive")


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
        self._analyses = 0
        for account, people in ((self._large, PEOPLE), (self._small, FOLLOWED)):
            for number in range(people):
                account.add_person(
                    f"person{number:05}@example.com",
                    granted_at=NOON - timedelta(days=60, seconds=number),
                )
            for ago in range(1, DAYS_BEHIND + 1):
                _tell(account, (NOON - timedelta(days=ago)).date())

        self._wear()

    @property
    def worn(self) -> Account:
        """A month of a wearer who is alerted all the time; the key is a token."""
        dexcom = self.simulator.dexcom
        wearer = dexcom.wearer(WEARER)
        token: str = dexcom.grant(wearer)["access_token"]
        return Account(dexcom.url, token, 1, {wearer.user_id: WEARER})

    @property
    def large(self) -> Account:
        """The account of 10,000."""
        return self._described(self._large)

    @property
    def small(self) -> Account:
        """The account of the followed people alone."""
        return self._described(self._small)

    def analyse_anew(self) -> None:
        """Let the large account's analysis say something new, of somebody who is not followed."""
        self._analyses += 1
        self._large.add_alert(
            self._large.people[-1],
            (NOON - timedelta(days=1)).date(),
            "WEIGHT",
            "TOO_FAST",
            details={"analysis": self._analyses},
        )

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
        return ["/" + path.split("/", 2)[2].rstrip("?") for path in asked]

    def _wear(self) -> None:
        wearer = self.simulator.dexcom.wearer(WEARER)
        newest = NOON - timedelta(hours=1)
        for number in range(DAYS_WORN * ALERTS_A_DAY):
            wearer.add_alert(
                _NAMES[number % len(_NAMES)],
                newest - timedelta(days=1) / ALERTS_A_DAY * number,
                state=_STATES[number % len(_STATES)],
            )
        for number in range(DAYS_WORN * 288):
            wearer.add_egv(newest - timedelta(minutes=5) * number, 60 + number % 200)

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
