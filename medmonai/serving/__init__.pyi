from .batching import Batcher, Overloaded
from .limits import Limits
from .listening import serve
from .service import service

__all__ = ["Batcher", "Limits", "Overloaded", "serve", "service"]
