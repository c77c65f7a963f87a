"""Store compiled kernels on disk (system/kernel_cache.py says where), and notice damaged files.

numba stores a kernel in two files: an index (.nbi) and machine code for each type of the arguments (.nbc). It trusts
them. A file that was cut off ends every command with a traceback, and a changed byte may crash the process or change
results. Here a checksum follows the contents of each file. A file without the right checksum is removed, and the kernel
is compiled again.
"""

import contextlib
import hashlib
import io
import os
import sys

from numba import config
from numba.core import caching
from tqdm import tqdm

from numpy_sat.system import files, output
from numpy_sat.system.errors import InputError

config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR", "")  # numba may have been imported before numpy_sat set it
_messages = set()


def store(dispatcher):
    """Let a compiled function keep its machine code in the kernel cache. Returns the function."""
    try:
        dispatcher._cache = _Cache(dispatcher.py_func)
    except RuntimeError:  # numba cannot make files there
        if config.CACHE_DIR:  # otherwise system/kernel_cache.py has said it
            _say_not_stored("no files can be made there")
    return dispatcher


def _say_once(message):
    """Print a message on standard error, unless this process has printed it before."""
    if message not in _messages:
        _messages.add(message)
        tqdm.write(output.printable(message), file=sys.stderr)


def _say_not_stored(reason):
    """Say that every process compiles anew, and what to do."""
    advice = "free some space, or set NUMPY_SAT_CACHE to another folder"
    _say_once(f"{config.CACHE_DIR}: compiled kernels cannot be stored ({reason}); {advice}")


class _Folder(caching.CompileResultCacheImpl):
    """numba's choice of a folder, without those that other users or programs share."""

    _locator_classes = caching.CompileResultCacheImpl._locator_classes[:1]  # NUMBA_CACHE_DIR


class _Cache(caching.FunctionCache):
    """numba's cache of one function. The files have checksums, and a full disk is no error."""

    _impl_class = _Folder

    def __init__(self, function):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def has(self, context, signature):
        """Return True if the index lists a compiled function for these types of arguments."""
        context.refresh()
        return self._index_key(signature, context.codegen()) in self._cache_file._load_index()

    def save_overload(self, sig, data):
        """Store a compiled function, or say why that is impossible."""
        try:
            super().save_overload(sig, data)
        except (InputError, OSError) as error:
            _say_not_stored(getattr(error.__cause__ or error, "strerror", error))


class _Files(caching.IndexDataCacheFile):
    """The files of one function, each followed by the checksum of its contents."""

    def save(self, key, data):
        """Store machine code under a name that depends on its key.

        numba counts the files. If two processes store different kernels at the same time, it gives them one name, and
        the index may lead to the wrong kernel.
        """
        name = self._data_name(int(hashlib.sha256(repr(key).encode()).hexdigest()[:12], 16))
        index = self._load_index()
        if index.get(key) != name:
            self._save_index(index | {key: name})
        self._save_data(name, data)

    def _load_index(self):
        """Return {types and machine: name of the file of machine code}, empty without an intact index."""
        return super()._load_index() if _intact(self._index_path) else {}

    def _load_data(self, name):
        """Return the stored function. numba compiles it if the file is not found."""
        if not _intact(self._data_path(name)):
            raise FileNotFoundError(name)
        return super()._load_data(name)

    @contextlib.contextmanager
    def _open_for_write(self, path):
        """Collect the contents of a file, and write them with their checksum to a new file, which is then renamed."""
        contents = io.BytesIO()
        yield contents
        with files.replacing(path) as temporary:
            temporary.write_bytes(contents.getvalue() + _checksum(contents.getvalue()))


def _checksum(contents):
    return hashlib.sha256(contents).digest()


def _intact(path):
    """Return True if a file ends with its checksum or does not exist. Remove it otherwise, and say so."""
    try:
        with open(path, "rb") as file:
            contents = file.read()
        size = len(contents) - len(_checksum(b""))
        if size > 0 and _checksum(contents[:size]) == contents[size:]:
            return True
    except FileNotFoundError:
        return True
    except OSError:  # not readable
        pass
    with contextlib.suppress(OSError):
        os.unlink(path)
    _say_once(f"{config.CACHE_DIR}: removed damaged files of the kernel cache; their kernels are compiled again")
    return False
