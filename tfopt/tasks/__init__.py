"""Tasks: the score of an answer, the loss that teaches it, and the outputs and labels that go together."""
