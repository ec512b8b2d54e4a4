"""Imported before anything of Polars, it keeps Polars to the thread that asks.

A worker has a thread for each fold, and its frames are of thousands of rows: handing those to a pool of
threads cost a third of the processor time of decoding and half of that of the small folds.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")
