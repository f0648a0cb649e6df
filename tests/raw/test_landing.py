"""What lies in landing may be no file, lead elsewhere, be forbidden, change, or have a name that is no text."""

import os
import socket
from pathlib import Path

import pytest

from crm_pipeline.raw import landing
from crm_pipeline.raw.accounting import open_entries
from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.init import write_draft
from crm_pipeline.raw.landed import is_there, shown_name
from crm_pipeline.raw.load import load
from tests.raw.another_user import another_user
from tests.raw.conftest import ORDERS, RUN_TIME

ROWS = "id,at,total,mail,status\n1,2024-01-01,10,,\n"
SOURCE = ORDERS | {"files": "landing/*"}


def settle(path: Path) -> None:
    """Let a file look as if it had been left alone for long enough to be remembered."""
    landing._LEFT_ALONE = -60
    assert path.exists()


@pytest.fixture(autouse=True)
def _left_alone(monkeypatch):
    monkeypatch.setattr(landing, "_LEFT_ALONE", landing._LEFT_ALONE)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def server(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        # A socket's path is limited to a hundred characters.
        os.chdir(path.parent)
        listening.bind(path.name)


def loop(path: Path) -> None:
    path.symlink_to(path.with_name("b.csv"))
    path.with_name("b.csv").symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere.csv")


def outside(path: Path) -> None:
    (path.parents[3] / "secret.csv").write_text(ROWS)
    path.symlink_to(path.parents[3] / "secret.csv")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD = [
    (pipe, "It is a named pipe, not a file."),
    (server, "It is a socket, not a file."),
    (loop, "It is a link that leads back to itself."),
    (dangling, "It is a link that leads nowhere."),
    (outside, "It leads out of the dataset folder by a link."),
    (device, "It leads out of the dataset folder by a link."),
    (Path.mkdir, "It is a folder, not a file."),
]


@pytest.mark.parametrize(("make", "problem"), ODD)
def test_what_is_no_file_is_refused_and_the_others_load(shop, monkeypatch, make, problem):
    monkeypatch.chdir(Path.cwd())
    shop.configure(SOURCE)
    odd = shop.deliver("z.csv", ROWS).with_name("a.csv")
    make(odd)
    (complaint, *_) = check_sources(shop.dataset, RUN_TIME).sources[0].complaints
    assert (complaint.file, complaint.problem) == ("landing/a.csv", problem)
    shop.load()
    assert shop.entry("z.csv").rows_loaded == 1
    assert (shop.entry("a.csv").outcome, shop.entry("a.csv").rows_read) == ("refused", 0)
    assert shop.entry("a.csv").problem.startswith(problem)
    assert "landing/a.csv" in [entry.file for entry in open_entries(shop.ledger(), shop.settings.dataset_folder)]
    assert not shop.load().changed
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert make is Path.mkdir or any(problem in note for note in draft.notes)


@pytest.mark.parametrize("linked", ["file", "folder", "landing"])
def test_a_link_out_of_the_folder_is_read_where_the_deployment_allows_it(shop, tmp_path, linked):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "landing").mkdir(parents=True)
    (elsewhere / "landing" / "orders.csv").write_text(ROWS)
    folder = shop.settings.dataset_folder
    if linked == "landing":
        (folder / "landing").symlink_to(elsewhere / "landing")
    else:
        (folder / "landing").mkdir()
        target = elsewhere / "landing" / ("orders.csv" if linked == "file" else "")
        (folder / "landing" / target.name).symlink_to(target)
    shop.configure(SOURCE | {"files": "landing/*/*.csv" if linked == "folder" else "landing/*.csv"})
    shop.load()
    (entry,) = shop.ledger()
    assert entry.outcome == "refused"
    assert f"let this deployment read {elsewhere / 'landing'} with CRM_LINKED_FOLDERS" in entry.problem
    allowed = shop.settings.model_copy(update={"linked_folders": (elsewhere,)})
    assert check_sources(shop.dataset, RUN_TIME, allowed.linked_folders).is_fine
    load(allowed, shop.dataset, "allowed", RUN_TIME)
    assert shop.query("select order_id from {orders}") == [("1",)]


def test_a_dataset_folder_that_is_a_link_itself_is_read(shop, tmp_path):
    shop.deliver("orders.csv", ROWS)
    shop.settings.dataset_folder.rename(tmp_path / "real")
    shop.settings.dataset_folder.symlink_to(tmp_path / "real")
    shop.load()
    assert shop.entry("orders.csv").rows_loaded == 1


def test_a_folder_that_nobody_may_look_into_is_said(shop):
    shop.configure(SOURCE | {"files": "landing/*/*.csv"})
    shop.deliver("a/orders.csv", ROWS)
    shop.load()
    shop.deliver("b/orders.csv", ROWS).parent.chmod(0)
    with another_user(shop.settings.data_root.parent):
        shop.load()
    assert shop.entry("a/orders.csv").rows_loaded == 1
    assert "The folder may not be read" in shop.entry("b").problem


@pytest.mark.parametrize(
    "name", [b"caf\xe9.csv", b"a\nb.csv", b"\x1b[31m.csv", b"a[1]*?.csv", b"k=v \xff.csv", b"\\x41.csv"]
)
def test_a_file_loads_whatever_its_name_is(shop, name):
    shop.configure(SOURCE)
    shop.deliver("z.csv", ROWS.replace("1,", "2,", 1))
    path = Path(os.fsdecode(os.fsencode(shop.settings.dataset_folder / "landing") + b"/" + name))
    path.write_text(ROWS)
    shown = shown_name(shop.settings.dataset_folder, path)
    assert shown.isprintable()
    assert is_there(shop.settings.dataset_folder, shown)
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    shop.load()
    assert shop.entry(shown.removeprefix("landing/")).rows_loaded == 1
    assert shop.query("select _file, order_id from {orders} order by 2") == [(shown, "1"), ("landing/z.csv", "2")]
    assert not shop.load().changed
    write_draft(shop.settings.dataset_folder, force=True)
    assert check_sources(shop.dataset, RUN_TIME).is_fine


def test_a_deployment_whose_folders_look_like_patterns_loads(tmp_path):
    from tests.raw.conftest import Shop

    shop = Shop(tmp_path / "d[1]" / "k=v" / "what*")
    shop.deliver("orders.csv", ROWS)
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    shop.load()
    shop.deliver("orders_2.csv", ROWS.replace(",10,", ",11,"))
    shop.load()
    assert [entry.rows_loaded for entry in shop.ledger()] == [0, 1]


def test_a_file_is_hashed_once_while_it_is_left_alone_and_again_when_its_content_is_another(shop, monkeypatch):
    path = shop.deliver("orders.csv", ROWS)
    settle(path)
    hashed = []
    real = landing._sha256
    monkeypatch.setattr(landing, "_sha256", lambda file: hashed.append(file) or real(file))
    shop.load()
    shop.load()
    assert len(hashed) == 1
    other = path.with_name("other")
    other.write_text(ROWS.replace(",10,", ",99,"))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    shop.load()
    assert len(hashed) == 2
    assert shop.query("select total_amount::int from {orders}") == [(99,)]


def test_a_file_that_has_just_changed_is_not_remembered(shop, monkeypatch):
    # However long a busy machine takes from one line to the next, the file is of this moment.
    monkeypatch.setattr(landing, "_LEFT_ALONE", 3600)
    shop.deliver("orders.csv", ROWS)
    shop.load()
    assert not (shop.settings.lake / "raw" / ".file_hashes.json").exists()


def test_a_file_that_changes_between_hashing_and_reading_is_left_to_the_next_run(shop, monkeypatch):
    path = shop.deliver("orders.csv", ROWS)
    real = landing._sha256

    def grows(file: Path) -> str:
        digest = real(file)
        path.write_text(ROWS + "2,2024-01-02,20,,\n")
        return digest

    monkeypatch.setattr(landing, "_sha256", grows)
    assert "it changed while it was read" in shop.load().problems[0]
    assert shop.query("select count(*) from {orders}") == [(0,)]
    monkeypatch.setattr(landing, "_sha256", real)
    shop.load()
    assert shop.query("select count(*) from {orders}") == [(2,)]


def test_a_file_that_vanishes_before_it_is_read_stops_nothing(shop, monkeypatch):
    shop.deliver("orders_2.csv", ROWS)
    gone = shop.deliver("orders_1.csv", ROWS.replace("1,", "2,", 1))
    real = landing.landing_files

    def vanishes(*args) -> list[Path]:
        found = real(*args)
        gone.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(landing, "landing_files", vanishes)
    shop.load()
    assert shop.entry("orders_2.csv").rows_loaded == 1
    assert [entry.file for entry in open_entries(shop.ledger(), shop.settings.dataset_folder)] == [
        "landing/orders_2.csv"
    ]


def test_an_error_that_nobody_foresaw_costs_its_file_and_is_tried_again(shop, monkeypatch):
    from crm_pipeline.raw import batch

    shop.deliver("orders_1.csv", ROWS)
    shop.deliver("orders_2.csv", ROWS.replace("1,", "2,", 1))
    real = batch.read_file

    def fails(con, path, source, work):
        if path.name == "orders_1.csv":
            raise ZeroDivisionError("Jane Doe, 12 Elm Street")
        return real(con, path, source, work)

    monkeypatch.setattr(batch, "read_file", fails)
    shop.load()
    entry = shop.entry("orders_1.csv")
    assert (entry.outcome, entry.problem.split(".")[0]) == ("refused", "It cannot be read (ZeroDivisionError)")
    assert shop.entry("orders_2.csv").rows_loaded == 1
    monkeypatch.setattr(batch, "read_file", real)
    shop.load()
    assert shop.entry("orders_1.csv").rows_loaded == 1


def test_no_message_quotes_the_first_line_of_a_file_without_a_header(shop):
    shop.deliver("orders.csv", "Jane Doe,12 Elm Street,Springfield\nJohn Roe,1 Oak Road,Shelbyville\n")
    shop.load()
    complaints = check_sources(shop.dataset, RUN_TIME).sources[0].complaints
    told = [*(each.problem + each.remedy for each in complaints), shop.entry("orders.csv").problem]
    draft = write_draft(shop.settings.dataset_folder, force=True)
    told += [draft.text, *draft.notes]
    assert len(told) >= 4
    assert not any(word in text for word in ("Jane", "Elm", "Springfield") for text in told)
