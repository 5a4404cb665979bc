"""The files of a server that are neither its store nor its tokens: where documents lie on their way, and the key of its questions."""

from flipsnack_mcp.api import ConfigurationError
from flipsnack_mcp.files.spool import usable
from flipsnack_mcp.server.consent.keys import sealing_keys_in
from flipsnack_mcp.settings import Settings

NO_SPOOL = "The folder in FLIPSNACK_SPOOL_DIR cannot be used, so neither documents nor packages get through."
NO_KEY = "The file in FLIPSNACK_STATE_KEY_FILE cannot be used, so no form can be shown."


def remarks_on_files(settings: Settings) -> list[str]:
    """What is wrong with them. A server with such a fault can still be asked for what does without."""
    spool = [] if not settings.team or usable(settings.spool_dir) else [NO_SPOOL]
    try:
        if settings.state_key_file:
            sealing_keys_in(settings.state_key_file)
    except ConfigurationError:
        return [*spool, NO_KEY]
    return spool
