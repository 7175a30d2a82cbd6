"""A network as text: read, upgraded to today's notation, chosen from by rules, and derived from."""
