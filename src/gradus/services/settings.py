"""The settings: flag, then environment (`GRADUS_*`), then TOML file, then default."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import user_config_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gradus.core.errors import FormError, InputError, PathError
from gradus.data.remote.address import host_entry
from gradus.services.forms import problems

AuthMode = Literal["token", "none"]


def config_file() -> Path:
    """The TOML file: `GRADUS_CONFIG`, or `gradus.toml` in the platform's configuration folder."""
    named = os.environ.get("GRADUS_CONFIG")
    return Path(named).expanduser() if named else user_config_path("gradus") / "gradus.toml"


def _default_roots() -> list[Path]:
    return [Path.home(), Path.cwd()]


class Settings(BaseSettings):
    """Everything that can be set. Lists in the environment are separated as in PATH, or by commas for host names."""

    model_config = SettingsConfigDict(env_prefix="GRADUS_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: user_data_path("gradus"), title="Home folder")
    host: str = Field("127.0.0.1", title="Host", description="The address to listen on.")
    port: int = Field(5000, ge=0, le=65535, title="Port", description="0 takes any free port.")
    unix_socket: Path | None = Field(None, title="Unix socket", description="Listen there instead of on a port.")
    data_roots: Annotated[list[Path], NoDecode] = Field(
        default_factory=_default_roots, title="Data roots", description="Pages and REST name only paths below these."
    )
    auth: AuthMode = Field("token", title="Auth", description="`none` is allowed on loopback only.")
    token: SecretStr | None = Field(None, min_length=16, title="Token", description="Instead of one made by Gradus.")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        [], title="Allowed hosts", description="Further names under which a browser may address the server."
    )
    fetch_hosts: Annotated[list[str], NoDecode] = Field(
        [], title="Hosts to fetch from", description="HOST or HOST:PORT; from all others only if they are public."
    )
    database_url: str | None = Field(None, title="Database", description="Empty: SQLite in the home folder.")
    upload_gib: int = Field(100, ge=1, title="Uploads", description="GiB of files that were sent and are kept at once.")
    live_clients: int = Field(2000, ge=1, title="Live clients", description="Event streams held at once.")
    live_clients_each: int = Field(16, ge=1, title="Live clients each", description="Of one user at once.")

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("fetch_hosts", mode="after")
    @classmethod
    def _as_compared(cls, value: list[str]) -> list[str]:
        try:
            return [host_entry(each) for each in value]
        except InputError as error:
            raise ValueError(str(error)) from error

    @field_validator("allowed_hosts", "fetch_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("home", "data_roots", "unix_socket", mode="after")
    @classmethod
    def _expand(cls, value: Path | list[Path] | None) -> Path | list[Path] | None:
        if value is None:
            return None
        return [p.expanduser().absolute() for p in value] if isinstance(value, list) else value.expanduser().absolute()

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.auth == "none" and self.unix_socket is None and not self.loopback:
            raise ValueError(
                f"auth none would let everybody on the network in: it needs a loopback address, not {self.host}"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flag, environment, TOML; neither `.env` nor secret files."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def load_settings(**flags: Any) -> Settings:
    """The settings in force. Flags that are None count as not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    if os.environ.get("GRADUS_CONFIG") and not config_file().is_file():
        raise PathError(f"there is no configuration file {config_file()}", hint="correct or unset GRADUS_CONFIG")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise FormError(problems(error, Settings)) from error
    except ValueError as error:  # the TOML file does not parse
        raise InputError(f"the configuration file cannot be read: {error}", file=str(config_file())) from error


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine to itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
