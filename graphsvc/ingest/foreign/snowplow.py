"""Enriched events of Snowplow: tab-separated in 131 fields, or the JSON that its analytics SDKs make of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..jsonl_reader import WrongColumns
from .records import Record, first, under

#: The fields of an enriched event in their order.
# fmt: off
FIELDS = (
    "app_id", "platform", "etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "event", "event_id", "txn_id",
    "name_tracker", "v_tracker", "v_collector", "v_etl", "user_id", "user_ipaddress", "user_fingerprint",
    "domain_userid", "domain_sessionidx", "network_userid", "geo_country", "geo_region", "geo_city", "geo_zipcode",
    "geo_latitude", "geo_longitude", "geo_region_name", "ip_isp", "ip_organization", "ip_domain", "ip_netspeed",
    "page_url", "page_title", "page_referrer", "page_urlscheme", "page_urlhost", "page_urlport", "page_urlpath",
    "page_urlquery", "page_urlfragment", "refr_urlscheme", "refr_urlhost", "refr_urlport", "refr_urlpath",
    "refr_urlquery", "refr_urlfragment", "refr_medium", "refr_source", "refr_term", "mkt_medium", "mkt_source",
    "mkt_term", "mkt_content", "mkt_campaign", "contexts", "se_category", "se_action", "se_label", "se_property",
    "se_value", "unstruct_event", "tr_orderid", "tr_affiliation", "tr_total", "tr_tax", "tr_shipping", "tr_city",
    "tr_state", "tr_country", "ti_orderid", "ti_sku", "ti_name", "ti_category", "ti_price", "ti_quantity",
    "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max", "useragent", "br_name", "br_family",
    "br_version", "br_type", "br_renderengine", "br_lang", "br_features_pdf", "br_features_flash",
    "br_features_java", "br_features_director", "br_features_quicktime", "br_features_realplayer",
    "br_features_windowsmedia", "br_features_gears", "br_features_silverlight", "br_cookies", "br_colordepth",
    "br_viewwidth", "br_viewheight", "os_name", "os_family", "os_manufacturer", "os_timezone", "dvce_type",
    "dvce_ismobile", "dvce_screenwidth", "dvce_screenheight", "doc_charset", "doc_width", "doc_height",
    "tr_currency", "tr_total_base", "tr_tax_base", "tr_shipping_base", "ti_currency", "ti_price_base",
    "base_currency", "geo_timezone", "mkt_clickid", "mkt_network", "etl_tags", "dvce_sent_tstamp",
    "refr_domain_userid", "refr_dvce_tstamp", "derived_contexts", "domain_sessionid", "derived_tstamp",
    "event_vendor", "event_name", "event_format", "event_version", "event_fingerprint", "true_tstamp",
)

# fmt: on

_CHANNELS = {"web": "website", "mob": "app", "srv": "server", "tv": "tv", "cnsl": "console", "pc": "desktop"}
_PROPERTIES = (
    "app_id",
    "page_urlpath",
    "page_title",
    "refr_medium",
    "refr_source",
    "mkt_medium",
    "mkt_source",
    "mkt_campaign",
    "mkt_term",
    "mkt_content",
    "se_category",
    "se_action",
    "se_label",
    "se_property",
    "se_value",
    "tr_orderid",
    "geo_country",
    "dvce_type",
)
_MOBILE_SESSION = "client_session"


def decode(line: bytes) -> Any:
    """One line of either form as a record.

    Raises:
        WrongColumns: it is no JSON object and does not have the fields of an enriched event.
    """
    text = line.decode().rstrip("\r")
    if text.startswith("{"):
        return json.loads(text)
    fields = text.split("\t")
    if len(fields) != len(FIELDS):
        raise WrongColumns
    return dict(zip(FIELDS, fields, strict=True))


def shape(event: Record) -> Record:
    """One event in the plain field names."""
    entities = dict(_entities(event))
    platform = event.get("platform")
    return {
        "kind": "event",
        "event_id": event.get("event_id"),
        "time": first(*(event.get(name) for name in ("derived_tstamp", "collector_tstamp", "dvce_created_tstamp"))),
        "name": _name(event),
        "channel": _CHANNELS.get(str(platform), platform),
        "value": event.get("tr_total"),
        "currency": event.get("tr_currency"),
        "identifiers.user_id": event.get("user_id"),
        "identifiers.cookie": event.get("domain_userid"),
        "identifiers.network_userid": event.get("network_userid"),
        "identifiers.device_id": entities.get(_MOBILE_SESSION, {}).get("userId"),
        **under("properties", {name: event.get(name) for name in _PROPERTIES}),
        **under("properties", _own(event)),
    }


def _name(event: Record) -> Any:
    """What was done: the action of a structured event, the name of one's own kind of event, or the kind."""
    if event.get("event") in ("struct", "se"):
        return first(event.get("se_action"), event.get("event_name"))
    return first(event.get("event_name"), event.get("event"))


def _own(event: Record) -> Any:
    """The data of a self-describing event."""
    for name, value in event.items():
        if name.startswith("unstruct_event_"):
            return value
    told = _parsed(event.get("unstruct_event"))
    return told.get("data", {}).get("data") if isinstance(told.get("data"), dict) else None


def _entities(event: Record) -> Iterator[tuple[str, Record]]:
    """The entities of an event by the name of their schema, in both forms."""
    for name, value in event.items():
        if name.startswith("contexts_") and isinstance(value, list):
            for data in value:
                if isinstance(data, dict):
                    yield re.sub(r"_\d+$", "", name).removeprefix("contexts_com_snowplowanalytics_snowplow_"), data
    for column in ("contexts", "derived_contexts"):
        listed = _parsed(event.get(column)).get("data")
        for entity in listed if isinstance(listed, list) else ():
            if isinstance(entity, dict) and isinstance(entity.get("data"), dict):
                schema = re.search(r"^iglu:[^/]+/([^/]+)/", str(entity.get("schema")))
                yield (schema[1] if schema else ""), entity["data"]


def _parsed(text: Any) -> Record:
    """A JSON object, from its text or as it is; an empty one where it is none."""
    try:
        value = json.loads(text) if isinstance(text, str) and text else text
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
