"""The one place where TensorFlow is started.

Importing this module costs seconds, so only the modules beside it that compute import it, and they
themselves are imported late: a screening run that finds an empty intake never pays.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def _without_start_up_lines() -> Iterator[None]:
    """Drop what TensorFlow 2.21 writes about missing GPUs before its log level is heard; keep all other lines."""
    sys.stderr.flush()
    saved = os.dup(_STDERR)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, _STDERR)
            os.close(saved)
            captured.seek(0)
            for line in captured:
                if not any(word in line for word in (b"absl::InitializeLog", b"oneDNN custom", b"cuda", b"CUDA")):
                    os.write(_STDERR, line)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"  # a stray keras.json must not choose another one

with _without_start_up_lines():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # looks for GPUs, and complains, here and not later

__all__ = ["keras", "tf"]
