"""What `recurra train` learns: from a table or a built-in data set to a score on unseen data."""

from recurra.cli.problems.named import from_data_set
from recurra.cli.problems.problem import Part, Problem
from recurra.cli.problems.table import from_table

__all__ = ["Part", "Problem", "from_data_set", "from_table"]
