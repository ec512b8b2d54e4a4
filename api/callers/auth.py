"""Who is calling: the dependencies `caller` (401 when nobody) and `maybe_caller` (None when nobody).

A wrong or expired credential is a 401 in both: who shows a token wants to be known by it.
"""

from typing import Annotated

from fastapi import Depends, Request

from api.callers.accounts import Authenticator, Principal, Refused
from api.door.headers import header
from api.parts import Parts, parts_of
from api.problems import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="reelfold"'}


async def maybe_caller(request: Request) -> Principal | None:
    """The principal of the Authorization header (`Bearer <JWT or API key>`), or None without one."""
    return await _bearer(request, (await parts_of(request)).auth)


MaybeCaller = Annotated[Principal | None, Depends(maybe_caller)]


async def caller(request: Request) -> Principal:
    """The principal; 401 when the request carries no credential."""
    return await named(request, await parts_of(request))


async def named(request: Request, parts: Parts) -> Principal:
    """`caller`, for who has the parts at hand."""
    principal = await _bearer(request, parts.auth)
    if principal is None:
        raise Problem(401, "no_credential", "This needs a bearer token or an API key.", headers=_CHALLENGE)
    return principal


async def _bearer(request: Request, auth: Authenticator) -> Principal | None:
    given = header(request, b"authorization")
    if given is None:
        return None
    scheme, _, credential = given.partition(" ")
    try:
        if scheme.lower() != "bearer" or not credential:
            raise Refused("the Authorization header is not 'Bearer <token>'")
        return await auth.principal(credential.strip())
    except Refused as error:
        raise Problem(401, "bad_credential", f"{error}.".capitalize(), headers=_CHALLENGE) from None


Caller = Annotated[Principal, Depends(caller)]
