"""The rules of the challenge as functions of values: no rows, no clock, no settings, standard library only."""
