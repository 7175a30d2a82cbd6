"""The keys of a store for a command: from a file, or from where boto3 looks for them. Never from the command line."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from pydantic import ValidationError

from gradus.core.credentials import Credentials
from gradus.core.errors import InputError

FIELD = "s3_credentials"
_NAMES = {
    "access_key": "aws_access_key_id",
    "secret_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}
_HINT = "Write it as ~/.aws/credentials is: [default], aws_access_key_id = …, aws_secret_access_key = …"


def store_keys(file: Path | None) -> Credentials | None:
    """The keys in a file, or those of the environment, a profile or this machine's role; None if there are none."""
    return _found() if file is None else _read(file)


def _read(file: Path) -> Credentials:
    """Keys in the form of AWS' own file: of the section that `AWS_PROFILE` names, or of `default`."""
    section = os.environ.get("AWS_PROFILE", "default")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text("utf-8"))
        return Credentials.model_validate({ours: parser[section].get(theirs) for ours, theirs in _NAMES.items()})
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", field=FIELD, file=str(file)) from error
    except (configparser.Error, KeyError, ValidationError, UnicodeDecodeError):
        raise InputError(f"has no keys in [{section}]", field=FIELD, file=str(file), hint=_HINT) from None


def _found() -> Credentials | None:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        found = boto3.session.Session().get_credentials()
        if found is None:
            return None
        keys = found.get_frozen_credentials()
    except BotoCoreError as error:
        raise InputError(f"cannot be found: {type(error).__name__}", field=FIELD, hint="Check AWS_PROFILE.") from None
    return Credentials(access_key=keys.access_key, secret_key=keys.secret_key, session_token=keys.token)
