"""What a user writes: `pipeline.yml` of a dataset folder, read and checked so that a mistake is named with its place.

Each key has a module beside this one, which holds its defaults, its descriptions and what may be written.
"""

from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.config.business import Business
from crm_pipeline.config.errors import explain, suggest
from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.config.journeys import JourneySettings
from crm_pipeline.config.kpis import KpiSettings, kpi_targets
from crm_pipeline.config.models import ModelSettings
from crm_pipeline.config.programmes import Programme
from crm_pipeline.config.questions import OwnQuestion
from crm_pipeline.config.service import ServiceSettings
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.config.strict import Strict
from crm_pipeline.config.yaml_places import YamlError, read_yaml

PIPELINE_FILE = "pipeline.yml"
#: Places of texts that people write without quotes, also where YAML would see a number, a date, or yes and no.
_TEXTS = ("sources/*/columns/*/value", "sources/*/read/null_values/*")
#: The same of mappings from texts to texts.
_WORDS = ("sources/*/columns/*/values",)
#: Places of mappings whose keys are names: `on` is one, and no yes.
_NAMES = ("sources/*/join", "sources/*/join/*", "sources/*/aggregate", "sources/*/aggregate/*")


class DatasetError(ValueError):
    """A dataset folder cannot be used; the message names the place, the problem and the remedy."""


class Dataset(Strict):
    """A dataset folder's pipeline.yml."""

    folder: Path
    business: Business = Business()
    identity: MatchSettings = MatchSettings()
    actions: ActionSettings = ActionSettings()
    journeys: JourneySettings = JourneySettings()
    service: ServiceSettings = ServiceSettings()
    kpis: KpiSettings = KpiSettings()
    models: ModelSettings = ModelSettings()
    programmes: tuple[Programme, ...] = ()
    questions: tuple[OwnQuestion, ...] = ()
    sources: tuple[SourceConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Dataset":
        named_parts = (("sources", self.sources), ("programmes", self.programmes), ("questions", self.questions))
        for kind, named in named_parts:
            names = [one.name for one in named]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"two {kind} have the name '{repeated[0]}'. Give each its own")
            folded = [name.casefold() for name in names]
            alike = [name for name in names if folded.count(name.casefold()) > 1]
            if alike:
                raise ValueError(f"two {kind} have names that differ by case only: {', '.join(alike)}. Rename one")
        systems = tuple(dict.fromkeys(source.system for source in self.sources))
        for system in self.business.source_trust:
            if system not in systems:
                raise ValueError(f"business.source_trust names the system '{system}'. {suggest(system, systems)}")
        return self

    def source_trust(self) -> list[str]:
        """Return all systems, the most trusted first: those named in the settings, then in order of appearance."""
        appearing = [source.system for source in self.sources]
        return list(dict.fromkeys([*self.business.source_trust, *appearing]))

    def kpi_targets(self) -> dict[str, float]:
        """Return the target of each KPI that has one."""
        return kpi_targets(self.kpis, self.service)

    def zone(self, source: SourceConfig) -> str:
        """Return the time zone in which times without an offset in a source's files are meant."""
        return source.timezone or self.business.timezone


def load_dataset(folder: Path) -> Dataset:
    """Read and check `folder/pipeline.yml`.

    Raises:
        DatasetError: if the file is missing or says something that cannot be meant.
    """
    path = folder / PIPELINE_FILE
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file. Write one, or point CRM_DATASET to a folder that has one.")
    try:
        document = read_yaml(path, texts=_TEXTS, words=_WORDS, names=_NAMES)
    except YamlError as error:
        raise DatasetError(str(error)) from None
    if not isinstance(document.values, dict):
        raise DatasetError(f"{path}: a mapping with the keys business and sources is expected.")
    if "folder" in document.values:
        raise DatasetError(f"{path}: unknown key 'folder'. Remove it.")
    try:
        return Dataset.model_validate({"folder": folder, **document.values})
    except ValidationError as error:
        sentences = explain(document, Dataset, error)
    # Raised where it has no context: pydantic's error would keep what it refers to from ever being collected.
    raise DatasetError(sentences)
