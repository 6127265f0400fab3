"""What is kept of responses, read as far as it can be."""

from custom_components.care_alerts.responses.store import Kept


def test_whose_silence_is_told_is_kept() -> None:
    silent = {("phone", "entry"): "unreachable", ("notify.sms", "entry"): "no_new_data"}
    kept = Kept(silent=silent, off={"plan"}, tried=True)
    again = Kept.from_dict(kept.to_dict())
    assert (again.silent, again.off, again.tried) == (silent, {"plan"}, True)


def test_of_what_makes_no_sense_the_rest_is_kept() -> None:
    odd = [["phone", "entry", "unreachable"], ["phone", "entry"], ["phone", 7, "x"], None]
    assert Kept.from_dict({"silent": odd}).silent == {("phone", "entry"): "unreachable"}
    assert Kept.from_dict({"silent": "phone", "off": 3}).silent == {}
