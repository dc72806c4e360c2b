"""What is heard: our own sound tagger, the opt-in AudioSet tagger, and speech."""
