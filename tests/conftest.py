"""What all tests share."""

from hypothesis import settings

# A commit passes or fails, whatever the day and however busy the machine: the examples are drawn from the tests
# themselves, and none has a deadline. `--hypothesis-profile=default` searches anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
