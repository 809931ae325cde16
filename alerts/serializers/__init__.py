"""What screening and alerts hold, as the REST interface spells it."""
