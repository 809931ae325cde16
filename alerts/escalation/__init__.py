"""What nobody acknowledges in time moves on: to the deputy, the head of the department, compliance."""
