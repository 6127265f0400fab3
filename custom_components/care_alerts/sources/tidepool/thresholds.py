"""Somebody's alert thresholds at Tidepool: asked for, changed, deleted, and always read back."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, Protocol, override

from ...alerts.alert import Alert
from ...alerts.readings import GlucoseLogs
from ...alerts.snapshot import Setting
from ..http import ApiError, AuthError, RateLimitedError, RefusedError
from ..settings import NotDoneError, Profile, SettingConflict, SettingsKeeper
from .api import SettingsUnreadableError, TidepoolClient
from .changing import Change, Problem, SettingsError, change, put, starting, with_amounts
from .people import NAMELESS, Followed, PollState
from .profiles import Amount, Step, Switched, is_risky
from .records import FOLLOW
from .replay import replay
from .settings import FIELDS, GLUCOSE_KINDS, KINDS, Settings, setting_of
from .units import STEP

SETTINGS_EVERY: Final = timedelta(minutes=15)
"""How often they are asked for: somebody may change them in Tidepool's app."""


class SettingsHost(Protocol):
    """What of a source's host is needed here: see there."""

    @property
    def readings(self) -> GlucoseLogs:
        """What is kept of glucose."""

    def now(self) -> datetime:
        """The time."""

    async def save(self) -> None:
        """Write all that is kept."""

    def changed(self, *, write: bool = False) -> None:
        """Show what has come meanwhile."""

    def ask_soon(self) -> None:
        """Poll for what is due."""

    def check_wait(self) -> None:
        """Ask nothing while the source wants us to wait."""

    def wait_as_told(self, error: ApiError) -> None:
        """Keep a wait that came with an answer."""


class Owner(Protocol):
    """Who asks for everybody's settings again and again, and evaluates by them."""

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The people followed, by user id."""

    @property
    def stuck(self) -> Mapping[str, Followed]:
        """Those whose settings are a profile's and are not ours to change any more."""

    def give_up(self, person_id: str) -> None:
        """Put nothing back of one of these, whatever comes."""

    def settable(self) -> Mapping[str, PollState]:
        """Those whose settings are asked for."""

    def take_up(self, person_id: str, document: dict[str, Any] | None) -> None:
        """Take up somebody's settings as they are now."""

    def unit_for(self, followed: Followed | None) -> str:
        """The unit of somebody's thresholds who has none yet."""


class ThresholdKeeper(SettingsKeeper):
    """One way to Tidepool and back, whoever asks: one at a time for each person, and what comes of it is shown at once."""

    fields: ClassVar = {
        name: bool if field.name == "enabled" else float for name, field in FIELDS.items()
    }
    replayed: ClassVar = {
        name: field.kind for name, field in FIELDS.items() if field.kind in GLUCOSE_KINDS
    }
    units = tuple(STEP)

    def __init__(self, client: TidepoolClient, me: str, host: SettingsHost, owner: Owner) -> None:
        """Keep the settings of those who share with `me`, a user id."""
        self._client = client
        self._me = me
        self._host = host
        self._owner = owner

    @override
    def name_of(self, person_id: str) -> str:
        followed = self._owner.followed.get(person_id) or self._owner.stuck.get(person_id)
        return followed.name if followed else NAMELESS

    @override
    def proposed_settings(self, person_id: str) -> dict[str, Setting]:
        followed = self._owner.followed.get(person_id)
        settings = Settings((followed and followed.settings) or {})
        unit = settings.unit() or self._owner.unit_for(followed)
        return {
            str(one): setting_of(one, value, unit)
            for one, value in starting(unit).items()
            if one.kind in settings.missing
        }

    @override
    def own_settings(self, person_id: str) -> dict[str, Setting]:
        followed = self._owner.followed.get(person_id)
        settings = Settings((followed and followed.settings) or {})
        switched = followed.switched if followed else Switched()
        own, unit = switched.own(settings), self._owner.unit_for(followed)
        return {
            name: setting_of(
                one, own[name].value, own[name].unit or settings.unit(one.kind) or unit
            )
            for name, one in FIELDS.items()
        }

    @override
    async def async_settings_of(self, person_id: str) -> dict[str, Any]:
        async with self._talking(person_id):
            settings = await self._read(person_id)
            self._show(person_id, settings)
        return settings.as_response()

    @override
    async def async_set(
        self, person_id: str, key: str, value: bool | float, unit: str | None
    ) -> None:
        asked = next(one for one in FIELDS.values() if one.key == key)
        await self.async_change_settings(
            person_id,
            {str(asked): value},
            unit if asked.name == "threshold" else None,
            first=False,
        )

    @override
    async def async_change_settings(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        first: bool | None = None,
    ) -> dict[str, Any]:
        wanted = {FIELDS[name]: value for name, value in asked.items()}
        async with self._changing(person_id):
            before = await self._read(person_id)
            missing = set(before.missing)
            if first and not missing.issuperset(field.kind for field in wanted):
                self._show(person_id, before)
                raise NotDoneError("settings_there", is_input=True)
            if first is False and missing.issuperset(KINDS):
                # Alone it would stand there as if somebody were watched over.
                raise NotDoneError("settings_first", is_input=True, name=self.name_of(person_id))
            made = change(before, wanted, unit)
            after = await self._written(person_id, made) if made.alerts else before
            self._show(person_id, after)
            made.check_kept(after)
        return after.as_response()

    @override
    def is_risky(self, values: Mapping[str, bool | float], unit: str) -> bool:
        return is_risky(values, unit)

    @override
    async def async_switch(
        self,
        person_id: str,
        profile: Profile | None,
        *,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        return (await self._switch(person_id, profile, until=until)).as_response()

    async def _switch(
        self,
        person_id: str,
        profile: Profile | None,
        *,
        until: datetime | None = None,
        by_schedule: bool = False,
    ) -> Settings:
        async with self._changing(person_id):
            settings, followed = await self._read(person_id), self._followed(person_id)
            if profile is None:
                followed.switched = followed.switched.ended(self._host.now())
                return await self._settle(person_id, settings)
            self._check_can_be(person_id, profile, settings)
            step = followed.switched.switch(profile, settings, until=until, by_schedule=by_schedule)
            return await self._apply(person_id, step, settings)

    async def _apply(self, person_id: str, step: Step, settings: Settings) -> Settings:
        followed = self._followed(person_id)
        before, made = followed.switched, put(settings, step.write)
        try:
            after = await self._take(person_id, step, made, settings)
        except (AuthError, RateLimitedError, RefusedError, NotDoneError) as err:
            if not isinstance(err, NotDoneError) or err.key != "settings_not_confirmed":
                # Nothing was changed.
                followed.switched = before
                await self._host.save()
            raise
        made.check_kept(after)
        return after

    def _check_can_be(self, person_id: str, profile: Profile, settings: Settings) -> None:
        """Hold a profile against the settings there are, but for the order of thresholds: others may be put back meanwhile.

        Raises:
            NotDoneError: there is nothing that could be put back, or nobody has confirmed what is risky.
            SettingsError: it cannot be written.

        """
        if not profile.is_confirmed and is_risky(profile.values, profile.unit):
            raise NotDoneError("profile_urgent_low", is_input=True, profile=profile.name)
        wanted = {FIELDS[name]: value for name, value in profile.values.items() if name in FIELDS}
        if any(settings.value(one) is None for one in wanted):
            raise NotDoneError("settings_first", is_input=True, name=self.name_of(person_id))
        change(settings, wanted, profile.unit, is_all=False)

    async def _take(self, person_id: str, step: Step, made: Change, settings: Settings) -> Settings:
        """Do a step: what it needs to be undone is on disk before anything is written."""
        followed = self._followed(person_id)
        if made.alerts:
            followed.switched = step.after
            await self._host.save()
            self._followed(person_id)
            settings = await self._written(person_id, made)
        followed.switched = step.after.settled(settings, step.write)
        self._show(person_id, settings)
        await self._host.save()
        return settings

    async def async_settle(self, person_id: str) -> None:
        """Do what is due of somebody's profile: its time is over, or it is not known whether Tidepool has it.

        What can be put back no more is left to a person.

        Raises:
            ApiError, NotDoneError: as `async_switch`; it is still due.

        """
        async with self._changing(person_id):
            await self._settle(person_id, await self._read(person_id))

    async def _settle(self, person_id: str, settings: Settings) -> Settings:
        followed, now = self._followed(person_id), self._host.now()
        while (due := followed.switched.due(now)) and due <= now:
            switched = followed.switched
            is_over = switched.is_over(now)
            step = switched.switch(None, settings) if is_over else switched.again(settings)
            try:
                made = put(settings, step.write)
                settings = await self._take(person_id, step, made, settings)
            except SettingsError as err:
                followed.switched = switched.refused(_refused(err, step), settings)
            except NotDoneError as err:
                if not err.key.startswith("settings_refused"):
                    raise
                followed.switched = switched.refused(step.write, settings)
            else:
                made.check_kept(settings)
        return settings

    @override
    async def async_schedule(self, person_id: str, profile: Profile, *, is_on: bool) -> None:
        followed = self._owner.followed.get(person_id)
        if followed is None or is_on is (profile.profile_id in followed.switched.scheduled):
            return
        if is_on and not (
            # What somebody has applied by hand is not the schedule's to end.
            followed.switched.is_of(profile)
            and not followed.switched.by_schedule
            and not followed.switched.is_over(self._host.now())
        ):
            await self._switch(person_id, profile, by_schedule=True)
        scheduled = {*followed.switched.scheduled} - {profile.profile_id}
        followed.switched = replace(
            followed.switched,
            scheduled=tuple(sorted(scheduled | ({profile.profile_id} if is_on else set()))),
        )
        if not is_on and followed.switched.is_of(profile) and followed.switched.by_schedule:
            self._end(followed)
        await self._host.save()

    @override
    async def async_follow_profiles(self, person_id: str, profiles: Mapping[str, Profile]) -> None:
        followed = self._owner.followed.get(person_id)
        current = followed.switched.profile if followed else None
        if followed is None or current is None:
            return
        if (profile := profiles.get(current.profile_id)) is None:
            self._end(followed)
        elif profile != current:
            async with self._changing(person_id):
                await self._change(person_id, current, profile)

    async def _change(self, person_id: str, current: Profile, profile: Profile) -> None:
        followed = self._followed(person_id)
        if followed.switched.profile != current or followed.switched.is_over(self._host.now()):
            # Another one, or none, took its place while we waited.
            return
        if (profile.values, profile.unit) == (current.values, current.unit):
            followed.switched = replace(followed.switched, profile=profile)
            self._host.changed(write=True)
            return
        settings = await self._read(person_id)
        self._check_can_be(person_id, profile, settings)
        step = self._followed(person_id).switched.change(profile, settings)
        await self._apply(person_id, step, settings)

    def _end(self, followed: Followed) -> None:
        """Have a profile end, as soon as Tidepool can be asked."""
        ended = followed.switched.ended(self._host.now())
        if ended is followed.switched:
            return
        followed.switched = ended
        self._host.changed(write=True)
        self._host.ask_soon()

    @override
    def conflicts_of(self, person_id: str) -> list[SettingConflict]:
        followed = self._owner.followed.get(person_id)
        if followed is None:
            return []
        return [
            self._conflict(name, one.before, one.theirs, followed)
            for name, one in sorted(followed.switched.conflicts.items())
        ]

    @override
    def stuck_of(self, person_id: str) -> list[SettingConflict]:
        followed = self._owner.stuck.get(person_id)
        return self.held_of(followed) if followed else []

    def held_of(self, followed: Followed) -> list[SettingConflict]:
        """What is to be put back of somebody yet, and what a profile has put in its place."""
        return [
            self._conflict(name, one.before, one.ours[-1], followed)
            for name, one in sorted(followed.switched.held.items())
            if one.ours
        ]

    def _conflict(
        self, name: str, before: Amount, there: Amount, followed: Followed
    ) -> SettingConflict:
        unit, asked = self._owner.unit_for(followed), FIELDS[name]
        return SettingConflict(
            asked.key,
            *(setting_of(asked, one.value, one.unit or unit) for one in (before, there)),
        )

    @override
    async def async_give_up(self, person_id: str) -> None:
        self._owner.give_up(person_id)
        await self._host.save()

    @override
    async def async_resolve(self, person_id: str, *, put_back: bool) -> None:
        async with self._changing(person_id):
            settings, followed = await self._read(person_id), self._followed(person_id)
            step, made, problem = _resolved(followed.switched, settings, put_back=put_back)
            if made.alerts:
                settings = await self._written(person_id, made)
                self._show(person_id, settings)
                made.check_kept(settings)
            followed.switched = step.after
            self._show(person_id, settings)
            await self._host.save()
            if problem:
                raise problem

    @override
    def replay_of(
        self,
        person_id: str,
        asked: Mapping[str, bool | float],
        unit: str | None = None,
        *,
        until: datetime,
        own: bool = False,
    ) -> Callable[[], list[Alert]]:
        followed = self._owner.followed.get(person_id)
        settings = Settings((followed and followed.settings) or {})
        if followed and own:
            settings = with_amounts(settings, followed.switched.own(settings))
        try:
            made = change(settings, {FIELDS[name]: value for name, value in asked.items()}, unit)
        except SettingsError as err:
            raise invalid(err) from err
        return partial(
            replay,
            person_id,
            Settings({**settings.document, **made.alerts}),
            self._host.readings.of(person_id).between(datetime.min.replace(tzinfo=UTC), until),
            until=until,
            delay=followed.delay if followed else None,
        )

    @override
    async def async_delete_settings(self, person_id: str) -> None:
        async with self._changing(person_id):
            deleting = self._client.delete_alerts(person_id, self._me)
            after, failure = await self._sent(person_id, deleting)
            self._show(person_id, after)
            if not after.document:
                return
            if failure:
                raise failure
            raise NotDoneError("settings_not_deleted")

    @asynccontextmanager
    async def _talking(self, person_id: str) -> AsyncIterator[PollState]:
        """Let one at a time talk with Tidepool about somebody's settings.

        Raises:
            ApiError: we are to wait, or there was no usable answer.
            NotDoneError: they are not ours to ask for, or cannot be read.

        """
        if (poll := self._owner.settable().get(person_id)) is None:
            followed = self._owner.followed.get(person_id)
            may_never = followed is not None and FOLLOW not in followed.allowed
            raise NotDoneError("not_shared" if may_never else "permission_lost")
        async with poll.lock:
            self._host.check_wait()
            try:
                yield poll
            except SettingsUnreadableError as err:
                raise NotDoneError("settings_unreadable") from err

    def _followed(self, person_id: str) -> Followed:
        """Somebody whose settings are still ours to change: they may have left, or been given up, while we waited.

        Raises:
            NotDoneError: they are not.

        """
        if (followed := self._owner.followed.get(person_id)) is None:
            raise NotDoneError("permission_lost")
        return followed

    def _show(self, person_id: str, settings: Settings) -> None:
        """Show settings as they are now, and evaluate by them; not of who left while they were asked for."""
        if (poll := self._owner.settable().get(person_id)) is None:
            return
        now = self._host.now()
        poll.settings.answered()
        poll.settings.due = now + SETTINGS_EVERY
        self._owner.take_up(person_id, dict(settings.document) or None)
        self._host.changed(write=True)
        if poll.data.due <= now:
            self._host.ask_soon()

    def _ask_again(self, person_id: str, error: ApiError) -> None:
        """Ask as soon as we may: after this nobody knows what they are."""
        if poll := self._owner.settable().get(person_id):
            poll.settings.due = self._host.now()
        self._host.wait_as_told(error)
        self._host.ask_soon()

    @asynccontextmanager
    async def _changing(self, person_id: str) -> AsyncIterator[None]:
        """Talk about a change: an answer to what was asked before it, or while it was made, is not to be shown."""
        async with self._talking(person_id) as poll:
            poll.changes += 1
            try:
                yield
            except SettingsError as err:
                raise invalid(err) from err
            finally:
                poll.changes += 1

    async def _read(self, person_id: str) -> Settings:
        return Settings(await self._client.alerts(person_id, self._me, whole=True) or {})

    async def _written(self, person_id: str, made: Change) -> Settings:
        """Write a change, and read back what has come of it."""
        sending = self._client.write_alerts(person_id, self._me, made.alerts)
        try:
            after, failure = await self._sent(person_id, sending)
        except RefusedError as err:
            if err.status == 403:
                raise
            if made.odd:
                raise NotDoneError("settings_refused_for", field=str(made.odd)) from err
            raise NotDoneError("settings_refused") from err
        if failure and not made.is_kept_in(after):
            raise failure
        return after

    async def _sent(
        self, person_id: str, sending: Coroutine[Any, Any, None]
    ) -> tuple[Settings, ApiError | None]:
        """Send a change, and read back what has come of it: it may have been made although no usable answer came.

        Raises:
            ApiError: nothing was changed.
            NotDoneError: nobody knows.

        """
        failure: ApiError | None = None
        try:
            await sending
        except AuthError, RateLimitedError, RefusedError:
            raise
        except ApiError as err:
            failure = err
        try:
            return await self._read(person_id), failure
        except ApiError as err:
            self._ask_again(person_id, err)
            raise NotDoneError("settings_not_confirmed") from err


def _resolved(
    switched: Switched, settings: Settings, *, put_back: bool
) -> tuple[Step, Change, SettingsError | None]:
    """What to do of what a person has decided, as far as it can be written, and why not more of it can."""
    problem: SettingsError | None = None
    left: set[str] = set()
    while True:
        step = switched.resolve(put_back=put_back, but=left)
        try:
            return step, put(settings, step.write), problem
        except SettingsError as err:
            problem = problem or err
            left |= _refused(err, step)


def _refused(error: SettingsError, step: Step) -> set[str]:
    """What of a step cannot be written: all of it, where it is something else that is wrong."""
    return {error.field} & step.write.keys() or {*step.write}


def invalid(error: SettingsError) -> NotDoneError:
    """What to tell a person whose change cannot be written, or did not stay."""
    return NotDoneError(
        f"settings_{error.problem}",
        is_input=error.problem is not Problem.NOT_KEPT,
        field=error.field,
        **{name: f"{limit}" for name, limit in error.limits.items()},
    )
