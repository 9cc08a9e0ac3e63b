"""Optimize: the smallest, fastest or leanest file within what may be lost, searched for among recipes."""
