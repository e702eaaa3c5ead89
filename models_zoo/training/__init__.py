"""The parts of `models_zoo.train_heads`: labels, features, fitting, calibrating, measuring, and the card."""
