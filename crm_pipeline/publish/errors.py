"""The one error of the stage."""


class PublishError(RuntimeError):
    """Nothing was published; the message says why and what to do. The serving file is as it was."""
