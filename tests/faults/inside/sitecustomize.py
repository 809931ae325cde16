"""What Python reads first in every process that the driver starts, and in those that these start."""

from tests.faults import points

points.install()
