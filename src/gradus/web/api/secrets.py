"""`/secrets`"""

from __future__ import annotations

from fastapi import APIRouter

from gradus.core.credentials import Credentials, KeptKeys
from gradus.services import secrets
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import CREATES, GivenHouse

router = APIRouter(tags=["datasets"], route_class=StrictRoute)


@router.post("/secrets", status_code=201, responses=CREATES)
def send_keys(house: GivenHouse, keys: StrictBody[Credentials]) -> KeptKeys:
    """Send the keys of a store that a dataset is to be made from. They are kept until it is built, or for an hour."""
    return KeptKeys(reference=secrets.keep(house, keys))
