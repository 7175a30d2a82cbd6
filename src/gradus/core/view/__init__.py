"""What REST answers and the Python client returns: nouns put together for a reader.

Pages are made of the same objects, so that a page, a REST answer and a client never disagree.
"""
