"""Made-up data: a series, reviews, translations and images with masks; each is described where it is made."""
