"""The frozen base of everything a person can set."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen, strict model: unknown fields are refused, and ``replace`` validates again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def replace(self, **changes: Any) -> Any:
        """Return a validated copy with some fields changed."""
        return type(self).model_validate(self.model_dump() | changes)

    def __repr_args__(self) -> Any:
        """Show only what differs from the defaults."""
        for name, value in super().__repr_args__():
            if name is None or value != type(self).model_fields[name].get_default(call_default_factory=True):
                yield name, value
