"""The documentation for people, from files of our own: it works without the internet, and no
stranger's script runs where operators paste their tokens."""

from importlib.metadata import distribution
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from domain.errors import ErrorCode, Refusal

router = APIRouter(include_in_schema=False)

# The package brings the files; its own code is not used.
_STATIC = Path(str(distribution("fastapi-offline").locate_file("fastapi_offline/static")))
_START_SWAGGER = Path(__file__).parent / "swagger.js"
ASSETS = {
    name: _STATIC / name
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "redoc.standalone.js", "favicon.png")
} | {"start.js": _START_SWAGGER}

_SWAGGER = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>seckill</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui" data-url="/openapi.json"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
_REDOC = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>seckill</title>
<link rel="icon" href="/docs/favicon.png">
<redoc spec-url="/openapi.json"></redoc>
<script src="/docs/redoc.standalone.js"></script>
</html>
"""
# Both draw with styles of their own making, and Redoc searches in a worker.
_OWN_FILES_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/docs", response_class=HTMLResponse)
async def swagger() -> HTMLResponse:
    return HTMLResponse(_SWAGGER, headers={"Content-Security-Policy": _OWN_FILES_ONLY})


@router.get("/redoc", response_class=HTMLResponse)
async def redoc() -> HTMLResponse:
    return HTMLResponse(_REDOC, headers={"Content-Security-Policy": _OWN_FILES_ONLY})


@router.get("/docs/{asset}", response_class=FileResponse)
async def docs_asset(asset: str) -> FileResponse:
    if asset not in ASSETS:
        raise Refusal(ErrorCode.NOT_FOUND, "no such file")
    return FileResponse(ASSETS[asset])
