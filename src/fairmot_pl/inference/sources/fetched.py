"""A file on a web server that sends files only from their beginning: fetched whole, so that a reader may jump in it."""

from __future__ import annotations

import base64
import tempfile
import threading
from typing import IO
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

_CHUNK = 1 << 20


def fetch(address: str, *, timeout: float, closed: threading.Event) -> IO[bytes]:
    """The bytes of a web address in a temporary file, which goes when it is closed.

    Args:
        address: `http://` or `https://`, perhaps with user and password.
        timeout: seconds that an answer may take.
        closed: set to give up; the file then holds what there is.

    Raises:
        OSError: no answer, a refusal, or no room on the disk.
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit(parts._replace(netloc=host, path=quote(parts.path, safe="/%"))))
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(login).decode()}")
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    with urlopen(request, timeout=timeout) as answer:
        while not closed.is_set() and (chunk := answer.read(_CHUNK)):
            file.write(chunk)
    file.seek(0)
    return file
