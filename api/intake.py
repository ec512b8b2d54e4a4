"""POST /v1/events: the one door in."""

from fastapi import APIRouter

router = APIRouter()
