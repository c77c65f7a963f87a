"""Compiled loops that layers/ runs on; nothing here that layers/ does not state.

Importing this settles how compiled threads wait, before numba starts any: numba's threads and those of numpy's matrix
products take turns on the same cores, and threads that wait by spinning would slow the other's work several times.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
