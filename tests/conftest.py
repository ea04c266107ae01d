"""For all tests."""

from hypothesis import settings

# Whether an example took longer than 200 ms says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
