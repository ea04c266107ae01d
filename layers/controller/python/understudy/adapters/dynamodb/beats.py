"""The one write that records a beat or a signal, and what its refusal means.

recorded            same boot:  beat ──────►  greater number, and not taken in before it      recorded
                    other boot: heard_at ──►  later second        recorded
                    anything else: a duplicate or out of order    STALE
"""

from collections.abc import Mapping
from typing import Any

from understudy.adapters.dynamodb.items import FORMAT, format_of
from understudy.adapters.dynamodb.maps import to_map
from understudy.adapters.dynamodb.values import to_attribute
from understudy.domain.cluster.departure import Cause
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.signal import (
    AlarmSignal,
    DepartureSignal,
    FaultSignal,
    LateSignal,
    NamesSignal,
    PowerSignal,
    Signal,
)
from understudy.ports.ledger import NOT_A_MEMBER, STALE, UNKNOWN_CLUSTER, Refusal

NODE = "#nodes.#id"
IS_MEMBER = f"attribute_exists({NODE})"

NEVER_HEARD = f"attribute_not_exists({NODE}.#heard_at)"
LATER_OF_SAME_BOOT = f"({NODE}.#boot = :boot AND {NODE}.#beat < :beat AND {NODE}.#heard_at <= :heard_at)"
LATER_OF_OTHER_BOOT = f"({NODE}.#boot <> :boot AND {NODE}.#heard_at < :heard_at)"
BEAT_IS_NEW = f"{IS_MEMBER} AND ({NEVER_HEARD} OR {LATER_OF_SAME_BOOT} OR {LATER_OF_OTHER_BOOT})"
RUN_IS_UNBROKEN = f"{NODE}.#due_by >= :recorded_at"
NONE_WAS_LOST = f"(attribute_not_exists({NODE}.#accepted) OR {NODE}.#accepted >= :accepted_before)"
RUN_GOES_ON = f"{NODE}.#due_by = :heard_at + #terms.#hearing_s"
RUN_BEGINS = f"{RUN_GOES_ON}, {NODE}.#heard_since = :recorded_at"
RUN_BEGINS_AFTER_LOSS = f"{RUN_BEGINS}, {NODE}.#lost_at = :recorded_at"
RUN_BROKEN = Refusal("run_broken")
BEAT_LOST = Refusal("beat_lost")
BEAT_WORDS = ("beat", "heard_at", "boot", "service", "keeps_lease", "read_epoch", "agent", "knows", "named")

SOMETIMES = ("quorum", "unfit", "config", "key", "silent", "accepted", "waits", "fitness")

POWER_NEVER_TOLD = f"attribute_not_exists({NODE}.#power_at)"
POWER_NOT_OLDER = f"{NODE}.#power_at <= :at"
POWER_IS_NEW = f"{IS_MEMBER} AND ({POWER_NEVER_TOLD} OR {POWER_NOT_OLDER})"

FORMAT_IS_KNOWN = "(attribute_not_exists(#v) OR #v <= :v)"
NEWER_FORMAT = Refusal("newer_format")

FAULT_IS_OF_THIS_VERSION = f"{IS_MEMBER} AND #definition_version = :definition_version"

NAMES_ARE_THESE = f"{IS_MEMBER} AND {NODE}.#named = :named"

LATENESS_IS_NEW = f"{IS_MEMBER} AND (attribute_not_exists({NODE}.#late_at) OR {NODE}.#late_at < :late_at)"

DEPARTURE = f"{NODE}.#departure"
DEPARTURE_STANDS = f"{NODE}.#departure_boot = {NODE}.#boot"
NO_DEPARTURE_YET = f"attribute_not_exists({DEPARTURE})"

ALARM = f"{NODE}.#alarms.#alarm"
ALARM_NEVER_TOLD = f"attribute_not_exists({ALARM})"
ALARM_NOT_OLDER = f"{ALARM}.#at <= :at"
ALARM_IS_NEW = f"{IS_MEMBER} AND ({ALARM_NEVER_TOLD} OR {ALARM_NOT_OLDER})"


def beat_update(beat: Beat) -> dict[str, Any]:
    """The arguments of the UpdateItem that records a beat of an unbroken run: every beat but the first after a gap."""
    unbroken = f"{BEAT_IS_NEW} AND {RUN_IS_UNBROKEN}"
    if not beat.accepted:
        return _of_known_format(_beat_update(beat, RUN_GOES_ON, unbroken))
    update = _of_known_format(_beat_update(beat, RUN_GOES_ON, f"{unbroken} AND {NONE_WAS_LOST}"))
    update["ExpressionAttributeValues"][":accepted_before"] = to_attribute(beat.accepted - 1)
    return update


def first_beat_update(beat: Beat, *, after_loss: bool = False) -> dict[str, Any]:
    """The arguments of the UpdateItem that records a beat with which a run of beats begins.

    `after_loss`: a beat between this one and the newest that is recorded was lost, or is late.
    """
    if after_loss:
        return _of_known_format(_beat_update(beat, RUN_BEGINS_AFTER_LOSS, BEAT_IS_NEW, "heard_since", "lost_at"))
    return _of_known_format(_beat_update(beat, RUN_BEGINS, BEAT_IS_NEW, "heard_since"))


def _beat_update(beat: Beat, run: str, condition: str, *more_words: str) -> dict[str, Any]:
    """It sets what a beat says of its sender, and the run that it belongs to, and nothing else.

    What the newest beat does not say, of those words that only some beats have, is not known any more.
    """
    said = (*BEAT_WORDS, *(word for word in SOMETIMES if getattr(beat, word)))
    removed = ", ".join(f"{NODE}.#{word}" for word in SOMETIMES if word not in said)
    unsaid = f" REMOVE {removed}" if removed else ""
    return {
        "UpdateExpression": "SET " + ", ".join([*(f"{NODE}.#{word} = :{word}" for word in said), run]) + unsaid,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {
            "#id": beat.instance_id,
            **_names("nodes", "terms", "hearing_s", "due_by", *more_words, *SOMETIMES, *BEAT_WORDS),
        },
        "ExpressionAttributeValues": {f":{word}": to_attribute(getattr(beat, word)) for word in (*said, "recorded_at")},
    }


def signal_update(signal: Signal) -> dict[str, Any]:
    """The arguments of the UpdateItem that records EC2's or CloudWatch's word."""
    if isinstance(signal, FaultSignal):
        return _of_known_format(_fault_update(signal))
    if isinstance(signal, NamesSignal):
        return _of_known_format(_names_update(signal))
    if isinstance(signal, LateSignal):
        return _of_known_format(_late_update(signal))
    if isinstance(signal, DepartureSignal):
        return _of_known_format(_departure_update(signal))
    return _of_known_format(_power_update(signal) if isinstance(signal, PowerSignal) else _alarm_update(signal))


def _of_known_format(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same write, but not into an item that newer code has written in a format of its own."""
    return {
        **arguments,
        "ConditionExpression": f"{FORMAT_IS_KNOWN} AND {arguments['ConditionExpression']}",
        "ExpressionAttributeNames": {**arguments["ExpressionAttributeNames"], "#v": "v"},
        "ExpressionAttributeValues": {**arguments["ExpressionAttributeValues"], ":v": to_attribute(FORMAT)},
    }


def refusal_of(instance_id: str, item: Mapping[str, Any] | None) -> Refusal:
    """Why the condition failed, by the state item as it stood then (None: there was none)."""
    if not item:
        return UNKNOWN_CLUSTER
    if format_of(item) > FORMAT:
        return NEWER_FORMAT
    return STALE if instance_id in item["nodes"]["M"] else NOT_A_MEMBER


def refusal_of_beat(beat: Beat, item: Mapping[str, Any] | None) -> Refusal:
    """As refusal_of; RUN_BROKEN or BEAT_LOST when the beat may only not go on with its node's run of beats."""
    refusal = refusal_of(beat.instance_id, item)
    if refusal is not STALE or not item:
        return refusal
    node = item["nodes"]["M"][beat.instance_id]["M"]
    if "accepted" in node and int(node["accepted"]["N"]) + 1 < (beat.accepted or 0):
        return BEAT_LOST
    return RUN_BROKEN if float(node.get("due_by", {"N": "0"})["N"]) < beat.recorded_at else STALE


def _power_update(signal: PowerSignal) -> dict[str, Any]:
    """The boot that beat last is copied within the same write, so no beat can come between."""
    return {
        "UpdateExpression": (f"SET {NODE}.#power = :power, {NODE}.#power_at = :at, {NODE}.#power_boot = {NODE}.#boot"),
        "ConditionExpression": POWER_IS_NEW,
        "ExpressionAttributeNames": {
            "#id": signal.instance_id,
            **_names("nodes", "power", "power_at", "power_boot", "boot"),
        },
        "ExpressionAttributeValues": {":power": to_attribute(signal.power), ":at": to_attribute(signal.at)},
    }


def _alarm_update(signal: AlarmSignal) -> dict[str, Any]:
    return {
        "UpdateExpression": f"SET {ALARM} = :alarm",
        "ConditionExpression": ALARM_IS_NEW,
        "ExpressionAttributeNames": {
            "#id": signal.instance_id,
            "#alarm": signal.alarm,
            **_names("nodes", "alarms", "at"),
        },
        "ExpressionAttributeValues": {
            ":alarm": to_attribute({"on": signal.on, "at": signal.at}),
            ":at": to_attribute(signal.at),
        },
    }


def _fault_update(signal: FaultSignal) -> dict[str, Any]:
    of = {"definition_version": signal.definition_version}
    return _words_update(signal.instance_id, "fault", signal.fault, FAULT_IS_OF_THIS_VERSION, of)


def _names_update(signal: NamesSignal) -> dict[str, Any]:
    return _words_update(signal.instance_id, "misnamed", signal.misnamed, NAMES_ARE_THESE, {"named": signal.named})


def _late_update(signal: LateSignal) -> dict[str, Any]:
    return {
        "UpdateExpression": f"SET {NODE}.#late_at = :late_at",
        "ConditionExpression": LATENESS_IS_NEW,
        "ExpressionAttributeNames": {"#id": signal.instance_id, **_names("nodes", "late_at")},
        "ExpressionAttributeValues": {":late_at": to_attribute(signal.at)},
    }


def _departure_update(signal: DepartureSignal) -> dict[str, Any]:
    """The more certain word stands, whichever came first, unless the machine has come back from it; of two that are
    alike the newer one.
    """
    causes = tuple(Cause)
    rank = causes.index(signal.departure.cause)
    known = {f":{cause.name.lower()}": cause for cause in causes[: rank + 1]}
    *weaker, alike = known
    is_news = f"({DEPARTURE}.#cause = {alike} AND {DEPARTURE}.#at <= :at)"
    if weaker:
        is_news = f"({is_news} OR {DEPARTURE}.#cause IN ({', '.join(weaker)}))"
    came_back = f"({DEPARTURE}.#cause <> :auto_scaling AND NOT {DEPARTURE_STANDS})"
    return {
        "UpdateExpression": f"SET {DEPARTURE} = :departure, {NODE}.#departure_boot = {NODE}.#boot",
        "ConditionExpression": f"{IS_MEMBER} AND ({NO_DEPARTURE_YET} OR {is_news} OR {came_back})",
        "ExpressionAttributeNames": {
            "#id": signal.instance_id,
            **_names("nodes", "departure", "departure_boot", "boot", "at", "cause"),
        },
        "ExpressionAttributeValues": {
            ":departure": to_attribute(to_map(signal.departure)),
            ":at": to_attribute(signal.departure.at),
            **{name: to_attribute(cause) for name, cause in {**known, ":auto_scaling": Cause.AUTO_SCALING}.items()},
        },
    }


def _words_update(instance_id: str, word: str, text: str, condition: str, of: Mapping[str, Any]) -> dict[str, Any]:
    """Sets an attribute of a node to words for people, or removes it when there are none to say.

    `of`: what the condition compares, by the name of the attribute.
    """
    values = {f":{name}": to_attribute(value) for name, value in of.items()}
    if text:
        values[f":{word}"] = to_attribute(text)
    return {
        "UpdateExpression": f"SET {NODE}.#{word} = :{word}" if text else f"REMOVE {NODE}.#{word}",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#id": instance_id, **_names("nodes", word, *of)},
        "ExpressionAttributeValues": values,
    }


def _names(*words: str) -> dict[str, str]:
    return {f"#{word}": word for word in words}
