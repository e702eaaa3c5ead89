"""The scoring worker: decodes pictures, runs the ensemble, answers with numbers. No Django, no database."""
