"""The tags of EC2 that the controller reads. The template lets it act by them, and names the same."""

MEMBER_TAG = "understudy:member"
"""Its value says which member of which cluster an instance is."""
STACK_TAG = "understudy:stack"
"""Its value is the name of the stack whose controller may act on what has the tag."""
