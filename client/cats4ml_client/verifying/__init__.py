"""Reading a release again, and saying whether it is what it says.

Standard library only (Parquet is read where pyarrow is there), in bounded memory, and on purpose without a line of the
platform's code: what the platform counts wrong a second reading finds.
"""

from cats4ml_client.verifying.checking import verify_release
from cats4ml_client.verifying.report import Difference, Report, Unverifiable

__all__ = ["Difference", "Report", "Unverifiable", "verify_release"]
