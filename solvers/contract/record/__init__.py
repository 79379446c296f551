"""Records of runs: the trace, and the file that keeps a result without pickle.

trace: one row per evaluation; file: reading and writing records, and names that cannot leave the run's folder.
"""

from solvers.contract.record.file import RecordError, read_record, record_path, safe_name, write_record
from solvers.contract.record.trace import Trace, TraceWriter

__all__ = ["RecordError", "Trace", "TraceWriter", "read_record", "record_path", "safe_name", "write_record"]
