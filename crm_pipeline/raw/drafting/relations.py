"""What several files tell together: how they name each other's rows, who is behind ids per order, what is a lookup."""

from crm_pipeline.raw.drafting.groups import Group
from crm_pipeline.raw.guessing.columns import Match
from crm_pipeline.raw.guessing.words import parts, tokens_of
from crm_pipeline.storage.sql import quoted

#: Orders from which on it is no chance that each of them has a customer of its own.
_FEWEST_ORDERS = 20
_PERSONS = frozenset(["unique", "unico", "person", "persona", "pessoa", "personne", "global", "master", "uuid"])
#: A lookup has few columns, and one of them tells its rows apart.
_MOST_COLUMNS_OF_A_LOOKUP = 4
_COLUMNS_OF_A_TRANSLATION = 2
#: Channels whose rows others name, and by which column.
_NAMED_BY = {"products": "product_id", "customers": "customer_id"}
_FEWEST_IN_COMMON = 3
_PER_ORDER = "there are as many customer ids as orders"


def agree_on_keys(groups: list[Group]) -> None:
    """Map the ids of products and customers to the columns by which other files name them, such as article numbers."""
    for group in groups:
        match, key = group.match, _NAMED_BY.get(group.channel or "", "")
        if match is None or "from" not in match.mappings.get(key, {}):
            continue
        named = {value for other in groups if other is not group for value in other.values(key)}
        common = {name: len(named.intersection(texts)) for name, texts in group.table.columns.items()}
        best = max(common, key=lambda name: common[name])
        most = min(len(named), len(set(group.table.columns[best])))
        if not common[match.mappings[key]["from"]] and common[best] >= max(_FEWEST_IN_COMMON, most / 2):
            match.mappings[key] = {"from": best}
            match.reasons[key] = "other files name them by it"


def find_person_key(groups: list[Group]) -> None:
    """Map what names the person where each order has a customer id of its own; ask where nothing does."""
    for group in groups:
        match = group.match
        if match is None or group.channel != "orders" or not _ids_are_per_order(group):
            continue
        records = [other for other in groups if other.channel == "customers" and other.is_usable] or [group]
        if any(_take_person_key(record) for record in records):
            continue
        if not any(record.values("email") or record.values("phone") for record in records):
            match.doubts["customer_id"] = f"{_PER_ORDER}: which column names the person?"


def lookup_of(group: Group, groups: list[Group]) -> tuple[Group, str] | None:
    """Return the files that a small table explains values of, and by which column; None where it is no lookup."""
    columns = group.table.columns
    if not 2 <= len(columns) <= _MOST_COLUMNS_OF_A_LOOKUP:
        return None
    for name, texts in columns.items():
        if not texts or len(set(texts)) < len(texts):
            continue
        for other in groups:
            values = other.table.columns.get(name)
            if other is not group and values and len(set(values) & set(texts)) > len(set(values)) / 2:
                return other, name
    return None


def join_lookups(groups: list[Group]) -> list[Group]:
    """Join tables of two columns to the sources whose values they explain; return those that were joined."""
    joined = []
    for group in groups:
        found = None if group.is_usable else lookup_of(group, [other for other in groups if other.is_usable])
        if found is None or len(group.table.columns) > _COLUMNS_OF_A_TRANSLATION or found[0].match is None:
            continue
        other, column = found
        other.lookups.append((group, column))
        joined.append(group)
        (explained,) = (name for name in group.table.columns if name != column)
        for name, mapping in list(found[0].match.mappings.items()):
            if mapping == {"from": column} and name not in ("product_id", "order_id", "customer_id"):
                # What the lookup does not know is called as it was.
                found[0].match.mappings[name] = {"sql": f"coalesce({quoted(explained)}, {quoted(column)})"}
                found[0].match.reasons[name] = f"it explains '{column}'"
    return joined


def _ids_are_per_order(group: Group) -> bool:
    ids, orders = group.values("customer_id"), group.values("order_id")
    return len(orders) >= _FEWEST_ORDERS and len(set(ids)) == len(ids) == len(set(orders))


def _take_person_key(group: Group) -> bool:
    match = group.match
    if match is None or "loyalty_id" in match.mappings:
        return match is not None
    name = _person_column(group, match)
    if name is None:
        return False
    match.mappings["loyalty_id"] = {"from": name}
    match.reasons["loyalty_id"] = f"{_PER_ORDER}, and this names the person behind several of them"
    return True


def _person_column(group: Group, match: Match) -> str | None:
    """Return the column of ids of which there are fewer than of customers."""
    customers = len(set(group.values("customer_id")))
    for name, texts in group.table.columns.items():
        words = set(tokens_of(name))
        is_id = bool(words & (parts("ids") | parts("numbers")))
        fewer = customers > len(set(texts)) > customers / 10
        if not match.uses(name) and is_id and (fewer or words & _PERSONS) and len(texts) > customers / 2:
            return name
    return None
