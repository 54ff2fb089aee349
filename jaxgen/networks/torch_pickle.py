"""The object of a PyTorch file, read without running what the file says.

A pickle is a program for a stack machine, and one of its instructions calls any
function by its name: to load one is to trust whoever wrote it. A state dict needs about
fifty of the instructions and five of the names. This machine knows those alone, and
calls nothing: a tensor becomes a description of where its numbers are.

Python's `pickletools` documents the instructions and takes the stream apart; it runs
none of them.
"""

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar, NamedTuple

from jaxgen.errors import InputError

__all__ = ["Storage", "StoredTensor", "read_object"]

_TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter")
_ORDERED = "collections.OrderedDict"
_SIZE = "torch.Size"
_KNOWN = {*_TENSORS, *_PARAMETERS, _ORDERED, _SIZE}
_STORAGE_MODULES = ("torch", "torch.storage", "torch.cuda")

_DAMAGE = (ValueError, TypeError, LookupError, OverflowError, MemoryError)

_VALUES = {
    "BININT",
    "BININT1",
    "BININT2",
    "BINUNICODE",
    "BINUNICODE8",
    "BINSTRING",
    "BINFLOAT",
    "FLOAT",
    "INT",
    "LONG",
    "LONG1",
    "LONG4",
    "SHORT_BINSTRING",
    "SHORT_BINUNICODE",
    "STRING",
    "UNICODE",
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_COLLECTIONS = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}


class Storage(NamedTuple):
    """A run of numbers in the file.

    Attributes:
        key: Its name in the file.
        kind: PyTorch's name of the type, `FloatStorage` ...
        size: How many numbers it has.
    """

    key: str
    kind: str
    size: int


class StoredTensor(NamedTuple):
    """A tensor by the place of its numbers.

    Attributes:
        storage: Where they are.
        offset: The first, counted from the start of the storage.
        shape: Its shape.
        strides: Steps along each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Name(NamedTuple):
    """A global that the file mentions; it is never looked up."""

    name: str


class _Mark:
    """Where the arguments of an instruction begin on the stack."""


def read_object(file: BinaryIO, storages: dict[str, Storage] | None = None) -> Any:
    """Reads one pickled object and leaves the file behind its end.

    Args:
        file: It stands at the start of a pickle.
        storages: Every storage that the object mentions is put in, by its key.

    Returns:
        Dicts, lists, tuples, numbers, strings and `StoredTensor`s.

    Raises:
        InputError: It holds anything else, or is damaged.
    """
    machine = _Machine({} if storages is None else storages)
    try:
        for code, argument, _ in pickletools.genops(file):
            if code.name == "STOP":
                return machine.stack.pop()
            machine.step(code.name, argument)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"it is damaged ({error})") from error
    raise InputError("it is damaged (the pickle has no end)")


class _Machine:
    """The stack and the memory of one pickle."""

    def __init__(self, storages: dict[str, Storage]) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, code: str, argument: Any) -> None:
        stack = self.stack
        if code in _VALUES:
            stack.append(argument)
        elif code in _CONSTANTS:
            stack.append(_CONSTANTS[code])
        elif code in _COLLECTIONS:
            stack.append(_COLLECTIONS[code]())
        elif code in _TUPLES:
            stack.append(tuple(self._pop(_TUPLES[code])))
        elif code in _PUTS:
            self.memo[int(argument)] = stack[-1]
        elif code == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif code in _GETS:
            stack.append(self.memo[int(argument)])
        elif code not in ("PROTO", "FRAME"):
            if code not in self._STEPS:
                raise InputError(f"it has the pickle instruction {code}")
            self._STEPS[code](self, argument)

    def _mark(self, _: None) -> None:
        self.stack.append(_Mark())

    def _tuple(self, _: None) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def _list(self, _: None) -> None:
        self.stack.append(self._pop_to_mark())

    def _dict(self, _: None) -> None:
        self.stack.append(_pairs(self._pop_to_mark()))

    def _append(self, _: None) -> None:
        (item,) = self._pop(1)
        _of(list, self.stack[-1]).append(item)

    def _appends(self, _: None) -> None:
        items = self._pop_to_mark()
        _of(list, self.stack[-1]).extend(items)

    def _setitem(self, _: None) -> None:
        pair = self._pop(2)
        _of(dict, self.stack[-1]).update(_pairs(pair))

    def _setitems(self, _: None) -> None:
        items = self._pop_to_mark()
        _of(dict, self.stack[-1]).update(_pairs(items))

    def _global(self, argument: str) -> None:
        module, name = argument.split(" ", 1)
        self._name(module, name)

    def _stack_global(self, _: None) -> None:
        module, name = self._pop(2)
        self._name(_of(str, module), _of(str, name))

    def _name(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        storage = module in _STORAGE_MODULES and name.endswith("Storage")
        if full not in _KNOWN and not storage:
            raise InputError(
                f"it asks for {full}, which no state dict needs, and nothing was run; "
                "save the state dict alone: torch.save(module.state_dict(), path)"
            )
        self.stack.append(_Name(name if storage else full))

    def _binpersid(self, _: None) -> None:
        (reference,) = self._pop(1)
        kind, name, key, _, size, *view = _of(tuple, reference)
        if kind != "storage":
            raise InputError("it refers to more than storages outside the pickle")
        if any(part is not None for part in view):
            raise InputError("one of its storages is a part of another")
        storage = Storage(_of(str, key), _of(_Name, name).name, _of(int, size))
        if self.storages.setdefault(storage.key, storage) != storage:
            raise ValueError(f"the storage {key} is described twice")
        self.stack.append(storage)

    def _reduce(self, _: None) -> None:
        function, arguments = self._pop(2)
        name, arguments = _of(_Name, function).name, _of(tuple, arguments)
        if name in _TENSORS:
            self.stack.append(_tensor(*arguments[:4]))
        elif name in _PARAMETERS:
            self.stack.append(_of(StoredTensor, arguments[0]))
        elif name == _SIZE:
            self.stack.append(_of(tuple, arguments[0]))
        elif name == _ORDERED:
            pairs = _of(list, arguments[0]) if arguments else []
            self.stack.append(_pairs([part for pair in pairs for part in pair]))
        else:
            raise InputError(f"it calls {name}")

    def _build(self, _: None) -> None:
        # Attributes: versions of the modules, hooks, whether a gradient is wanted.
        self._pop(1)
        if not isinstance(self.stack[-1], dict | StoredTensor):
            raise TypeError("attributes of what has none")

    _STEPS: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "APPEND": _append,
        "APPENDS": _appends,
        "BINPERSID": _binpersid,
        "BUILD": _build,
        "DICT": _dict,
        "GLOBAL": _global,
        "LIST": _list,
        "MARK": _mark,
        "REDUCE": _reduce,
        "SETITEM": _setitem,
        "SETITEMS": _setitems,
        "STACK_GLOBAL": _stack_global,
        "TUPLE": _tuple,
    }

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise LookupError("the stack is empty")
        found = self.stack[-count:]
        del self.stack[-count:]
        if any(isinstance(item, _Mark) for item in found):
            raise LookupError("a mark where an object should be")
        return found

    def _pop_to_mark(self) -> list[Any]:
        found: list[Any] = []
        while not isinstance(item := self.stack.pop(), _Mark):
            found.append(item)
        return found[::-1]


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} in place of a {kind.__name__}")
    return value


def _pairs(items: list[Any]) -> dict[Any, Any]:
    # The hash, and the text, of tuples within tuples can take for ever.
    if not all(isinstance(key, str | int) for key in items[::2]):
        raise TypeError("a key that is neither a string nor a number")
    return dict(zip(items[::2], items[1::2], strict=True))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    numbers = [offset, *_of(tuple, shape), *_of(tuple, strides)]
    if not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise ValueError("an offset, a shape or strides that are not numbers")
    if len(shape) != len(strides):
        raise ValueError(f"{len(shape)} axes and {len(strides)} strides")
    return StoredTensor(_of(Storage, storage), offset, shape, strides)
