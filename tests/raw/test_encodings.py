"""The encoding of a text file, told by the names and towns in it, with what else it may be."""

import gzip

import pytest

from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.guessing.encoding import encoding_of, find_encoding
from crm_pipeline.raw.init import write_draft
from tests.raw.conftest import RUN_TIME

PEOPLE = {
    "cp932": ["山田太郎,東京都新宿区西新宿", "鈴木花子,大阪府大阪市北区梅田", "佐藤健一,神奈川県横浜市"],
    "euc_jp": ["山田太郎,東京都新宿区西新宿", "鈴木花子,大阪府大阪市北区梅田", "佐藤健一,神奈川県横浜市"],
    "gb18030": ["王伟,北京市朝阳区建国路", "李娜,上海市浦东新区", "张敏,广州市天河区"],
    "big5": ["王小明,台北市信義區", "陳美玲,新北市板橋區", "林志豪,高雄市前鎮區"],
    "cp949": ["김민수,서울특별시 강남구", "이영희,부산광역시 해운대구", "박지훈,대구광역시 수성구"],
    "cp1250": ["Łukasz Wójcik,Kraków", "Małgorzata Żółć,Łódź", "Paweł Śliwiński,Gdańsk", "Jiří Dvořák,Plzeň"],
    "cp1251": ["Иван Петров,Москва", "Мария Сидорова,Казань", "Алексей Смирнов,Пермь"],
    "cp1253": ["Γιώργος Παπαδόπουλος,Αθήνα", "Μαρία Νικολάου,Θεσσαλονίκη", "Ελένη Γεωργίου,Πάτρα"],
    "iso8859_7": ["Γιώργος Παπαδόπουλος,Αθήνα", "Μαρία Νικολάου,Θεσσαλονίκη", "Ελένη Γεωργίου,Πάτρα"],
    "cp1254": ["Ayşe Yılmaz,İstanbul", "Mehmet Öztürk,Şişli", "Çağrı Demir,İzmir", "Gülşen Işık,Muğla"],  # noqa: RUF001
    "cp1252": ["José García,Málaga", "François Lefèvre,Besançon", "Jürgen Müller,Köln", "Zoë O’Brien,Größe"],  # noqa: RUF001
    "latin_1": ["José García,Málaga", "Jürgen Müller,Köln", "Märta Åkesson,Västerås"],
    "mac_roman": ["José García,Málaga", "François Lefèvre,Besançon", "Jürgen Müller,Köln", "Hélène Noël,Nîmes"],
    "utf-16-le": ["José García,Málaga", "Jürgen Müller,Köln"],
    "utf-8-sig": ["José García,Málaga", "Jürgen Müller,Köln"],
}  # fmt: skip


def table(people, rows):
    lines = [f"{number},{people[number % len(people)]},a{number}@example.com" for number in range(rows)]
    return "\n".join(["id,name,city,email", *lines, ""])


@pytest.mark.parametrize("rows", [5, 300])
@pytest.mark.parametrize("encoding", PEOPLE)
def test_the_encoding_that_is_found_means_the_text_that_was_written(encoding, rows):
    text = table(PEOPLE[encoding], rows)
    found = find_encoding(text.encode(encoding))
    assert text.encode(encoding).decode(found.name).removeprefix("\ufeff") == text


def test_letters_that_may_be_read_in_two_ways_are_said():
    found = find_encoding("id,name\n1,Kovács Gergő\n2,Nagy Zoltán\n".encode("cp1250"))
    assert "cp1250" in (found.name, *found.others)
    assert found.others


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_letters_far_down_a_file_tell_its_encoding(tmp_path, pack):
    text = "id,name\n" + "1,Smith\n" * 200_000 + "\n".join(PEOPLE["cp1250"]) + "\n3,Jones\n" * 10
    path = tmp_path / "a.csv"
    path.write_bytes(pack(text.encode("cp1250")))
    assert encoding_of(path).name == "cp1250"


@pytest.mark.parametrize("encoding", ["cp932", "cp949", "cp1251", "mac_roman"])
def test_a_draft_reads_a_file_in_the_encoding_that_was_found(shop, encoding):
    shop.deliver("customers.csv", table(PEOPLE[encoding], 30).encode(encoding))
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert f"encoding: {encoding}" in draft.text
    assert check_sources(shop.dataset, RUN_TIME).is_fine


def test_an_encoding_is_proposed_only_where_it_reads_more(shop):
    customers = {"name": "people", "channel": "customers", "files": "landing/*", "columns": {"customer_id": "id"}}
    shop.configure(customers | {"read": {"encoding": "cp1252"}})
    shop.deliver("customers.csv", table(PEOPLE["cp1250"], 30).encode("cp1250"))
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    shop.configure(customers)
    (complaint,) = check_sources(shop.dataset, RUN_TIME).sources[0].complaints[:1]
    assert "it looks like cp1250" in complaint.problem
    assert "encoding: cp1250" in complaint.remedy
