"""What no single column is called like, and others let conclude: names, category paths, who stands in for an id."""

import re
from collections import Counter

from crm_pipeline.config.contract import contracts
from crm_pipeline.raw.guessing.columns import Match, Table, take
from crm_pipeline.raw.guessing.values import ENOUGH, guess_numbers
from crm_pipeline.raw.guessing.words import spellings_of, tokens_of, without_currency
from crm_pipeline.storage.sql import quoted

_LEVELS = re.compile(r"department|division|(product|item|sub|main)?(category|group|type|class)|category\d|level\d")
_HAN = re.compile(r"[\u3400-\u9fff]{2,4}")
#: What else tells one customer from another where they have no number.
_STAND_INS = ("loyalty_id", "email", "phone")
#: Answers on these scales are of this kind: lowest, highest, kind.
_SCALES = ((1, 5, "csat"), (0, 10, "nps"))


def conclude(match: Match, table: Table, file_name: str) -> None:
    """Map what no single column is called like."""
    by_channel = {
        "products": lambda: _join_category_levels(match, table),
        "customers": lambda: _conclude_customer(match, table),
        "survey_responses": lambda: _conclude_answer(match, table, file_name),
        "orders": lambda: _conclude_order(match, table),
        "order_lines": lambda: _conclude_line(match, table),
    }
    by_channel.get(match.channel, lambda: None)()
    _take_currency_of_header(match)


def _conclude_customer(match: Match, table: Table) -> None:
    _map_name(match, table)
    stand_in = next((name for name in _STAND_INS if name in match.mappings), None)
    if "customer_id" not in match.mappings and stand_in and len(match.mappings) > 1:
        match.mappings["customer_id"] = match.mappings[stand_in]
        match.reasons["customer_id"] = f"no column numbers the customers; {stand_in} stands in"


def _map_name(match: Match, table: Table) -> None:
    """Map a column that may be a whole name or a part of one, by what else there is."""
    free = {
        spelling: name for name in reversed(table.columns) if not match.uses(name) for spelling in spellings_of(name)
    }
    part = _first(free, match.languages.names("name"))
    whole = _first(free, match.languages.names("whole_name"))
    has = {"first_name", "last_name"} & set(match.mappings)
    if len(has) == 2:
        return
    if part and has:
        other = "first_name" if "last_name" in has else "last_name"
        take(match, contracts()["customers"].column(other), part, table.columns[part])
        return
    if (name := whole or part) and not has:
        first, last, how = _split(quoted(name), table.columns[name])
        match.mappings |= {"first_name": {"sql": first}, "last_name": {"sql": last}}
        match.reasons["last_name"] = how


def _split(name: str, texts: list[str]) -> tuple[str, str, str]:
    """Return SQL for given and family name, and how they are told apart."""
    if texts and sum("," in text for text in texts) >= ENOUGH * len(texts):
        return f"trim(split_part({name}, ',', 2))", f"trim(split_part({name}, ',', 1))", "what stands before the comma"
    if texts and sum(_HAN.fullmatch(text) is not None for text in texts) >= ENOUGH * len(texts):
        return f"substr({name}, 2)", f"left({name}, 1)", "the first sign of the name"
    first = f"regexp_extract({name}, '^(.*\\S)\\s+\\S+$', 1)"
    return first, f"regexp_extract({name}, '(\\S+)\\s*$', 1)", "the last word of the name"


def _unused(match: Match, table: Table) -> dict[str, str]:
    """Return the columns that no mapping uses yet, by their spellings."""
    names = [name for name in reversed(table.columns) if not match.uses(name)]
    return {spelling: name for name in names for spelling in spellings_of(name)}


def _first(free: dict[str, str], names: list[str]) -> str | None:
    return next((free[spelling] for name in names for spelling in spellings_of(name) if spelling in free), None)


def _join_category_levels(match: Match, table: Table) -> None:
    """Make one path of several columns of categories, the broadest first."""
    levels = [name for name in table.columns if _LEVELS.fullmatch("".join(tokens_of(name)))]
    if len(levels) < 2:
        return
    levels.sort(key=lambda name: len(set(table.columns[name])))
    match.mappings["category_path"] = {"sql": f"concat_ws(' > ', {', '.join(map(quoted, levels))})"}
    if "product_name" not in match.mappings:
        match.mappings["product_name"] = {"from": levels[-1]}
        match.reasons["product_name"] = "there are no names of products; the narrowest category stands in"


def _conclude_answer(match: Match, table: Table, file_name: str) -> None:
    """Say what was asked: the file's name says it, or the scale of the answers."""
    if "kind" in match.mappings or len(match.mappings) < 2:
        return
    kind = next((kind for kind in ("nps", "csat", "ces") if kind in file_name.casefold()), None)
    reason = "the name of the file"
    origin = match.mappings.get("score", {}).get("from")
    if kind is None and origin and table.columns[origin]:
        kind, reason = _kind_of_scale(table.columns[origin])
    if kind:
        match.mappings["kind"] = {"value": kind}
        match.reasons["kind"] = reason


def _kind_of_scale(texts: list[str]) -> tuple[str | None, str]:
    numbers = [float(text) for text in texts if re.fullmatch(r"\d+(\.\d+)?", text)]
    if len(numbers) < len(texts):
        return None, ""
    for lowest, highest, kind in _SCALES:
        if all(lowest <= number <= highest for number in numbers):
            return kind, f"the answers lie between {lowest} and {highest}"
    return None, ""


def _conclude_order(match: Match, table: Table) -> None:
    _conclude_sale(match, table)
    free = {
        spelling: name for name in reversed(table.columns) if not match.uses(name) for spelling in spellings_of(name)
    }
    net = _first(free, match.languages.names("net_total"))
    if net and "total_amount" not in match.mappings and guess_numbers(table.columns[net]):
        take(match, contracts()["orders"].column("total_amount"), net, table.columns[net])
    if _is_net(match):
        match.mappings.pop("tax_amount", None)


def _is_net(match: Match) -> bool:
    """Tell whether what is taken for the total says that it is without tax: then no tax is to be taken from it."""
    origin = match.mappings.get("total_amount", {}).get("from", "")
    words = set(tokens_of(origin))
    return any(set(tokens_of(word)) <= words for word in match.languages.words("net"))


def _conclude_line(match: Match, table: Table) -> None:
    _conclude_sale(match, table)
    if "quantity" not in match.mappings and {"order_id", "product_id"} <= set(match.mappings):
        match.mappings["quantity"] = {"value": "1"}
        match.reasons["quantity"] = "no column says how many: each row is one unit"


def _conclude_sale(match: Match, table: Table) -> None:
    if len(match.mappings) > 1 and "sales_channel" not in match.mappings:
        store = "store_id" in match.mappings
        match.mappings["sales_channel"] = {"value": "store" if store else "web"}
        match.reasons["sales_channel"] = "each row names a store" if store else "no row names a store"
    orders = match.mappings.get("order_id", {}).get("from")
    prefix = _credit_note_prefix(table.columns[orders]) if orders and "status" not in match.mappings else None
    if orders and prefix:
        case = f"case when {quoted(orders)} like '{prefix}%' then 'returned' else 'completed' end"
        match.mappings["status"] = {"sql": case}
        match.reasons["status"] = f"numbers that begin with {prefix} are credit notes"


def _credit_note_prefix(orders: list[str]) -> str | None:
    """Return the letter of credit notes among order numbers that are plain digits otherwise."""
    letters = {text[0] for text in orders if re.fullmatch(r"[CRcr]\d+", text)}
    plain = sum(text.isdecimal() for text in orders)
    return min(letters) if letters and plain > 0.8 * len(orders) else None


def _take_currency_of_header(match: Match) -> None:
    """Take the currency that the names of the amounts give, where no column does."""
    found = Counter(code for origin in match.origins if (code := without_currency(origin)[1]))
    names = contracts()[match.channel].column_names
    if len(found) == 1 and "currency" in names and "currency" not in match.mappings:
        match.mappings["currency"] = {"value": next(iter(found))}
        match.reasons["currency"] = "the names of the amounts say it"
