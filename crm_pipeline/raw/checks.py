"""The gate behind the raw stage: contracts, accounting, quarantine; unusual volume and silence only warn."""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.lake import current_version
from crm_pipeline.raw import accounting
from crm_pipeline.raw.contract import Contract, contracts
from crm_pipeline.raw.landing import stale_files
from crm_pipeline.raw.ledger import FATES, LedgerEntry, read_ledger
from crm_pipeline.raw.load import raw_folder
from crm_pipeline.raw.suites import sample, validate
from crm_pipeline.resources import Workspace
from crm_pipeline.settings import now
from crm_pipeline.stages import Stage

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
_TOLD, _LISTED = 3, 50
"""Problems that a check names in its sentence, and in its metadata."""


@multi_asset_check(
    name=f"{Stage.RAW}__gate",
    specs=[
        AssetCheckSpec(name, asset=AssetKey([Stage.RAW.value, channel]), blocking=name in _BLOCKING, description=text)
        for channel in contracts()
        for name, text in (_BLOCKING | _WARNING).items()
    ],
)
def gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge what each channel holds now, whichever run loaded it."""
    entries = read_ledger(current_version(raw_folder(workspace.settings)))
    for contract in contracts().values():
        yield from _channel(workspace, contract, [entry for entry in entries if entry.channel == contract.name])


def _channel(workspace: Workspace, contract: Contract, entries: list[LedgerEntry]) -> Iterator[AssetCheckResult]:
    settings, moment = workspace.settings, now()
    version = raw_folder(settings) / "current"
    still_open = accounting.open_entries(entries, settings.dataset_folder)
    suite = validate(contract, sample(settings, contract.name), moment)
    found = {
        "meets_its_contract": suite.failures + [f"The check itself broke: {error}" for error in suite.errors],
        "rows_accounted_for": accounting.unaccounted_rows(version, entries),
        "quarantine_within_limit": accounting.refused_files(still_open)
        + accounting.quarantine_failures(version, still_open, _limits(workspace, "quarantine_limit")),
        "withdrawn_within_limit": accounting.withdrawal_failures(entries, _limits(workspace, "withdrawal_limit")),
        "as_usual": accounting.incomplete_files(still_open)
        + [f"{entry.file}: {' '.join(accounting.waiting_rows(entry))}" for entry in still_open if entry.rows_waiting]
        + accounting.emptied_files(still_open)
        + stale_files(workspace.dataset, entries)
        + accounting.volume_warnings(still_open, entries)
        + accounting.freshness_warnings(entries, moment),
    }
    holds = f"{len(entries)} files, {sum(entry.rows_loaded for entry in entries):,} current rows."
    for name, problems in found.items():
        yield AssetCheckResult(
            asset_key=AssetKey([Stage.RAW.value, contract.name]),
            check_name=name,
            passed=not problems,
            severity=AssetCheckSeverity.ERROR if name in _BLOCKING else AssetCheckSeverity.WARN,
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
