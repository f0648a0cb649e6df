"""The gate behind the raw stage: contracts, accounting, quarantine, amounts; what is unusual or unlikely only warns."""

from collections import Counter
from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.config.contract import AMOUNTS, Contract, contracts
from crm_pipeline.config.settings import now
from crm_pipeline.raw import accounting
from crm_pipeline.raw.customer_ids import WITH_CUSTOMERS, id_findings
from crm_pipeline.raw.landed import allowed_folders
from crm_pipeline.raw.landing import HASHES_FILE, FileHashes, stale_files
from crm_pipeline.raw.ledger import FATES, LedgerEntry, read_ledger
from crm_pipeline.raw.load import raw_folder
from crm_pipeline.raw.payments import payment_findings
from crm_pipeline.raw.plausibility import amount_findings
from crm_pipeline.raw.suites import sample, validate
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import current_version

_BLOCKING = {
    "meets_its_contract": "A Great Expectations suite made from the contract holds on the newest deliveries.",
    "rows_accounted_for": f"Rows read = {' + '.join(FATES).replace('_', ' ')}, in the ledger and on disk.",
    "quarantine_within_limit": "No file is refused, and none has more quarantined rows than the limit.",
    "withdrawn_within_limit": "No full delivery takes back more rows than the limit.",
}
_WARNING = {
    "as_usual": "Files are whole, of their usual size, dated before the run, read as pipeline.yml says, "
    "and come at their usual pace."
}
_HAVE_AMOUNTS, _ADD_UP, _KNOWN = "orders_have_amounts", "amounts_add_up", "customer_ids_are_known"
_ON_ORDERS = {
    _HAVE_AMOUNTS: "No source leaves all of its orders without an amount: what was free says so by 0.",
}
_ODD_ON_ORDERS = {
    _ADD_UP: "Each order has an amount, lines are what their header says, and nothing is sold on a credit note.",
}
_ODD_IDS = {_KNOWN: "Customer ids on orders are those of customers, written alike, and none was rounded."}
_PAY_ORDERS, _PAID = "payments_find_their_orders", "payments_are_what_orders_cost"
_ON_PAYMENTS = {_PAY_ORDERS: "Payments name orders that are there, at least some of them."}
_ODD_PAYMENTS = {_PAID: "Each payment has its order, and each order between the first and the last one paid is paid."}
_TOLD, _LISTED = 3, 50
"""Problems that a check names in its sentence, and in its metadata."""


def _checks(channel: str) -> dict[str, tuple[bool, str]]:
    """Return the checks of a channel: whether each stops a run, and what it says."""
    on_orders = channel in AMOUNTS
    of_payments = channel == "payments"
    blocking = _BLOCKING | (_ON_ORDERS if on_orders else {}) | (_ON_PAYMENTS if of_payments else {})
    warning = _WARNING | (_ODD_ON_ORDERS if on_orders else {}) | (_ODD_IDS if channel in WITH_CUSTOMERS else {})
    warning |= _ODD_PAYMENTS if of_payments else {}
    return {name: (name in blocking, text) for name, text in (blocking | warning).items()}


@multi_asset_check(
    name=f"{Stage.RAW}__gate",
    specs=[
        AssetCheckSpec(name, asset=AssetKey([Stage.RAW.value, channel]), blocking=blocking, description=text)
        for channel in contracts()
        for name, (blocking, text) in _checks(channel).items()
    ],
)
def gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge what each channel holds now, whichever run loaded it."""
    entries = read_ledger(current_version(raw_folder(workspace.settings)))
    unlikely = _unlikely(workspace, entries)
    for contract in contracts().values():
        of_channel = [entry for entry in entries if entry.channel == contract.name]
        yield from _channel(workspace, contract, of_channel, unlikely)


def _unlikely(workspace: Workspace, entries: list[LedgerEntry]) -> dict[str, dict[str, list[str]]]:
    """Return by check, then by channel, what the amounts and the customer ids of the raw rows cannot mean."""
    quarantined: Counter[str] = Counter()
    for entry in entries:
        if entry.channel == "order_lines":
            quarantined[entry.system] += entry.rows_quarantined
    without, odd = amount_findings(workspace.settings, quarantined)
    lost, unpaid = payment_findings(workspace.settings)
    ids = id_findings(workspace.settings)
    return {_HAVE_AMOUNTS: without, _ADD_UP: odd, _KNOWN: ids, _PAY_ORDERS: lost, _PAID: unpaid}


def _channel(
    workspace: Workspace, contract: Contract, entries: list[LedgerEntry], unlikely: dict[str, dict[str, list[str]]]
) -> Iterator[AssetCheckResult]:
    settings, moment = workspace.settings, now()
    version = raw_folder(settings) / "current"
    within = allowed_folders(settings.dataset_folder, settings.linked_folders)
    hashes = FileHashes.read(raw_folder(settings) / HASHES_FILE, within)
    still_open = accounting.open_entries(entries, settings.dataset_folder)
    suite = validate(contract, sample(settings, contract.name), moment)
    found = {
        "meets_its_contract": suite.failures + [f"The check itself broke: {error}" for error in suite.errors],
        "rows_accounted_for": accounting.unaccounted_rows(version, entries),
        "quarantine_within_limit": accounting.refused_files(still_open)
        + accounting.quarantine_failures(version, still_open, _limits(workspace, "quarantine_limit")),
        "withdrawn_within_limit": accounting.withdrawal_failures(entries, _limits(workspace, "withdrawal_limit")),
        "as_usual": accounting.incomplete_files(still_open)
        + accounting.waiting_files(still_open)
        + accounting.emptied_files(still_open)
        + stale_files(workspace.dataset, entries, hashes)
        + accounting.volume_warnings(still_open, entries)
        + accounting.freshness_warnings(entries, moment),
    }
    checks = _checks(contract.name)
    found |= {name: unlikely[name][contract.name] for name in unlikely if name in checks}
    holds = f"{len(entries)} files, {sum(entry.rows_loaded for entry in entries):,} current rows."
    for name, problems in found.items():
        yield AssetCheckResult(
            asset_key=AssetKey([Stage.RAW.value, contract.name]),
            check_name=name,
            passed=not problems,
            severity=AssetCheckSeverity.ERROR if checks[name][0] else AssetCheckSeverity.WARN,
            description=_told(problems) or holds,
            metadata={"problems": problems[:_LISTED], "evaluated": suite.evaluated},
        )


def _limits(workspace: Workspace, name: str) -> dict[str, float]:
    """Return a limit by source: its own, or that of the deployment."""
    usual = getattr(workspace.settings, name)
    own = {source.name: getattr(source, name) for source in workspace.dataset.sources}
    return {source: usual if limit is None else limit for source, limit in own.items()}


def _told(problems: list[str]) -> str:
    more = len(problems) - _TOLD
    return " ".join([*problems[:_TOLD], *([f"And {more} more."] if more > 0 else [])])
