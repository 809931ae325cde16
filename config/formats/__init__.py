"""How days and moments are written, by language, where Django writes them otherwise."""
