"""On virtual time, and with schemas that are checked once: as the tests of the server."""

from tests.server.conftest import anyio_backend, schemas_checked_once, tmp_path

__all__ = ["anyio_backend", "schemas_checked_once", "tmp_path"]
