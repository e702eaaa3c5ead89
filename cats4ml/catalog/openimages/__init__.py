"""Open Images' published files, versions 3 to 7, on their way into the catalogue.

`source` gets a file, `files` opens it and tells its kind, `records` reads it record by record, `rows` judges one row,
`kinds` brings batches into the tables, and `runs` does all this so that it may be interrupted at any point.
"""

from cats4ml.catalog.models import AnnotationSource

VOCABULARY = COLLECTION = "openimages"
# The names that the files have for who annotated.
SOURCES = {
    "verification": AnnotationSource.VERIFICATION,
    "crowdsource-verification": AnnotationSource.CROWDSOURCE,
    "machine": AnnotationSource.MACHINE,
}
