"""Lightning's exceptions, without loading Lightning for a command that needs none: then nothing can raise them."""

from __future__ import annotations

import sys


def misconfiguration() -> tuple[type[Exception], ...]:
    """What Lightning raises where it is told what it cannot do."""
    module = sys.modules.get("lightning_fabric.utilities.exceptions")
    return (module.MisconfigurationException,) if module else ()


def terminated() -> tuple[type[BaseException], ...]:
    """What Lightning raises in a training that is sent SIGTERM."""
    module = sys.modules.get("pytorch_lightning.utilities.exceptions")
    return (module.SIGTERMException,) if module else ()
