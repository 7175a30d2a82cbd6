"""What a worker may see of the server's environment: what it needs, and no secret."""

from __future__ import annotations

import os
from collections.abc import Mapping

_NAMES = frozenset({
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "PYTHONPATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_CONF", "MALLOC_ARENA_MAX", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
    "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TORCH_HOME", "SSL_CERT_DIR", "SSL_CERT_FILE",
})  # fmt: skip
_PROXIES = frozenset({"http_proxy", "https_proxy", "no_proxy"})  # in either case; one with a password is a secret
_PREFIXES = (
    "LC_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "KMP_",
    "GOMP_",
    "DNNL_",
    "ONEDNN_",
    "TORCHINDUCTOR_",
)


def worker_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables on the list, and some of ours where the user has not set them.

    GPUs are numbered as the driver numbers them, so that both mean the same. OpenBLAS, which comes with
    numpy and starts threads when it is loaded, gets none: the engine host forks, and nothing here needs it.
    Threads of a computation that wait for each other spin only for some ten microseconds before they sleep:
    by default they spin for milliseconds, so that on a busy machine a small network trains several times
    slower (an iteration of LeNet took 40 to 390 ms instead of 10 to 30); without spinning at all an idle
    machine loses a third (5.7 ms instead of 4.1).
    """
    kept = {name: value for name, value in environment.items() if name in _NAMES or name.startswith(_PREFIXES)}
    proxies = {name: value for name, value in environment.items() if name.lower() in _PROXIES and "@" not in value}
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "OPENBLAS_NUM_THREADS": "1",
        "GOMP_SPINCOUNT": "10000",
        **kept,
        **proxies,
        "PYTHONUNBUFFERED": "1",
    }
