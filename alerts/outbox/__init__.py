"""Messages on their way: who may take one in hand, what becomes of it, and who gets it instead."""
