"""Steps of many orders of one item, each one flight: the item's row is touched once for all."""
