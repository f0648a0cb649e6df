"""What the systems hold of the same people: who is in which, how they disagree, what changes later."""

import pandas as pd
import pytest

from crm_pipeline.sample.records import PLACEHOLDER_EMAILS, SHOP_PHONE

FILES = {"till": ("members", "member_no"), "shop": ("accounts", "id"), "office": ("clients", "client_no")}


@pytest.fixture(scope="module")
def customers(landing):
    known = landing.truth("records").astype(str)
    return known[known["kind"] == "customer"]


@pytest.fixture(scope="module")
def tables(landing, dirt):
    """The customer files by system, without copies and rows whose id is broken."""
    read = {}
    for system, (source, key) in FILES.items():
        table = landing.table(f"{source}_*.csv.gz")
        known = set(landing.truth("records").query("system == @system")["source_id"].astype(str))
        read[system] = table[table[key].isin(known)].drop_duplicates()
    return read


def side_by_side(customers, tables, one, other):
    """First versions of the first records of the people whom both systems hold."""
    frames = []
    for system in (one, other):
        key = FILES[system][1]
        first = customers[customers["system"] == system].drop_duplicates("person")
        table = tables[system].drop_duplicates(key)
        frames.append(first.merge(table, left_on="source_id", right_on=key).set_index("person"))
    shared = frames[0].index.intersection(frames[1].index)
    return frames[0].loc[shared], frames[1].loc[shared]


def test_the_stated_shares_of_people_are_in_till_and_shop(company, landing):
    people = landing.truth("people")
    assert len(people) == len(company.world.people)
    count = len(people)
    assert (people["in_till"] & people["in_shop"]).sum() == round(count * 0.35)
    assert (people["in_till"] & ~people["in_shop"]).sum() == round(count * 0.35)
    seen = landing.truth("records").query("system in ['till', 'shop'] and kind in ['customer', 'guest_order']")
    assert seen["person"].nunique() == count, "every person is in some system"


def test_true_records_are_the_ids_in_the_files(landing, customers):
    for system, (source, key) in FILES.items():
        ids = set(landing.table(f"{source}_*.csv.gz")[key].str.strip()) - {""}
        told = set(customers.loc[customers["system"] == system, "source_id"])
        assert ids <= told
        assert len(told - ids) <= 20, "only ids that a planted fault took away are missing"


def test_till_and_shop_disagree_about_the_same_people(customers, tables):
    till, shop = side_by_side(customers, tables, "till", "shop")
    both = (till["email"] != "") & (shop["email"] != "")
    assert 0.25 < (till["email"] != shop["email"])[both].mean() < 0.75
    tidy = till["email"].str.strip().str.lower() == shop["email"].str.strip().str.lower()
    assert 0.6 < tidy[both].mean() < 0.95, "most agree once they are normalised, not all"
    phones = (till["mobile"] != "") & (shop["phone"] != "")
    assert (till["mobile"] != shop["phone"])[phones].mean() > 0.4
    born = pd.to_datetime(till["dob"], format="%d/%m/%Y", errors="coerce")
    other = pd.to_datetime(shop["birthday"], format="%Y-%m-%d", errors="coerce")
    dated = born.notna() & other.notna()
    assert 0 < (born != other)[dated].mean() < 0.15
    cards = shop["loyalty_card"] != ""
    assert 0.15 < cards.mean() < 0.45
    assert (shop["loyalty_card"] == till["card_no"])[cards].mean() > 0.85


def test_chinese_names_are_in_characters_in_the_shop_and_in_pinyin_at_the_till(landing, customers, tables):
    people = landing.truth("people").astype({"person": str}).set_index("person")
    till, shop = side_by_side(customers, tables, "till", "shop")
    chinese = people.loc[till.index, "script"] == "chinese"
    assert chinese.sum() >= 5
    assert till.loc[chinese, "surname"].map(str.isascii).all()
    assert (~shop.loc[chinese, "last_name"].map(str.isascii)).mean() > 0.5


def test_stand_ins_and_the_shops_own_phone_are_on_many_records(tables):
    assert (tables["till"]["mobile"] == SHOP_PHONE).sum() > 5
    assert tables["till"]["email"].str.strip().str.lower().isin(PLACEHOLDER_EMAILS).any()


def test_some_emails_belong_to_two_people_of_one_household(company):
    people = company.world.people
    shared = people["email"].duplicated(keep=False)
    assert shared.any()
    assert (people.loc[shared, "household"] >= 0).all()
    home = people[people["household"] >= 0]
    first = people.set_index("person").loc[home["household"]]
    for column in ("last_name", "street", "moved_day", "new_street"):
        assert (home[column].to_numpy() == first[column].to_numpy()).all(), column


def test_people_who_register_again_get_a_new_id_in_the_same_system(customers):
    for system in FILES:
        per_person = customers[customers["system"] == system].groupby("person")["source_id"].nunique()
        assert 0.005 < (per_person == 2).mean() < 0.1
        assert per_person.max() == 2


def test_who_moves_or_withdraws_comes_again_as_a_later_version(tables):
    clients = tables["office"].assign(changed=lambda t: pd.to_datetime(t["changed"], format="%d.%m.%Y %H:%M"))
    again = clients[clients["client_no"].duplicated(keep=False)].sort_values(["client_no", "changed"])
    assert not clients.duplicated(["client_no", "changed"]).any(), "one version at a time"
    before = again.groupby("client_no").nth(0).set_index("client_no")
    after = again.groupby("client_no").nth(-1).set_index("client_no")
    moved, withdrew = before["street"] != after["street"], before["ok_mail"] != after["ok_mail"]
    assert moved.any()
    assert withdrew.any()
    assert (moved | withdrew).all(), "a version says something new"
    assert (after.loc[withdrew, "ok_mail"] == "0").all()


def test_the_office_names_who_brought_whom(company, tables):
    brought = tables["office"].query("brought_by != ''")
    assert len(brought) > 5
    assert set(brought["brought_by"]) <= set(company.records.query("system == 'office'")["source_id"])
    assert (brought["won_by"] == "referral").all()


def test_portuguese_customers_have_addresses_numbers_and_money_of_their_own(company, tables):
    people = company.world.people.set_index("person")
    portuguese = people[people["country"] == "PT"]
    assert 0.04 < len(portuguese) / len(people) < 0.12
    assert portuguese["phone"].str.fullmatch(r"\+3519[1236][0-9]{7}").all()
    assert portuguese["postcode"].str.fullmatch(r"[0-9]{4}-[0-9]{3}").all()
    assert not portuguese["in_till"].any(), "there is no store in Portugal"
    assert (portuguese["language"] == "pt").mean() > 0.8
    orders = company.world.purchases.orders
    assert set(orders.loc[orders["person"].isin(portuguese.index), "currency"]) == {"EUR"}
    accounts = tables["shop"]
    abroad = accounts[accounts["country"] == "PT"]
    assert len(abroad) > 20
    assert abroad["phone"].str.match(r"9[0-9]{2}").any(), "many leave the country's code out"
